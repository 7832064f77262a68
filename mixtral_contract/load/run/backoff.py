"""How long a user waits after a request: not at all after a completion, so that a refused run does not hammer."""

from __future__ import annotations

import datetime as dt
import email.utils
from collections.abc import Mapping

from mixtral_contract.load.reading.outcome import Outcome

AFTER_FAILURE_S = 1.0
"""Least wait after a failed request."""

_MOST_S = 1e9
"""A longer wait is none that anybody can tell from for ever, nor a clock count in nanoseconds."""


def pause_s(outcome: Outcome, headers: Mapping[str, str], now: dt.datetime) -> float:
    """Seconds to wait after a request that ended like this; a Retry-After counts when it asks for more than the least.

    The run's end is not in it: the waiting user watches for that.
    """
    if outcome is Outcome.OK:
        return 0.0
    return min(_MOST_S, max(AFTER_FAILURE_S, _retry_after_s(headers.get("retry-after", ""), now)))


def _retry_after_s(value: str, now: dt.datetime) -> float:
    """Seconds that the header asks for, 0 for none or nonsense.

    Source: RFC 9110 section 10.2.3, a number of seconds or a date.
    """
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return max(0.0, (moment - now).total_seconds())
