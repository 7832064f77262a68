"""STR: what the chunks of a stream say."""

from __future__ import annotations

import pytest

from mixtral_contract.suite.generation.schema_oracle import Oracle
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.verdicts.header_values import CLOCK_S, date_s
from mixtral_contract.suite.verdicts.model_names import is_named
from mixtral_contract.suite.verdicts.stream_fields import chunks_of
from mixtral_contract.suite.verdicts.verdict import Info, Unsupported, require


@pytest.mark.clause("STR-01")
def test_object__is_chat_completion_chunk(endpoint: Endpoint) -> None:
    """In every chunk."""
    for stream in endpoint.seen.streams:
        found = [chunk.get("object") for chunk in chunks_of(stream) if chunk.get("object") != "chat.completion.chunk"]
        require(not found, expected="chat.completion.chunk", got=found[:4], exchange=stream.exchange)


@pytest.mark.clause("STR-02")
def test_identity__is_constant(endpoint: Endpoint) -> None:
    """One id, one model."""
    for stream in endpoint.seen.streams:
        for name in ("id", "model"):
            found = {repr(chunk.get(name)) for chunk in chunks_of(stream)}
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


@pytest.mark.clause("STR-09")
def test_whole_answer__without_stream(endpoint: Endpoint) -> None:
    """Absent and false are the same."""
    for exchange in (endpoint.seen.completion, endpoint.complete(endpoint.body(stream=False))):
        whole = isinstance(exchange.json, dict)
        require(whole, expected="one JSON object", got=exchange.summary, exchange=exchange)


@pytest.mark.clause("STR-14")
def test_stream__what_becomes_of_it(endpoint: Endpoint) -> None:
    """Recorded: ignored, refused, or a stream."""
    exchange = endpoint.ask(endpoint.body(stream=True))
    raise Info(f"{exchange.status} {exchange.media_type}", exchange=exchange)


@pytest.mark.clause("STR-15")
def test_every_event__keeps_the_schema(endpoint: Endpoint, oracle: Oracle) -> None:
    """Schemathesis has nothing against any event."""
    for stream in endpoint.seen.streams:
        chunks_of(stream)
        if stream.exchange.media_type != "text/event-stream":
            raise Unsupported("another media type, which has its own clause", exchange=stream.exchange)
        departures = oracle.departures(endpoint.operation.dialect, stream.exchange)
        require(not departures, expected="the contract's schema", got="; ".join(departures), exchange=stream.exchange)


@pytest.mark.clause("STR-16")
def test_created__is_constant(endpoint: Endpoint) -> None:
    """The time of the completion, not of the chunk; a stream that does not cross a second cannot tell them apart."""
    for stream in endpoint.seen.streams:
        found = {repr(chunk.get("created")) for chunk in chunks_of(stream)}
        require(len(found) == 1, expected="one created", got=sorted(found)[:4], exchange=stream.exchange)


@pytest.mark.clause("STR-17")
def test_every_chunk__speaks_of_choice_0(endpoint: Endpoint) -> None:
    """The choice's index is not the chunk's number."""
    for stream in endpoint.seen.streams:
        if not stream.choices:
            raise Unsupported("no choice to look at", exchange=stream.exchange)
        others = [choice.get("index") for choice in stream.choices if choice.get("index") != 0]
        require(not others, expected="index 0", got=f"indexes {others[:8]}", exchange=stream.exchange)


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
    ids = [repr(chunks[0].get("id")) for chunks in (chunks_of(first), chunks_of(second))]
    whole = endpoint.seen.answer.json
    ids += [repr(whole.get("id"))] if isinstance(whole, dict) else []
    require(len(set(ids)) == len(ids), expected="an id each", got=", ".join(ids), exchange=second.exchange)


@pytest.mark.clause("STR-20")
def test_chunks__name_the_model_asked_for(endpoint: Endpoint) -> None:
    """Each of them."""
    for stream in endpoint.seen.streams:
        wanted = endpoint.body()["model"]
        others = [chunk.get("model") for chunk in chunks_of(stream) if not is_named(chunk.get("model"), wanted)]
        require(not others, expected=wanted, got=others[:3], exchange=stream.exchange)


@pytest.mark.clause("STR-21")
def test_created_of_a_stream__is_the_time_of_the_answer(endpoint: Endpoint) -> None:
    """In seconds, within five minutes of the Date header."""
    for stream in endpoint.seen.streams:
        created, answered_s = chunks_of(stream)[0].get("created"), date_s(stream.exchange)
        if created is None or answered_s is None:
            raise Unsupported("no created or no Date to compare", exchange=stream.exchange)
        near = isinstance(created, int) and abs(created - answered_s) <= CLOCK_S
        require(near, expected=f"about {answered_s:.0f}", got=created, exchange=stream.exchange)


@pytest.mark.clause("STR-24")
def test_usage__is_not_sent_unasked(endpoint: Endpoint) -> None:
    """A chunk without choices is an error in every client that takes the first choice of each."""
    for stream in endpoint.seen.streams:
        bare = [chunk for chunk in chunks_of(stream) if chunk.get("choices") == []]
        # the usage that was asked for is the last
        unasked = bare if b'"include_usage"' not in stream.exchange.request.body else bare[:-1]
        require(not unasked, expected="a choice in every chunk", got=str(unasked[:1])[:120], exchange=stream.exchange)
