"""CRD: credits."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import pytest

from contract_tests.endpoint import Endpoint
from contract_tests.exchange import Exchange
from contract_tests.verdict import Unsupported, require

_HEADER = "x-remaining-credits"


def remaining_credits(exchange: Exchange) -> Decimal:
    """What an answer says is left.

    Raises: Unsupported when it says no finite number.
    """
    found = exchange.header(_HEADER)
    try:
        number = Decimal(found or "")
    except InvalidOperation:
        raise Unsupported(f"no number of credits to look at: {found}", exchange=exchange) from None
    if not number.is_finite():
        raise Unsupported(f"no finite number of credits to look at: {found}", exchange=exchange)
    return number


@pytest.mark.clause("CRD-01")
def test_completion__says_the_remaining_credits(endpoint: Endpoint) -> None:
    """The header is on every completion."""
    exchange = endpoint.seen.completion
    require(exchange.header(_HEADER) is not None, expected=_HEADER, got="none", exchange=exchange)


@pytest.mark.clause("CRD-02")
def test_remaining_credits__are_a_number(endpoint: Endpoint) -> None:
    """A finite decimal that is not negative."""
    exchange = endpoint.seen.completion
    found = exchange.header(_HEADER)
    if found is None:
        raise Unsupported("no credits to look at", exchange=exchange)
    good = found.replace(".", "", 1).isdecimal() and found.isascii()
    require(good, expected="a decimal number", got=f"{_HEADER}: {found}", exchange=exchange)


@pytest.mark.clause("CRD-03")
def test_remaining_credits__never_rise(endpoint: Endpoint) -> None:
    """Over two completions, whichever was asked for first."""
    seen = [each for each in (endpoint.seen.completion, endpoint.seen.second_answer) if each.status == 200]
    before, *later = (remaining_credits(each) for each in sorted(seen, key=lambda each: each.sent_ns))
    if not later:
        raise Unsupported(f"no second answer: {endpoint.seen.second_answer.summary}")
    require(later[0] <= before, expected=f"at most {before}", got=later[0])


@pytest.mark.clause("CRD-06")
def test_refusal__costs_nothing(endpoint: Endpoint) -> None:
    """A completion with a refusal before it costs what one without costs."""
    first = remaining_credits(endpoint.complete())
    second = remaining_credits(endpoint.complete())
    refused = endpoint.ask(endpoint.body(messages=7))
    if refused.status == 200:
        raise Unsupported(f"no refusal to look at: {refused.summary}", exchange=refused)
    third = remaining_credits(endpoint.complete())
    require(second - third <= first - second, expected=f"{first - second}", got=f"{second - third}")


@pytest.mark.clause("CRD-09")
def test_completions__use_credits_up(endpoint: Endpoint) -> None:
    """Over three completions; a header that never changes keeps track of nothing."""
    first, *_, last = (remaining_credits(endpoint.complete()) for _ in range(3))
    require(last < first, expected=f"less than {first}", got=last)
