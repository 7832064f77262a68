"""What requests cost, whatever the server makes of max_tokens."""

from __future__ import annotations

from pathlib import Path

import pytest

from mixtral_contract.load.costs.payments import Payments
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.reading.record import Record
from tests.load.settings.test_settings import settings
from tests.support.load_records import failed, record

PRICE = "1usd/1k-output"


def payments(folder: Path, budget: str = "1usd") -> Payments:
    """The account of a run whose answers should have 20 tokens, each 0.001 usd."""
    return Payments(settings(folder, dialect="nvidia", budget=budget, price=PRICE, output_tokens="20").cost, 1)


def under_way(account: Payments, most: int = 200) -> int:
    """How many requests may leave now."""
    return sum(account.reserve() for _ in range(most))


def test_answers_longer_than_asked__are_reserved_for(tmp_path: Path) -> None:
    """The first one shows that a request costs 0.2 usd, not 0.02: four more fit, one after the other."""
    account = payments(tmp_path)
    sent = 0
    while account.reserve():
        sent += 1
        account.settle(record([(1.0, 200)], usage_tokens=200), None)
    assert sent == 5
    assert account.is_empty


def test_answers_as_long_as_asked__let_all_leave_that_fit(tmp_path: Path) -> None:
    """One, then as many as have ended; in the end 50 of 0.02 usd."""
    account = payments(tmp_path)
    waves = []
    while wave := under_way(account):
        waves.append(wave)
        for _ in range(wave):
            account.settle(record([(1.0, 20)], usage_tokens=20), None)
    assert waves == [1, 1, 2, 4, 8, 16, 18]


def test_many_at_once__leave_where_a_full_context_window_would_fit(tmp_path: Path) -> None:
    """At most 65,536 tokens together: 65.5 usd each."""
    assert under_way(payments(tmp_path, "700usd")) == 10


MOST = 300


def broken(outcome: Outcome, events: int) -> Record:
    """An answer that broke off after so many events."""
    return record([(1.0, events)], outcome=outcome, finish_reason=None)


@pytest.mark.parametrize(
    ("ended", "sent"),
    [
        pytest.param(record([(1.0, 20)], usage_tokens=5), 197, id="usage"),
        pytest.param(record([(1.0, 5)]), 50, id="no usage"),
        pytest.param(record([(1.0, 30)]), 33, id="long, without usage"),
        pytest.param(broken(Outcome.TRUNCATED, 5), 50, id="cut"),
        pytest.param(broken(Outcome.TIMEOUT, 300), 3, id="endless"),
        pytest.param(failed(Outcome.HTTP_ERROR, 500), MOST, id="refused"),
        pytest.param(failed(Outcome.CONNECTION_ERROR), 50, id="unanswered"),
    ],
)
def test_what_is_not_known__costs_the_most(tmp_path: Path, ended: Record, sent: int) -> None:
    """1 usd pays for so many: by usage where that came; else for what was asked, or for what came if that is more."""
    account = payments(tmp_path)
    found = 0
    while found < MOST and account.reserve():
        found += 1
        account.settle(ended, None)
    assert found == sent


def test_long_answers_of_a_conversation__are_said_again(tmp_path: Path) -> None:
    """Of three turns the last prompt holds two answers: both are as long as the longest one seen."""
    cost = settings(tmp_path, price="1usd/1k-tokens", prompt_tokens="10", output_tokens="20", turns=3).cost
    assert cost.worst == pytest.approx((3 * 26 + 2 * 20 + 20) / 1000)
    assert cost.worst_after(10, 200) == pytest.approx((3 * 26 + 2 * 200 + 200) / 1000)
