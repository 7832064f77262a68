"""STR: what a stream says."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest

from mixtral_contract.suite.generation.schema_oracle import Oracle
from mixtral_contract.suite.http.event_stream import DONE, Stream
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.target.extra_streams import LONG
from mixtral_contract.suite.verdicts.header_values import CLOCK_S, date_s
from mixtral_contract.suite.verdicts.text_limits import (
    FEW,
    LONGEST_TOKEN,
    REPEATABLE,
    ROOMY,
    is_brief,
    require_count,
    require_cut,
    require_ended,
    require_kept,
    stop_in,
)
from mixtral_contract.suite.verdicts.verdict import Info, NotRun, Unsupported, require

_COUNT = LONG["messages"]
_WITH_USAGE = {"stream": True, "stream_options": {"include_usage": True}}
_FEW = 3
_LONG_TEXT = 80
"""Characters of an answer that no one delta holds."""


def _chunks(stream: Stream) -> tuple[Mapping[str, Any], ...]:
    if not stream.chunks:
        raise Unsupported("no chunk to look at", exchange=stream.exchange)
    return stream.chunks


@pytest.mark.clause("STR-01")
def test_object__is_chat_completion_chunk(endpoint: Endpoint) -> None:
    """In every chunk."""
    for stream in endpoint.seen.streams:
        found = [chunk.get("object") for chunk in _chunks(stream) if chunk.get("object") != "chat.completion.chunk"]
        require(not found, expected="chat.completion.chunk", got=found[:4], exchange=stream.exchange)


@pytest.mark.clause("STR-02")
def test_identity__is_constant(endpoint: Endpoint) -> None:
    """One id, one model."""
    for stream in endpoint.seen.streams:
        for name in ("id", "model"):
            found = {repr(chunk.get(name)) for chunk in _chunks(stream)}
            require(len(found) == 1, expected=f"one {name}", got=sorted(found)[:4], exchange=stream.exchange)


@pytest.mark.clause("STR-03")
def test_first_chunk__names_the_role(endpoint: Endpoint) -> None:
    """The first choice's delta says assistant."""
    for stream in endpoint.seen.streams:
        if not stream.choices:
            raise Unsupported("no choice to look at", exchange=stream.exchange)
        delta = stream.choices[0].get("delta")
        role = delta.get("role") if isinstance(delta, dict) else None
        require(role == "assistant", expected="role assistant", got=f"delta {delta}", exchange=stream.exchange)


@pytest.mark.clause("STR-04")
def test_deltas_joined__are_the_whole_text(endpoint: Endpoint) -> None:
    """The same request, streamed and not; where that costs nothing a long text too."""
    for changes in ({}, LONG)[: 1 if endpoint.line.frugal else 2]:
        body = endpoint.body(**REPEATABLE, **changes)
        text = _whole_text(endpoint.complete(body).json)
        stream = endpoint.stream({**body, "stream": True})
        require(stream.text == text, expected=repr(text), got=repr(stream.text), exchange=stream.exchange)


@pytest.mark.clause("STR-05")
def test_finish_reason__stands_once_and_last(endpoint: Endpoint) -> None:
    """One, and no content after it."""
    for stream in endpoint.seen.streams:
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
    for stream in endpoint.seen.streams:
        missing = sum("finish_reason" not in choice for choice in stream.choices)
        require(
            not missing, expected="finish_reason in every choice", got=f"{missing} without", exchange=stream.exchange
        )


@pytest.mark.clause("STR-07")
def test_usage__comes_last_when_asked_for(endpoint: Endpoint) -> None:
    """A last chunk with usage and without choices."""
    stream = endpoint.stream(endpoint.body(stream=True, stream_options={"include_usage": True}))
    last = _chunks(stream)[-1]
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


@pytest.mark.clause("STR-09")
def test_whole_answer__without_stream(endpoint: Endpoint) -> None:
    """Absent and false are the same."""
    for exchange in (endpoint.seen.completion, endpoint.complete(endpoint.body(stream=False))):
        whole = isinstance(exchange.json, dict)
        require(whole, expected="one JSON object", got=exchange.summary, exchange=exchange)


@pytest.mark.clause("STR-10")
def test_max_tokens__bounds_the_stream(endpoint: Endpoint) -> None:
    """A cut stream says length."""
    stream = _cut(endpoint)
    reasons = stream.finish_reasons
    if reasons == ["stop"] and is_brief(stream.text):
        require_cut(stream.text, endpoint.stream(_long_task(ROOMY, endpoint)).text, stream.exchange)
    cut = bool(reasons) and all(reason == "length" for reason in reasons)
    require(cut, expected="finish_reason length", got=reasons, exchange=stream.exchange)


@pytest.mark.clause("STR-11")
def test_streamed_text__lacks_the_stop_sequence(endpoint: Endpoint) -> None:
    """A piece of two words, which lies across two tokens; alone, and in a list."""
    _, stop, stream = _stopped(endpoint)
    streams = [stream]
    if not endpoint.line.frugal:
        streams.append(endpoint.stream({**_repeatable(endpoint), "stop": [stop, "#~#~#"]}))
    for each in streams:
        require(stop not in each.text, expected=f"no {stop!r}", got=repr(each.text), exchange=each.exchange)


@pytest.mark.clause("STR-30")
def test_streamed_text_before_the_stop_sequence__stays(endpoint: Endpoint) -> None:
    """Also what was held back, for it might have begun the sequence; and no beginning of the sequence."""
    whole, stop, stream = _stopped(endpoint)
    require_kept(whole, stop, stream.text, stream.exchange)


@pytest.mark.clause("STR-31")
def test_stream_ended_by_a_stop_sequence__says_stop(endpoint: Endpoint) -> None:
    """OpenAI's reference: stop if the model hit a natural stop point or a provided stop sequence."""
    whole, _, stream = _stopped(endpoint)
    require_ended(stream.text, whole, stream.exchange)
    reasons = stream.finish_reasons
    if not reasons:
        raise Unsupported("no finish_reason, which has its own clause", exchange=stream.exchange)
    stopped = all(reason == "stop" for reason in reasons)
    require(stopped, expected="finish_reason stop", got=reasons, exchange=stream.exchange)


def _repeatable(endpoint: Endpoint, **changes: Any) -> dict[str, Any]:
    """A body that asks for a stream, the same one each time as far as the dialect has fields for that."""
    fields = endpoint.operation.request.properties
    return endpoint.body(
        stream=True, **{name: value for name, value in REPEATABLE.items() if name in fields}, **changes
    )


def _stopped(endpoint: Endpoint) -> tuple[str, str, Stream]:
    """A streamed text, a piece of it, and the stream of the same request with that for a stop sequence."""
    body = _repeatable(endpoint)
    whole = endpoint.stream(body).text
    stop = stop_in(whole)
    return whole, stop, endpoint.stream({**body, "stop": stop})


@pytest.mark.clause("STR-14")
def test_stream__what_becomes_of_it(endpoint: Endpoint) -> None:
    """Recorded: ignored, refused, or a stream."""
    exchange = endpoint.ask(endpoint.body(stream=True))
    raise Info(f"{exchange.status} {exchange.media_type}", exchange=exchange)


@pytest.mark.clause("STR-15")
def test_every_event__keeps_the_schema(endpoint: Endpoint, oracle: Oracle) -> None:
    """Schemathesis has nothing against any event."""
    for stream in endpoint.seen.streams:
        _chunks(stream)
        if stream.exchange.media_type != "text/event-stream":
            raise Unsupported("another media type, which has its own clause", exchange=stream.exchange)
        departures = oracle.departures(endpoint.operation.dialect, stream.exchange)
        require(not departures, expected="the contract's schema", got="; ".join(departures), exchange=stream.exchange)


@pytest.mark.clause("STR-16")
def test_created__is_constant(endpoint: Endpoint) -> None:
    """The time of the completion, not of the chunk; a stream that does not cross a second cannot tell them apart."""
    for stream in endpoint.seen.streams:
        found = {repr(chunk.get("created")) for chunk in _chunks(stream)}
        require(len(found) == 1, expected="one created", got=sorted(found)[:4], exchange=stream.exchange)


@pytest.mark.clause("STR-18")
def test_role__is_named_once(endpoint: Endpoint) -> None:
    """A client that joins deltas joins roles too: the openai SDK's accumulator makes "assistantassistant" of two."""
    for stream in endpoint.seen.streams:
        deltas = [choice["delta"] for choice in stream.choices if isinstance(choice.get("delta"), dict)]
        named = [index for index, delta in enumerate(deltas) if delta.get("role") is not None]
        require(len(named) <= 1, expected="role in one chunk", got=f"in {len(named)} chunks", exchange=stream.exchange)


@pytest.mark.clause("STR-19")
def test_streams__have_ids_of_their_own(endpoint: Endpoint) -> None:
    """Two streams and a whole answer have three ids."""
    first, second = endpoint.seen.stream, endpoint.stream()
    ids = [repr(chunks[0].get("id")) for chunks in (_chunks(first), _chunks(second))]
    whole = endpoint.seen.answer.json
    ids += [repr(whole.get("id"))] if isinstance(whole, dict) else []
    require(len(set(ids)) == len(ids), expected="an id each", got=", ".join(ids), exchange=second.exchange)


@pytest.mark.clause("STR-20")
def test_chunks__name_the_model_asked_for(endpoint: Endpoint) -> None:
    """Each of them."""
    for stream in endpoint.seen.streams:
        wanted = endpoint.body()["model"]
        others = [chunk.get("model") for chunk in _chunks(stream) if chunk.get("model") != wanted]
        require(not others, expected=wanted, got=others[:3], exchange=stream.exchange)


@pytest.mark.clause("STR-21")
def test_created_of_a_stream__is_the_time_of_the_answer(endpoint: Endpoint) -> None:
    """In seconds, within five minutes of the Date header."""
    for stream in endpoint.seen.streams:
        created, answered_s = _chunks(stream)[0].get("created"), date_s(stream.exchange)
        if created is None or answered_s is None:
            raise Unsupported("no created or no Date to compare", exchange=stream.exchange)
        near = isinstance(created, int) and abs(created - answered_s) <= CLOCK_S
        require(near, expected=f"about {answered_s:.0f}", got=created, exchange=stream.exchange)


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
    early = [index for index, chunk in enumerate(_chunks(stream)[:-1]) if chunk.get("usage") is not None]
    got = f"in {len(early)} chunks before it"
    require(not early, expected="usage null or absent before the last chunk", got=got, exchange=stream.exchange)


@pytest.mark.clause("STR-24")
def test_usage__is_not_sent_unasked(endpoint: Endpoint) -> None:
    """A chunk without choices is an error in every client that takes the first choice of each."""
    for stream in endpoint.seen.streams:
        bare = [chunk for chunk in _chunks(stream) if chunk.get("choices") == []]
        # the usage that was asked for is the last
        unasked = bare if b'"include_usage"' not in stream.exchange.request.body else bare[:-1]
        require(not unasked, expected="a choice in every chunk", got=str(unasked[:1])[:120], exchange=stream.exchange)


@pytest.mark.clause("STR-25")
def test_deltas__are_parts_and_no_running_text(endpoint: Endpoint) -> None:
    """Each content is what was added, not all that was said so far."""
    said = {stream: [content for content in stream.contents if content] for stream in endpoint.seen.streams}
    telling = {stream: contents for stream, contents in said.items() if len(contents) >= _FEW}
    if not telling:
        raise Unsupported(f"{max(map(len, said.values()))} contents are too few to tell")
    for stream, contents in telling.items():
        running = all(after.startswith(before) for before, after in pairwise(contents))
        require(not running, expected="partial deltas", got=repr(contents[:3]), exchange=stream.exchange)


@pytest.mark.clause("STR-26")
def test_long_answer__comes_in_more_than_one_delta(endpoint: Endpoint) -> None:
    """A gateway that asks for a whole answer and sends it as one event streams nothing."""
    stream = endpoint.stream(_repeatable(endpoint, messages=_COUNT, max_tokens=64))
    contents = [content for content in stream.contents if content]
    if len(stream.text) < _LONG_TEXT:
        raise Unsupported(f"{len(stream.text)} characters are too few to tell", exchange=stream.exchange)
    got = f"{len(stream.text)} characters in one"
    require(len(contents) > 1, expected="partial deltas", got=got, exchange=stream.exchange)


@pytest.mark.clause("STR-27")
def test_stream__counts_the_same_completion(endpoint: Endpoint) -> None:
    """completion_tokens of the same request, streamed and not, where the text is the same."""
    body = endpoint.body(**REPEATABLE)
    whole = endpoint.complete(body)
    stream = endpoint.stream({**body, **_WITH_USAGE})
    usage = whole.json.get("usage") if isinstance(whole.json, dict) else None
    if not isinstance(usage, dict) or stream.usage is None or _whole_text(whole.json) != stream.text:
        raise Unsupported("no two usages of one text to compare", exchange=stream.exchange)
    counts = usage.get("completion_tokens"), stream.usage.get("completion_tokens")
    require(counts[0] == counts[1], expected=f"{counts[0]} completion tokens", got=counts[1], exchange=stream.exchange)


@pytest.mark.clause("STR-28")
def test_text_of_a_cut_stream__is_short(endpoint: Endpoint) -> None:
    """Whatever finish_reason says: two tokens are no page of text."""
    stream = _cut(endpoint)
    found, most = len(stream.text), FEW * LONGEST_TOKEN
    require(found <= most, expected=f"at most {most} characters", got=f"{found}", exchange=stream.exchange)


@pytest.mark.clause("STR-29")
def test_cut_stream__counts_max_tokens(endpoint: Endpoint) -> None:
    """As many tokens as the limit, neither more nor fewer."""
    if endpoint.target.paid:
        raise NotRun("a stream of its own would be billed")
    stream = endpoint.stream(endpoint.body(**_WITH_USAGE, messages=_COUNT, max_tokens=FEW))
    found = (stream.usage or {}).get("completion_tokens")
    if not isinstance(found, int) or set(stream.finish_reasons) != {"length"}:
        raise Unsupported("no usage of a text that was cut", exchange=stream.exchange)
    require_count(found, FEW, stream.exchange)


@pytest.mark.clause("STR-17")
def test_every_chunk__speaks_of_choice_0(endpoint: Endpoint) -> None:
    """The choice's index is not the chunk's number."""
    for stream in endpoint.seen.streams:
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


def _cut(endpoint: Endpoint) -> Stream:
    """The stream of a long task that max_tokens cuts, asked for once by all who look at it."""
    return Stream(endpoint.once("cut stream", lambda: endpoint.complete(_long_task(FEW, endpoint))))


def _long_task(tokens: int, endpoint: Endpoint) -> dict[str, Any]:
    return endpoint.body(stream=True, messages=_COUNT, max_tokens=tokens)
