"""How many users a window had, from when they came and went."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mixtral_contract.load.counts.users import Users, users_in
from mixtral_contract.load.report.html_report import render
from mixtral_contract.load.results.summary import summarize
from mixtral_contract.load.results.validity import SUSPECT, VALID
from mixtral_contract.load.units.window import Window
from tests.load.results.test_summary import FACTS, completions
from tests.load.settings.test_settings import settings
from tests.support.load_records import S, tally
from tests.support.summary_schema import checked


@pytest.mark.parametrize(
    ("changes", "all_users_s", "found"),
    [
        ({3: 10}, 0.01, Users(10, 10, 10, changed=False)),
        # the last ones come in the warm-up
        ({3: 5, 900: 5}, 0.9, Users(10, 10, 10, changed=False)),
        # the last users come a second after the window began
        ({3: 9, 2000: 1}, 2.0, Users(10, 10, 10, changed=False)),
        # ten more for the last second of ten
        ({3: 10, 10_000: 10}, 0.01, Users(11, 10, 20, changed=True)),
        # half of them leave
        ({3: 10, 6000: -5}, 0.01, Users(7.5, 5, 10, changed=True)),
        # one a second, never all there
        ({1000 * second: 1 for second in range(11)}, None, Users(6.5, 2, 11, changed=True)),
        # what goes after the window was in it
        ({3: 10, 11_500: -10}, 0.01, Users(10, 10, 10, changed=False)),
    ],
)
def test_users__are_those_that_ran(changes: dict[int, int], all_users_s: float | None, found: Users) -> None:
    """In a window from second 1 to 11."""
    assert users_in(changes, 1.0, 11.0, all_users_s) == found


def test_users_that_nobody_counted__are_unknown() -> None:
    """As those of an open loop."""
    assert users_in({}, 1.0, 11.0, 0.0) is None
    assert users_in({3: 10}, 1.0, 0.5, 0.01) is None


def _summary(folder: Path, came: dict[int, int], **facts: Any) -> dict[str, Any]:
    counted = tally(*completions(20), window=Window(S, 11 * S))
    counted.users = Counter(came)
    found = summarize(settings(folder, warmup=1.0), dataclasses.replace(FACTS, **facts), counted)
    checked(found)
    return found


def test_headline__has_the_users_that_ran(tmp_path: Path) -> None:
    """Whatever was asked for; half of them are somebody else's."""
    found = _summary(tmp_path, {3: 5}, users=10, other_users=("Shopper",))
    assert found["headline"].startswith("5 users at once: ")
    assert found["validity"]["verdict"] == VALID
    assert "Users of Shopper ran beside the instrument's: what they sent is in no figure." in found["notes"]
    assert "5 users in a closed loop" in render(found)


@pytest.mark.parametrize(
    ("shape", "verdict", "load"),
    [(None, SUSPECT, "2 to 8 users (5 on average)"), ("Waves", VALID, "2 to 8 users (5 on average, by Waves)")],
)
def test_users_that_changed__are_suspect_unless_asked_for(
    tmp_path: Path, shape: str | None, verdict: str, load: str
) -> None:
    """By a LoadTestShape."""
    found = _summary(tmp_path, {3: 2, 6000: 6}, shape=shape)
    assert found["headline"].startswith(f"{load} at once: ")
    assert found["validity"]["verdict"] == verdict
    assert load in render(found)
