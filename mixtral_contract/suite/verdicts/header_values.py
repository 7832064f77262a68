"""Values that clauses read from the headers of an answer."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime

from mixtral_contract.suite.http.exchange import Exchange
from mixtral_contract.suite.verdicts.verdict import Unsupported

CLOCK_S = 300
"""Seconds by which a server's clock may be off."""
CREDITS_HEADER = "x-remaining-credits"


def date_s(exchange: Exchange) -> float | None:
    """The answer's Date in seconds since 1970; None without a good one."""
    try:
        return parsedate_to_datetime(exchange.header("date") or "").timestamp()
    except ValueError:
        return None


def remaining_credits(exchange: Exchange) -> Decimal:
    """What an answer says is left.

    Raises: Unsupported when it says no finite number.
    """
    found = exchange.header(CREDITS_HEADER)
    try:
        number = Decimal(found or "")
    except InvalidOperation:
        raise Unsupported(f"no number of credits to look at: {found}", exchange=exchange) from None
    if not number.is_finite():
        raise Unsupported(f"no finite number of credits to look at: {found}", exchange=exchange)
    return number
