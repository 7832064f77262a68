"""The readers of event streams get the same out of the same bytes, wherever these are cut: suite, load, recordings."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence

from hypothesis import example, given, settings
from hypothesis import strategies as st

from mixtral_contract.cassettes.exchange import Answer, Piece, Recorded, Request
from mixtral_contract.cassettes.reader import Cassette
from mixtral_contract.cassettes.writer import document, head
from mixtral_contract.contract.openapi import Contract
from mixtral_contract.load.reading.answer_text import answer_text
from mixtral_contract.load.reading.completion import read_completion
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.suite.http.event_stream import Stream
from mixtral_contract.suite.http.exchange import Exchange
from mixtral_contract.suite.http.exchange import Request as SuiteRequest
from mixtral_contract.suite.recordings.judge import cases
from tests.support.load_records import MS, exchange
from tests.support.scripted_stream_server import DONE, event

UPSTREAM = "https://upstream.example"
HEADERS = (("content-type", "text/event-stream"),)
BOUNDED = settings(derandomize=True, deadline=None, max_examples=300)
STOP = event(finish="stop")
SAID = event({"content": "a"})
BEFORE = (b": hello\n\n", b":\n", b"retry: 10\n\n", b"id: 7\n", b"event: message\n", b"data\n", b"\n\n", b"x: y\n")

TEXTS = st.text(max_size=6) | st.sampled_from(['"', "\\", "\u2028", "\x85", "\x7f", "\0", "\r\n", "\n\ndata: x", "🐈"])
CUTS = st.lists(st.integers(0, 4000), max_size=12)


@st.composite
def _events(draw: st.DrawFn) -> bytes:
    """One event with content, in one of the ways in which it may be written, and what may stand before it."""
    text = draw(TEXTS)
    chunk = {"id": "c1", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), ("\n,", ":")]))
    written = json.dumps(chunk, ensure_ascii=draw(st.booleans()), separators=separators)
    name = draw(st.sampled_from(["data: ", "data:", "data:  "]))
    lines = "".join(f"{name}{line}\n" for line in written.split("\n"))
    return draw(st.sampled_from((b"", b"", b"", *BEFORE))) + lines.encode() + b"\n"


@st.composite
def _streams(draw: st.DrawFn) -> list[bytes]:
    """A whole stream, event by event, with one kind of line end."""
    events = draw(st.lists(_events(), max_size=6))
    end = draw(st.sampled_from([b"\n", b"\r\n", b"\r"]))
    mark = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    return [each.replace(b"\n", end) for each in (mark, *events, STOP, DONE) if each]


def _pieces(events: Sequence[bytes], cuts: Sequence[int] | None) -> list[bytes]:
    """The stream cut at these places; event by event for None."""
    if cuts is None:
        return list(events)
    raw = b"".join(events)
    edges = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})
    return [raw[start:end] for start, end in itertools.pairwise(edges)]


def _suite(pieces: Sequence[bytes]) -> Stream:
    received = tuple(((number + 1) * MS, piece) for number, piece in enumerate(pieces))
    return Stream(Exchange(SuiteRequest("POST", "http://x"), 200, HEADERS, received))


def _recorded(pieces: Sequence[bytes]) -> Stream:
    """As the suite reads it from a cassette that was written."""
    said = tuple(Piece((number + 1) * MS, piece) for number, piece in enumerate(pieces))
    answer = Answer(200, HEADERS, MS // 2, said, (len(pieces) + 1) * MS)
    request = Request("POST", "/v1/chat/completions", "", (), b"{}")
    recorded = Recorded("2026-11-23T08:00:01.250Z", request, answer)
    cassette = Cassette.parse(head(UPSTREAM, "2026-11-23T08:00:00Z") + document(recorded))
    (case,) = cases(cassette, CONTRACT)
    return Stream(case.exchange)


CONTRACT = Contract.load()


@BOUNDED
@given(events=_streams(), cuts=st.none() | CUTS)
@example(events=[event({"content": "a"}), event({"content": "b"}), event({"content": "\u2028"}), STOP, DONE], cuts=None)
def test_readers__agree_wherever_a_stream_is_cut(events: list[bytes], cuts: list[int] | None) -> None:
    """On the text, the reason for its end, and at which piece each part of it was there."""
    pieces = _pieces(events, cuts)
    suite, recorded = _suite(pieces), _recorded(pieces)
    answer = exchange(*pieces)
    load = read_completion(answer, streamed=True)
    assert suite.text == recorded.text == b"".join(load.texts).decode()
    assert load.outcome is (Outcome.OK if suite.text else Outcome.EMPTY), load.detail
    assert answer_text(answer, streamed=True) == suite.text
    assert suite.finish_reasons == recorded.finish_reasons == [load.finish_reason]
    times = [stamp_ns for stamp_ns, count in load.content for _ in range(count)]
    assert times == suite.content_times_ns() == recorded.content_times_ns()


@BOUNDED
@given(raw=st.lists(st.binary(max_size=8) | st.sampled_from([STOP, DONE, SAID, *BEFORE])), cuts=CUTS)
@example(raw=[b"data: \xff\n\n"], cuts=[])
@example(raw=[SAID, SAID.replace(b'"a"', b'"\xff"'), STOP, DONE], cuts=[len(SAID), 2 * len(SAID)])
@example(raw=[b"data: " + b"[" * 5000 + b"\n\n"], cuts=[])
def test_any_bytes__are_read_by_all(raw: list[bytes], cuts: list[int]) -> None:
    """None of them fails, and none says something else for a stream that came in other pieces."""
    whole, cut = [b"".join(raw)], _pieces(raw, cuts)
    for pieces in (whole, cut):
        suite, recorded = _suite(pieces), _recorded(pieces)
        assert suite.payloads == recorded.payloads == _suite(whole).payloads
        assert suite.content_times_ns() == recorded.content_times_ns()
    one, other = (read_completion(exchange(*pieces), streamed=True) for pieces in (whole, cut))
    assert (one.outcome, one.detail, one.texts) == (other.outcome, other.detail, other.texts)
    assert one.broken == other.broken
