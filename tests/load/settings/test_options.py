"""Options and durations."""

from __future__ import annotations

import argparse

import pytest

from mixtral_contract.load.cli.main import parser
from mixtral_contract.load.settings.option_types import at_least_one, share, yes_or_no
from mixtral_contract.load.settings.options import OPTIONS
from mixtral_contract.load.units.duration import Duration, duration_s


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5s", 5), ("500ms", 0.5), ("1m30s", 90), ("2h", 7200), ("0", 0), ("1.5", 1.5), ("0.25s", 0.25)],
)
def test_duration__is_in_seconds(text: str, seconds: float) -> None:
    """Units may be combined; a bare number is seconds."""
    assert duration_s(text) == pytest.approx(seconds)
    assert type(Duration(0))(text) == duration_s(text) == Duration(duration_s(text))


@pytest.mark.parametrize("text", ["", "x", "5 s", "-1s", "1d", "5ss", "nan", "inf", "s", "9" * 400])
def test_duration__refuses_anything_else(text: str) -> None:
    """With a message that shows what is right."""
    with pytest.raises(argparse.ArgumentTypeError, match="such as 5s"):
        duration_s(text)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "x", "", "²"])
def test_at_least_one__refuses_anything_else(text: str) -> None:
    """Counts of tokens are whole and positive."""
    with pytest.raises(argparse.ArgumentTypeError, match="at least 1"):
        at_least_one(text)


@pytest.mark.parametrize("text", ["-0.1", "1.1", "nan", "x"])
def test_share__is_from_0_to_1(text: str) -> None:
    """Percent signs and more than everything are refused."""
    with pytest.raises(argparse.ArgumentTypeError, match="0 to 1"):
        share(text)


def test_yes_or_no__is_neither_where_a_form_is_empty() -> None:
    """And nothing else is an answer."""
    assert [yes_or_no(text) for text in ("yes", "no", "")] == [True, False, None]
    with pytest.raises(argparse.ArgumentTypeError, match="expected yes or no, got 'maybe'"):
        yes_or_no("maybe")


def test_help__lists_every_option_with_its_default() -> None:
    """Locust's own --help cannot: it answers before it reads the locustfile."""
    shown = " ".join(parser().format_help().split())
    for option in OPTIONS:
        assert option.flag in shown
        assert option.default is None or f"Default: {option.default}." in shown
