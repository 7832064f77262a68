"""RSP: a text that max_tokens cuts."""

from __future__ import annotations

import pytest

from mixtral_contract.suite.http.exchange import Exchange, is_completion
from mixtral_contract.suite.target.combined_requests import MINIMUMS
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.target.limited_requests import cut_answer, long_task
from mixtral_contract.suite.verdicts.completion_fields import choice_of, text_of, usage_of
from mixtral_contract.suite.verdicts.text_limits import FEW, LONGEST_TOKEN, ROOMY, is_brief, require_count, require_cut
from mixtral_contract.suite.verdicts.verdict import require

_BEYOND_ASCII = "\u732b\u0436\u00e9" * 10


@pytest.mark.clause("RSP-08")
def test_text_cut_by_max_tokens__says_length(endpoint: Endpoint) -> None:
    """Two tokens of a long task are a cut."""
    exchange = cut_answer(endpoint)
    reason = choice_of(exchange).get("finish_reason")
    if reason == "stop" and is_brief(text_of(exchange)):
        roomy = endpoint.complete(long_task(endpoint, ROOMY))
        require_cut(text_of(exchange), text_of(roomy), exchange)
    require(reason == "length", expected="finish_reason length", got=reason, exchange=exchange)


@pytest.mark.clause("RSP-17")
def test_default_max_tokens__bounds_the_completion(endpoint: Endpoint) -> None:
    """Without max_tokens the documented default holds, neither more nor less."""
    exchange = endpoint.complete(endpoint.body(max_tokens=...))
    found, most = usage_of(exchange)["completion_tokens"], endpoint.operation.defaults["max_tokens"]
    require(found <= most, expected=f"at most {most} completion tokens", got=found, exchange=exchange)
    cut_early = found < most and choice_of(exchange).get("finish_reason") == "length"
    require(not cut_early, expected=f"a text cut after {most} tokens", got=f"after {found}", exchange=exchange)


@pytest.mark.clause("RSP-25")
def test_text_cut_by_max_tokens__is_short(endpoint: Endpoint) -> None:
    """Whatever usage says: two tokens are no page of text."""
    exchange = cut_answer(endpoint)
    found, most = len(text_of(exchange)), FEW * LONGEST_TOKEN
    require(found <= most, expected=f"at most {most} characters", got=f"{found}", exchange=exchange)


@pytest.mark.clause("RSP-29")
def test_text_cut_by_max_tokens__counts_as_many(endpoint: Endpoint) -> None:
    """More than was allowed is billed, fewer is a limit that is not the one asked for."""
    cut = [
        (cut_answer(endpoint), FEW),
        (endpoint.seen.completion, endpoint.body()["max_tokens"]),
        *_cut_elsewhere(endpoint),
    ]
    for exchange, most in cut:
        found = usage_of(exchange)["completion_tokens"]
        if found > most or choice_of(exchange).get("finish_reason") == "length":
            require_count(found, most, exchange)


def _cut_elsewhere(endpoint: Endpoint) -> list[tuple[Exchange, int]]:
    """Answers cut at other places: after one token, and among characters of several bytes; with how many they may have.

    Where completions are counted, one that was asked for already.
    """
    if endpoint.client.frugal:
        least, fewest = endpoint.seen.combined(MINIMUMS), endpoint.operation.request.properties["max_tokens"]
        return [(least, fewest["minimum"])] if is_completion(least) and "minimum" in fewest else []
    one = endpoint.complete(endpoint.body(max_tokens=1))
    beyond = [{"role": "user", "content": f"Repeat exactly: {_BEYOND_ASCII}"}]
    return [(one, 1), (endpoint.complete(endpoint.body(messages=beyond, max_tokens=FEW)), FEW)]
