"""STR: how a stream counts its tokens."""

from __future__ import annotations

import pytest

from mixtral_contract.suite.http.event_stream import DONE
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.target.limited_requests import LONG_TASK
from mixtral_contract.suite.verdicts.stream_fields import chunks_of, whole_text
from mixtral_contract.suite.verdicts.text_limits import FEW, REPEATABLE, require_count
from mixtral_contract.suite.verdicts.verdict import NotRun, Unsupported, require

_WITH_USAGE = {"stream": True, "stream_options": {"include_usage": True}}


@pytest.mark.clause("STR-07")
def test_usage__comes_last_when_asked_for(endpoint: Endpoint) -> None:
    """A last chunk with usage and without choices."""
    stream = endpoint.stream(endpoint.body(stream=True, stream_options={"include_usage": True}))
    last = chunks_of(stream)[-1]
    good = last.get("choices") == [] and isinstance(last.get("usage"), dict)
    require(good, expected="choices [] and usage in the last chunk", got=str(last)[:200], exchange=stream.exchange)
    before = DONE not in stream.payloads[:-1]
    require(before, expected="usage before [DONE]", got=str(stream.payloads[-2:])[:200], exchange=stream.exchange)


@pytest.mark.clause("STR-08")
def test_stream__counts_the_same_prompt(endpoint: Endpoint) -> None:
    """prompt_tokens of the same request, streamed and not."""
    whole = endpoint.seen.completion
    stream = endpoint.stream(endpoint.body(stream=True, stream_options={"include_usage": True}))
    usage = whole.json.get("usage") if isinstance(whole.json, dict) else None
    if not isinstance(usage, dict) or stream.usage is None:
        raise Unsupported("no usage to compare", exchange=stream.exchange)
    counts = usage.get("prompt_tokens"), stream.usage.get("prompt_tokens")
    require(counts[0] == counts[1], expected=f"{counts[0]} prompt tokens", got=counts[1], exchange=stream.exchange)


@pytest.mark.clause("STR-22")
def test_total_tokens_of_a_stream__is_the_sum(endpoint: Endpoint) -> None:
    """Prompt and completion make the total, and neither is nothing."""
    stream = endpoint.stream(endpoint.body(**_WITH_USAGE))
    usage = stream.usage or {}
    prompt, completion, total = (usage.get(f"{name}_tokens") for name in ("prompt", "completion", "total"))
    if not (isinstance(prompt, int) and isinstance(completion, int) and isinstance(total, int)):
        raise Unsupported("no usage to look at", exchange=stream.exchange)
    good = total == prompt + completion and prompt > 0 and (completion > 0 or not stream.text)
    require(good, expected="counts that add up", got=usage, exchange=stream.exchange)


@pytest.mark.clause("STR-23")
def test_usage__stands_in_the_last_chunk_alone(endpoint: Endpoint) -> None:
    """Clients that add up what they are told count a running total many times."""
    stream = endpoint.stream(endpoint.body(**_WITH_USAGE))
    early = [index for index, chunk in enumerate(chunks_of(stream)[:-1]) if chunk.get("usage") is not None]
    got = f"in {len(early)} chunks before it"
    require(not early, expected="usage null or absent before the last chunk", got=got, exchange=stream.exchange)


@pytest.mark.clause("STR-27")
def test_stream__counts_the_same_completion(endpoint: Endpoint) -> None:
    """completion_tokens of the same request, streamed and not, where the text is the same."""
    body = endpoint.body(**REPEATABLE)
    whole = endpoint.complete(body)
    stream = endpoint.stream({**body, **_WITH_USAGE})
    usage = whole.json.get("usage") if isinstance(whole.json, dict) else None
    if not isinstance(usage, dict) or stream.usage is None or whole_text(whole.json) != stream.text:
        raise Unsupported("no two usages of one text to compare", exchange=stream.exchange)
    counts = usage.get("completion_tokens"), stream.usage.get("completion_tokens")
    require(counts[0] == counts[1], expected=f"{counts[0]} completion tokens", got=counts[1], exchange=stream.exchange)


@pytest.mark.clause("STR-29")
def test_cut_stream__counts_max_tokens(endpoint: Endpoint) -> None:
    """As many tokens as the limit, neither more nor fewer."""
    if endpoint.target.paid:
        raise NotRun("a stream of its own would be billed")
    stream = endpoint.stream(endpoint.body(**_WITH_USAGE, messages=LONG_TASK, max_tokens=FEW))
    found = (stream.usage or {}).get("completion_tokens")
    if not isinstance(found, int) or set(stream.finish_reasons) != {"length"}:
        raise Unsupported("no usage of a text that was cut", exchange=stream.exchange)
    require_count(found, FEW, stream.exchange)
