"""How long a user waits after a failure."""

from __future__ import annotations

import datetime as dt

import pytest

from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.run.backoff import AFTER_FAILURE_S, pause_s

NOW = dt.datetime(2026, 11, 22, 12, 0, 0, tzinfo=dt.UTC)


def test_completion__is_followed_by_the_next_request_at_once() -> None:
    """A closed loop has no pause."""
    assert pause_s(Outcome.OK, {"retry-after": "9"}, NOW) == 0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, AFTER_FAILURE_S),
        ("", AFTER_FAILURE_S),
        ("soon", AFTER_FAILURE_S),
        ("-5", AFTER_FAILURE_S),
        ("0", AFTER_FAILURE_S),
        ("7", 7),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30),
        ("Sun, 22 Nov 2026 12:00:30 -0000", 30),
        ("Sun, 22 Nov 2026 11:00:00 GMT", AFTER_FAILURE_S),
        ("9" * 400, 1e9),
        ("1 Jan 99999999999999999999 00:00:00 GMT", AFTER_FAILURE_S),
    ],
)
def test_failure__is_followed_by_what_retry_after_asks_for(value: str | None, seconds: float) -> None:
    """Seconds or a date; never less than a second, so that a refused run does not hammer."""
    headers = {} if value is None else {"retry-after": value}
    assert pause_s(Outcome.RATE_LIMITED, headers, NOW) == seconds
