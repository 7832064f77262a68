"""RSP: how a whole answer counts its tokens."""

from __future__ import annotations

import pytest

from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.target.limited_requests import cut_answer
from mixtral_contract.suite.verdicts.completion_fields import text_of, usage_of
from mixtral_contract.suite.verdicts.verdict import Unsupported, require

_COMMON_WORDS = (
    "morning garden window summer people mother letter number doctor street winter father family friend school river "
    "market button silver island animal bottle butter circle corner dinner finger flower forest ground"
)
"""Words of about six letters, one token each or hardly more."""


@pytest.mark.clause("RSP-09")
def test_completion_tokens__keep_max_tokens(endpoint: Endpoint) -> None:
    """Usage reports no more than was allowed."""
    for exchange in endpoint.seen.completions:
        found, most = usage_of(exchange)["completion_tokens"], endpoint.body()["max_tokens"]
        require(found <= most, expected=f"at most {most} completion tokens", got=found, exchange=exchange)


@pytest.mark.clause("RSP-10")
def test_total_tokens__is_the_sum(endpoint: Endpoint) -> None:
    """Prompt and completion make the total, however the text ends."""
    ended = []
    if not endpoint.client.frugal and "stop" in endpoint.operation.request.properties:
        ended = [cut_answer(endpoint), endpoint.complete(endpoint.body(stop="e"))]
    for exchange in (*endpoint.seen.completions, *ended):
        usage = usage_of(exchange)
        wanted = usage["prompt_tokens"] + usage["completion_tokens"]
        require(usage["total_tokens"] == wanted, expected=wanted, got=usage["total_tokens"], exchange=exchange)


@pytest.mark.clause("RSP-20")
def test_tokens__are_counted(endpoint: Endpoint) -> None:
    """No text is made of no tokens."""
    for exchange in endpoint.seen.completions:
        usage, text = usage_of(exchange), text_of(exchange)
        require(usage["prompt_tokens"] > 0, expected="prompt tokens", got=usage, exchange=exchange)
        require(usage["completion_tokens"] > 0 or not text, expected="completion tokens", got=usage, exchange=exchange)


@pytest.mark.clause("RSP-11")
def test_earlier_messages__are_counted(endpoint: Endpoint) -> None:
    """The simplest request, and the same with a turn before it, of which neither side alone makes up the difference.

    A word is a token at least, and no tokenizer of English needs many more for words as common as these.
    """
    short = endpoint.seen.completion
    before = [{"role": role, "content": _COMMON_WORDS} for role in ("user", "assistant")]
    longer = endpoint.complete(endpoint.body(messages=[*before, *endpoint.body()["messages"]]))
    count, least = (
        usage_of(longer)["prompt_tokens"],
        usage_of(short)["prompt_tokens"] + 1.7 * len(_COMMON_WORDS.split()),
    )
    require(count >= least, expected=f"at least {least:.0f}", got=count, exchange=longer)


@pytest.mark.clause("RSP-32")
def test_system_message__is_counted(endpoint: Endpoint) -> None:
    """The simplest request, and the same after a system message; one that is not counted was not read."""
    short = endpoint.seen.completion
    system = {"role": "system", "content": _COMMON_WORDS}
    longer = endpoint.ask(endpoint.body(messages=[system, *endpoint.body()["messages"]]))
    endpoint.settle(longer)
    if longer.status != 200:
        raise Unsupported(f"a system message is refused: {longer.summary}", exchange=longer)
    count, least = (
        usage_of(longer)["prompt_tokens"],
        usage_of(short)["prompt_tokens"] + 0.85 * len(_COMMON_WORDS.split()),
    )
    require(count >= least, expected=f"at least {least:.0f}", got=count, exchange=longer)
