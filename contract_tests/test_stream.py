"""STR: what a stream says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from contract_tests.endpoint import Endpoint
from contract_tests.oracle import Oracle
from contract_tests.stream import Stream
from contract_tests.test_answers import REPEATABLE, stop_in
from contract_tests.verdict import Info, Unsupported, require


def _chunks(stream: Stream) -> tuple[Mapping[str, Any], ...]:
    if not stream.chunks:
        raise Unsupported("no chunk to look at", exchange=stream.exchange)
    return stream.chunks


@pytest.mark.clause("STR-01")
def test_object__is_chat_completion_chunk(endpoint: Endpoint) -> None:
    """In every chunk."""
    stream = endpoint.seen.stream
    found = [chunk.get("object") for chunk in _chunks(stream) if chunk.get("object") != "chat.completion.chunk"]
    require(not found, expected="chat.completion.chunk", got=found[:4], exchange=stream.exchange)


@pytest.mark.clause("STR-02")
def test_identity__is_constant(endpoint: Endpoint) -> None:
    """One id, one model."""
    stream = endpoint.seen.stream
    for name in ("id", "model"):
        found = {repr(chunk.get(name)) for chunk in _chunks(stream)}
        require(len(found) == 1, expected=f"one {name}", got=sorted(found)[:4], exchange=stream.exchange)


@pytest.mark.clause("STR-03")
def test_first_chunk__names_the_role(endpoint: Endpoint) -> None:
    """The first choice's delta says assistant."""
    stream = endpoint.seen.stream
    if not stream.choices:
        raise Unsupported("no choice to look at", exchange=stream.exchange)
    delta = stream.choices[0].get("delta")
    role = delta.get("role") if isinstance(delta, dict) else None
    require(role == "assistant", expected="role assistant", got=f"delta {delta}", exchange=stream.exchange)


@pytest.mark.clause("STR-04")
def test_deltas_joined__are_the_whole_text(endpoint: Endpoint) -> None:
    """The same request, streamed and not."""
    body = endpoint.body(**REPEATABLE)
    whole = endpoint.complete(body)
    stream = endpoint.stream({**body, "stream": True})
    text = _whole_text(whole.json)
    require(stream.text == text, expected=repr(text), got=repr(stream.text), exchange=stream.exchange)


@pytest.mark.clause("STR-05")
def test_finish_reason__stands_once_and_last(endpoint: Endpoint) -> None:
    """One, and no content after it."""
    stream = endpoint.seen.stream
    reasons = stream.finish_reasons
    require(len(reasons) == 1, expected="one finish_reason", got=reasons, exchange=stream.exchange)
    after = False
    for choice in stream.choices:
        delta = choice.get("delta")
        content = delta.get("content") if isinstance(delta, dict) else None
        require(not (after and content), expected="no content after", got=repr(content), exchange=stream.exchange)
        after = after or choice.get("finish_reason") is not None


@pytest.mark.clause("STR-06")
def test_finish_reason__is_null_until_the_end(endpoint: Endpoint) -> None:
    """The key is there."""
    stream = endpoint.seen.stream
    missing = sum("finish_reason" not in choice for choice in stream.choices)
    require(not missing, expected="finish_reason in every choice", got=f"{missing} without", exchange=stream.exchange)


@pytest.mark.clause("STR-07")
def test_usage__comes_last_when_asked_for(endpoint: Endpoint) -> None:
    """A last chunk with usage and without choices."""
    stream = endpoint.stream(endpoint.body(stream=True, stream_options={"include_usage": True}))
    last = _chunks(stream)[-1]
    good = last.get("choices") == [] and isinstance(last.get("usage"), dict)
    require(good, expected="choices [] and usage in the last chunk", got=str(last)[:200], exchange=stream.exchange)


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


@pytest.mark.clause("STR-09")
def test_whole_answer__without_stream(endpoint: Endpoint) -> None:
    """Absent and false are the same."""
    for exchange in (endpoint.seen.completion, endpoint.complete(endpoint.body(stream=False))):
        whole = isinstance(exchange.json, dict)
        require(whole, expected="one JSON object", got=exchange.summary, exchange=exchange)


@pytest.mark.clause("STR-10")
def test_max_tokens__bounds_the_stream(endpoint: Endpoint) -> None:
    """A cut stream says length."""
    messages = [{"role": "user", "content": "Count from one to two hundred in words."}]
    stream = endpoint.stream(endpoint.body(stream=True, messages=messages, max_tokens=2))
    reasons = stream.finish_reasons
    cut = bool(reasons) and all(reason == "length" for reason in reasons)
    require(cut, expected="finish_reason length", got=reasons, exchange=stream.exchange)


@pytest.mark.clause("STR-11")
def test_streamed_text__lacks_the_stop_sequence(endpoint: Endpoint) -> None:
    """A piece of two words, which lies across two tokens."""
    fields = endpoint.operation.request.properties
    body = endpoint.body(stream=True, **{name: value for name, value in REPEATABLE.items() if name in fields})
    stop = stop_in(endpoint.stream(body).text)
    stream = endpoint.stream({**body, "stop": stop})
    require(stop not in stream.text, expected=f"no {stop!r}", got=repr(stream.text), exchange=stream.exchange)


@pytest.mark.clause("STR-14")
def test_stream__what_becomes_of_it(endpoint: Endpoint) -> None:
    """Recorded: ignored, refused, or a stream."""
    exchange = endpoint.ask(endpoint.body(stream=True))
    raise Info(f"{exchange.status} {exchange.media_type}", exchange=exchange)


@pytest.mark.clause("STR-15")
def test_every_event__keeps_the_schema(endpoint: Endpoint, oracle: Oracle) -> None:
    """Schemathesis has nothing against any event."""
    stream = endpoint.seen.stream
    _chunks(stream)
    if stream.exchange.media_type != "text/event-stream":
        raise Unsupported("another media type, which has its own clause", exchange=stream.exchange)
    departures = oracle.departures(endpoint.operation.dialect, stream.exchange)
    require(not departures, expected="the contract's schema", got="; ".join(departures), exchange=stream.exchange)


@pytest.mark.clause("STR-16")
def test_created__is_constant(endpoint: Endpoint) -> None:
    """The time of the completion, not of the chunk; a stream that does not cross a second cannot tell them apart."""
    stream = endpoint.seen.stream
    found = {repr(chunk.get("created")) for chunk in _chunks(stream)}
    require(len(found) == 1, expected="one created", got=sorted(found)[:4], exchange=stream.exchange)


@pytest.mark.clause("STR-17")
def test_every_chunk__speaks_of_choice_0(endpoint: Endpoint) -> None:
    """The choice's index is not the chunk's number."""
    stream = endpoint.seen.stream
    if not stream.choices:
        raise Unsupported("no choice to look at", exchange=stream.exchange)
    others = [choice.get("index") for choice in stream.choices if choice.get("index") != 0]
    require(not others, expected="index 0", got=f"indexes {others[:8]}", exchange=stream.exchange)


def _whole_text(body: Any) -> str:
    try:
        text = body["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        text = None
    if not isinstance(text, str):
        raise Unsupported("no whole text to compare")
    return text
