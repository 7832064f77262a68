"""When to come back, as a refusal says it."""

from __future__ import annotations

import datetime as dt
import email.utils


def retry_after_s(value: str, now: dt.datetime) -> float:
    """Seconds that a Retry-After asks to wait, 0 for none or nonsense.

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
