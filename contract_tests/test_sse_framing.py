"""SSE: the framing of a stream (WHATWG HTML, section 9.2; NVIDIA's page)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType

import pytest

from mixtral_contract.suite.http.event_stream import DONE, Stream
from mixtral_contract.suite.http.exchange import TOO_LONG
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.target.feature_requests import beyond_ascii
from mixtral_contract.suite.verdicts.arrivals import generation_ns, require_not_held_back
from mixtral_contract.suite.verdicts.verdict import Inconclusive, Info, Unsupported, Violation, require

_SHORT_NS = 100_000_000
"""A stream that takes less time says little: a longer one is asked for, where that costs nothing."""
_TRIES = 3


@pytest.mark.clause("SSE-01")
def test_stream__is_an_event_stream(endpoint: Endpoint) -> None:
    """WHATWG HTML section 9.2.5: the MIME type is text/event-stream."""
    for exchange in (stream.exchange for stream in endpoint.seen.streams):
        found = exchange.header("content-type")
        require(exchange.media_type == "text/event-stream", expected="text/event-stream", got=found, exchange=exchange)


@pytest.mark.clause("SSE-02")
def test_malformed_request__is_refused_outside_the_stream(endpoint: Endpoint) -> None:
    """What is known before the first token is said by the status."""
    exchange = endpoint.ask(endpoint.body(stream=True, messages=[{"role": "user"}]))
    endpoint.settle(exchange, fault_is_answer=True)
    if exchange.status == 200 and Stream(exchange).text:
        raise Unsupported("it is not refused, which has its own clause", exchange=exchange)
    plain = exchange.media_type != "text/event-stream" and not exchange.body.startswith(b"data:")
    got = f"{exchange.header('content-type')}: {exchange.summary}"
    require(exchange.status != 200 and plain, expected="an error status, no stream", got=got, exchange=exchange)


@pytest.mark.clause("SSE-03")
def test_stream__is_utf8_without_a_mark(endpoint: Endpoint) -> None:
    """WHATWG HTML section 9.2.5: always UTF-8; a byte order mark is skipped by some readers only."""
    for stream in (endpoint.seen.stream, endpoint.stream({**beyond_ascii(endpoint), "stream": True})):
        exchange = stream.exchange
        marked = exchange.body.startswith(b"\xef\xbb\xbf")
        require(not marked, expected="no byte order mark", got=repr(exchange.body[:20]), exchange=exchange)
        try:
            exchange.body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Violation(str(error), expected="UTF-8", exchange=exchange) from None


@pytest.mark.clause("SSE-04")
def test_lines__end_with_lf(endpoint: Endpoint) -> None:
    """CR and CRLF are lawful, and missed by clients that split at an empty line."""
    for stream in endpoint.seen.streams:
        require(stream.line_ends <= {b"\n"}, expected="LF", got=sorted(stream.line_ends), exchange=stream.exchange)


@pytest.mark.clause("SSE-05")
def test_stream__holds_data_and_comments_only(endpoint: Endpoint) -> None:
    """Data-only, says the page."""
    for stream in map(_with_events, endpoint.seen.streams):
        others = sorted({name for block in stream.blocks for name, _ in block.fields} - {"data"})
        require(not others, expected="data fields and comments", got=f"fields {others}", exchange=stream.exchange)


@pytest.mark.clause("SSE-06")
def test_event__is_one_json_object(endpoint: Endpoint) -> None:
    """Every event but [DONE] and empty ones, which have clauses of their own; the lines of one event are joined."""
    for stream in map(_with_events, endpoint.seen.streams):
        for payload in stream.payloads:
            one = not payload.strip() or payload == DONE or _is_object(payload)
            require(one, expected="one JSON object", got=repr(payload)[:200], exchange=stream.exchange)


@pytest.mark.clause("SSE-16")
def test_event__is_on_one_line(endpoint: Endpoint) -> None:
    """Several data lines are joined by a reader that follows the standard, and by few others."""
    for stream in map(_with_events, endpoint.seen.streams):
        for block in stream.blocks:
            lines = [value for name, value in block.fields if name == "data"]
            require(len(lines) <= 1, expected="one data line", got=repr(lines)[:200], exchange=stream.exchange)


@pytest.mark.clause("SSE-17")
def test_data__is_followed_by_a_colon_and_a_space(endpoint: Endpoint) -> None:
    """The standard takes one space away where there is one; clients that cut six characters off need it."""
    for stream in map(_with_events, endpoint.seen.streams):
        others = [line for block in stream.blocks for line in block.lines if line.startswith(b"data:")]
        bare = [line for line in others if not line.startswith(b"data: ")]
        require(not bare, expected='"data: "', got=repr(bare[:1])[:120], exchange=stream.exchange)


@pytest.mark.clause("SSE-18")
def test_charset_of_a_stream__is_utf8_where_one_is_said(endpoint: Endpoint) -> None:
    """The media type's registration: "The parameter's value must be utf-8"."""
    for exchange in (stream.exchange for stream in endpoint.seen.streams):
        found = re.search(r'charset="?([^";\s]+)', exchange.header("content-type") or "", re.IGNORECASE)
        charset = found[1].lower() if found else "utf-8"
        require(charset == "utf-8", expected="utf-8", got=charset, exchange=exchange)


@pytest.mark.clause("SSE-07")
def test_blank_line__ends_every_event(endpoint: Endpoint) -> None:
    """WHATWG HTML section 9.2.6: "Once the end of the file is reached, any pending data must be discarded"."""
    for stream in map(_with_events, endpoint.seen.streams):
        last = next(block for block in reversed(stream.blocks) if block.data is not None)
        require(
            last.terminated, expected="a blank line at the end", got=repr(last.lines)[-80:], exchange=stream.exchange
        )


@pytest.mark.clause("SSE-08")
def test_done__ends_the_stream_once(endpoint: Endpoint) -> None:
    """One event has the data "[DONE]" and nothing else, and it is the last; comments are no events."""
    for stream in endpoint.seen.streams:
        done = [index for index, payload in enumerate(stream.payloads) if payload == DONE]
        last = len(stream.payloads) - 1
        got = (
            f"at events {done} of {last + 1}, the last is {stream.payloads[-1][:60]!r}"
            if stream.payloads
            else "no event"
        )
        require(done == [last], expected='"data: [DONE]" once, in the last event', got=got, exchange=stream.exchange)


@pytest.mark.clause("SSE-09")
def test_event__is_never_empty(endpoint: Endpoint) -> None:
    """Empty data is dispatched, and no JSON."""
    for stream in map(_with_events, endpoint.seen.streams):
        empty = [index for index, payload in enumerate(stream.payloads) if not payload.strip()]
        require(not empty, expected="data in every event", got=f"none in events {empty}", exchange=stream.exchange)


@pytest.mark.clause("SSE-13")
def test_stream__ends_as_its_framing_says(endpoint: Endpoint) -> None:
    """RFC 9112 section 7.1: a chunked body ends with a chunk of size zero."""
    first = endpoint.seen.streamed
    require(first.ending != TOO_LONG, expected="an end of a short answer", got=first.end, exchange=first)
    for exchange in (stream.exchange for stream in endpoint.seen.streams):
        whole = exchange.ending == "complete"
        require(whole, expected="a whole body", got=f"{exchange.ending}: {exchange.detail}", exchange=exchange)


@pytest.mark.clause("SSE-14")
def test_tokens__are_sent_as_they_become_available(endpoint: Endpoint) -> None:
    """A long answer's first tokens are held against those of a short one: a proxy that buffers keeps them."""
    _require_spread(endpoint)


@pytest.mark.clause("SSE-23")
def test_tokens__are_sent_as_they_become_available_to_who_takes_gzip(endpoint: Endpoint) -> None:
    """Most clients accept it, and a gateway that compresses what it was not told to flush holds all of it back."""
    _require_spread(endpoint, {"Accept-Encoding": "gzip"})


def _require_spread(endpoint: Endpoint, headers: Mapping[str, str] = MappingProxyType({})) -> None:
    found: list[Violation | Inconclusive] = []
    for _ in range(_TRIES):
        short, long = _counting(endpoint, 2), _counting(endpoint, 64, headers)
        if not endpoint.client.frugal and generation_ns(long, short) < _SHORT_NS:
            long = _counting(endpoint, 256, headers)
        try:
            return require_not_held_back(long, short)
        except (Violation, Inconclusive) as outcome:
            # a machine that is busy elsewhere holds an answer back once, a server that buffers does so every time
            found.append(outcome)
            if endpoint.client.frugal and isinstance(outcome, Inconclusive):
                break
    raise next((outcome for outcome in found if isinstance(outcome, Inconclusive)), found[0])


@pytest.mark.clause("SSE-15")
def test_caching__what_is_said(endpoint: Endpoint) -> None:
    """Recorded: the Cache-Control of a stream."""
    exchange = endpoint.seen.stream.exchange
    raise Info(f"Cache-Control: {exchange.header('cache-control')}", exchange=exchange)


def _counting(endpoint: Endpoint, tokens: int, headers: Mapping[str, str] = MappingProxyType({})) -> Stream:
    messages = [{"role": "user", "content": "Count from one to fifty in words."}]
    return endpoint.stream(endpoint.body(stream=True, messages=messages, max_tokens=tokens), headers=headers)


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _with_events(stream: Stream) -> Stream:
    if not stream.payloads:
        raise Unsupported("no event to look at", exchange=stream.exchange)
    return stream
