"""How long a user waits after a request: not at all after a completion, so that a refused run does not hammer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.primitives.retry_after import retry_after_s

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
    return min(_MOST_S, max(AFTER_FAILURE_S, retry_after_s(headers.get("retry-after", ""), now)))
