"""CRD: credits."""

from __future__ import annotations

import pytest

from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.verdicts.header_values import CREDITS_HEADER, remaining_credits
from mixtral_contract.suite.verdicts.verdict import Unsupported, require


@pytest.mark.clause("CRD-01")
def test_completion__says_the_remaining_credits(endpoint: Endpoint) -> None:
    """The header is on every completion."""
    exchange = endpoint.seen.completion
    require(exchange.header(CREDITS_HEADER) is not None, expected=CREDITS_HEADER, got="none", exchange=exchange)


@pytest.mark.clause("CRD-02")
def test_remaining_credits__are_a_number(endpoint: Endpoint) -> None:
    """A finite decimal that is not negative."""
    exchange = endpoint.seen.completion
    found = exchange.header(CREDITS_HEADER)
    if found is None:
        raise Unsupported("no credits to look at", exchange=exchange)
    good = found.replace(".", "", 1).isdecimal() and found.isascii()
    require(good, expected="a decimal number", got=f"{CREDITS_HEADER}: {found}", exchange=exchange)


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
