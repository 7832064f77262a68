"""What each incident does to the bytes, seen by a client that sees bytes."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from mixtral_contract.mock.incidents.grammar import KINDS
from mixtral_contract.primitives.sse import Decoder
from tests.mock.conftest import Start
from tests.support import raw_socket as raw
from tests.support.raw_socket import FIN, OPEN, RST, Answer

DONE = b"[DONE]"
MANY = 30
"""Tokens: enough that every incident finds its place."""


def _stream(server: str, incident: str, **fields: Any) -> Answer:
    return raw.ask(server, raw.post(incident=incident, stream=True, max_tokens=MANY, **fields))


def _whole(server: str, incident: str) -> Answer:
    return raw.ask(server, raw.post(incident=incident, max_tokens=MANY))


def _text(answer: Answer) -> str:
    chunks = (json.loads(event) for event in answer.events if event != DONE)
    return "".join(choice["delta"].get("content", "") for chunk in chunks for choice in chunk["choices"])


@pytest.fixture(scope="module")
def text(server: str) -> str:
    """What the stream says when nothing befalls it."""
    return _text(_stream(server, "ok"))


@pytest.mark.parametrize("after", [0, 1, 2, 3, 7])
@pytest.mark.parametrize(("by", "end"), [("fin", FIN), ("rst", RST), ("chunk", FIN)])
def test_cut__lets_so_many_events_through_and_ends_the_connection(server: str, after: int, by: str, end: str) -> None:
    """However it ends, what left before it arrives, and the body has no last chunk."""
    answer = _stream(server, f"cut:after={after},by={by}")
    assert (answer.status, len(answer.events), answer.end) == (200, after, end)
    assert all(json.loads(event) for event in answer.events)


def test_cut_amid_a_chunk__announces_more_than_it_sends(server: str) -> None:
    """The last chunk is half an event, and shorter than its size says."""
    with raw.connected(server) as connection:
        connection.sendall(raw.post(incident="cut:after=2,by=chunk", stream=True))
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
    size, _, rest = received.rpartition(b"data: ")[0].rpartition(b"\r\n")[0].rpartition(b"\r\n")[2], b"", b""
    sent = received[received.rindex(b"data: ") :]
    assert int(size, 16) > len(sent) > 0
    assert not rest
    assert not sent.endswith(b"\n\n")


@pytest.mark.parametrize("incident", ["cut:after=99999", "error:after=99999", "end:after=99999"])
def test_incident_beyond_the_end__shows_before_it(server: str, incident: str) -> None:
    """A stream with fewer events loses at least its last one."""
    answer = _stream(server, incident)
    assert DONE not in answer.events
    assert len(answer.events) > MANY


@pytest.mark.parametrize(("by", "end"), [("fin", FIN), ("rst", RST), ("chunk", FIN)])
def test_cut_of_a_whole_answer__is_shorter_than_it_said(server: str, by: str, end: str) -> None:
    """Half of it comes."""
    answer = _whole(server, f"cut:by={by}")
    announced = int(answer.head.rpartition(b"content-length: ")[2])
    assert (len(answer.body), answer.end) == (announced // 2, end)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("by", "end"), [("fin", FIN), ("rst", RST)])
def test_hangup__sends_nothing(server: str, by: str, end: str, *, stream: bool) -> None:
    """Not even a status."""
    answer = raw.ask(server, raw.post(incident=f"hangup:by={by}", stream=stream))
    assert (answer.head, answer.body, answer.end) == (b"", b"", end)


@pytest.mark.parametrize(("incident", "count"), [("end", 3), ("end:after=0", 0), ("end:after=5", 5)])
def test_end__is_clean_and_early(server: str, incident: str, count: int) -> None:
    """The body is complete as HTTP goes, and the connection stays; nobody said why the text ends."""
    answer = _stream(server, incident)
    assert (len(answer.events), answer.end) == (count, OPEN)
    assert all(json.loads(event)["choices"][0]["finish_reason"] is None for event in answer.events)


def test_no_done__leaves_out_the_end_mark_only(server: str, text: str) -> None:
    """The text is whole and has its reason."""
    answer = _stream(server, "no-done")
    assert json.loads(answer.events[-1])["choices"][0]["finish_reason"] == "length"
    assert (_text(answer), answer.end) == (text, OPEN)


def test_no_finish__leaves_out_the_reason_only(server: str, text: str) -> None:
    """The text is whole and has its end mark; asked-for usage still comes."""
    answer = _stream(server, "no-finish", stream_options={"include_usage": True})
    chunks = [json.loads(event) for event in answer.events[:-1]]
    assert answer.events[-1] == DONE
    assert all(choice["finish_reason"] is None for chunk in chunks for choice in chunk["choices"])
    assert chunks[-1]["usage"]["completion_tokens"] == MANY
    assert _text(answer) == text


@pytest.mark.parametrize("done", ["no", "yes"])
@pytest.mark.parametrize(
    ("envelope", "names"),
    [("openai", {"error"}), ("problem", {"type", "title", "status", "detail"}), ("bare", {"error"})],
)
def test_error__comes_as_an_event_after_good_ones(server: str, envelope: str, names: set[str], done: str) -> None:
    """Within a 200, in the envelopes seen in the wild, with or without the end mark."""
    answer = _stream(server, f"error:after=4,envelope={envelope},done={done}")
    expected = 5 + (done == "yes")
    assert (answer.status, len(answer.events), answer.end) == (200, expected, OPEN)
    assert json.loads(answer.events[4]).keys() == names
    assert (answer.events[-1] == DONE) == (done == "yes")


def test_error_in_the_envelope_of_openai__says_what_object_it_is(server: str) -> None:
    """As the one that was seen in a stream does: there are clients that look for it, and take all else for a chunk."""
    event = json.loads(_stream(server, "error:envelope=openai").events[-1])
    assert event["error"].keys() == {"object", "message", "type", "param", "code"}
    assert event["error"]["object"] == "error"


def test_duplicate__sends_one_event_twice(server: str) -> None:
    """The fifth."""
    events = _stream(server, "duplicate:after=4").events
    assert events[4] == events[5]
    assert len(events) == MANY + 4


@pytest.mark.parametrize(("kind", "error"), [("json", json.JSONDecodeError), ("utf8", UnicodeDecodeError)])
def test_malformed__spoils_one_event(server: str, kind: str, error: type[Exception]) -> None:
    """The fifth; those after it are good again."""
    events = _stream(server, f"malformed:after=4,kind={kind}").events
    with pytest.raises(error):
        json.loads(events[4].decode())
    assert all(event == DONE or json.loads(event) for event in events[:4] + events[5:])


@pytest.mark.parametrize("incident", ["comments", "no-space", "crlf", "bom", "comments+crlf+bom+no-space"])
def test_framing__is_valid_sse_with_the_same_text(server: str, text: str, incident: str) -> None:
    """A reader of the standard notices nothing, whatever the lines look like."""
    answer = _stream(server, incident)
    events = [event.data for event in Decoder().feed(answer.body)]
    chunks = [json.loads(event) for event in events[:-1]]
    assert "".join(choice["delta"].get("content", "") for chunk in chunks for choice in chunk["choices"]) == text
    assert events[-1] == "[DONE]"


@pytest.mark.parametrize(
    ("incident", "mark", "count"),
    [
        ("comments", b": keep-alive\n\ndata: ", MANY + 3),
        ("pings", b"event: ping\n\ndata: ", MANY + 3),
        ("crlf", b"\r\n\r\n", MANY + 3),
        ("no-space", b"data:{", MANY + 2),
        ("bom", b"\xef\xbb\xbfdata: ", 1),
        ("no-blank-line", b"\n\n", MANY + 2),
    ],
)
def test_framing__is_what_its_name_says(server: str, incident: str, mark: bytes, count: int) -> None:
    """Counted in the body: there is the opening event, one for each token, the reason and the end mark."""
    body = _stream(server, incident).body
    assert body.count(mark) == count
    assert (b"\n" in body.replace(b"\r\n", b"")) == (incident != "crlf")


def test_split_of_data__cuts_the_field_name(server: str, text: str) -> None:
    """Every event comes in two chunks."""
    answer = _stream(server, "split:at=data,gap_ms=1")
    assert answer.chunks.count(b"da") == len(answer.events) == MANY + 3
    assert _text(answer) == text


def test_split_of_utf8__cuts_a_character(server: str, text: str) -> None:
    """A chunk that is no UTF-8 by itself; together they are, with a comment where the text is all ASCII."""
    answer = _stream(server, "split:at=utf8,gap_ms=1")
    assert any(chunk[-1] >= 0xC0 for chunk in answer.chunks)
    assert answer.body.decode().startswith(": \u2014\ndata: ")
    events = [json.loads(event.data) for event in Decoder().feed(answer.body)[:-1]]
    assert "".join(choice["delta"].get("content", "") for event in events for choice in event["choices"]) == text


def test_coalesce__puts_several_events_into_one_chunk(server: str, text: str) -> None:
    """Five or a few more, except the last ones."""
    answer = _stream(server, "coalesce:events=5")
    counts = [chunk.count(b"data: ") for chunk in answer.chunks]
    assert min(counts[:-1]) >= 5
    assert sum(counts) == MANY + 3
    assert _text(answer) == text


@pytest.mark.parametrize("stream", [True, False])
def test_trickle__sends_little_at_a_time(server: str, *, stream: bool) -> None:
    """Never more than so many bytes, and as long as the gaps take."""
    since = time.monotonic()
    answer = raw.ask(server, raw.post(incident="trickle:size=100,gap_ms=2", stream=stream, max_tokens=4))
    pieces = len(answer.body) // 100
    assert time.monotonic() - since >= pieces * 0.002
    assert max(map(len, answer.chunks), default=100) == 100
    assert answer.end == OPEN


@pytest.mark.parametrize("stream", [True, False])
def test_stall__holds_up_the_rest(server: str, *, stream: bool) -> None:
    """The beginning comes at once, and nothing more while it lasts."""
    with raw.connected(server) as connection:
        connection.sendall(raw.post(incident="stall:after=1,ms=3600000", stream=stream))
        received = connection.recv(65_536)
        connection.settimeout(0.3)
        received += b"".join(iter(lambda: _until_silence(connection), b""))
    assert received.startswith(b"HTTP/1.1 200")
    assert received.count(b"data: ") == (1 if stream else 0)
    assert not received.endswith(b"}}")
    assert stream or b'{"id"' in received


def _until_silence(connection: Any) -> bytes:
    try:
        return bytes(connection.recv(65_536))
    except TimeoutError:
        return b""


@pytest.mark.parametrize("stream", [True, False])
def test_stall__ends(server: str, *, stream: bool) -> None:
    """After it everything comes."""
    since = time.monotonic()
    answer = raw.ask(server, raw.post(incident="stall:after=1,ms=150", stream=stream))
    assert time.monotonic() - since >= 0.15
    assert answer.end == OPEN
    assert answer.body.endswith(b"[DONE]\n\n" if stream else b"}")


@pytest.mark.parametrize("incident", ["delay:ms=150", "delay(ms=150)+503", "delay(ms=50)+delay(ms=100)"])
def test_delay__comes_before_the_head(server: str, incident: str) -> None:
    """Of whatever answer it is."""
    with raw.connected(server) as connection:
        since = time.monotonic()
        connection.sendall(raw.post(incident=incident))
        assert connection.recv(1) == b"H"
        assert time.monotonic() - since >= 0.15


@pytest.mark.parametrize("stream", [True, False])
def test_content_type__is_another(server: str, *, stream: bool) -> None:
    """The body is as good as ever."""
    answer = raw.ask(server, raw.post(incident="content-type:value=text/html", stream=stream))
    assert b"content-type: text/html\r\n" in answer.head + b"\r\n"
    assert answer.end == OPEN


@pytest.mark.parametrize("off", [-20, 20])
def test_content_length__is_off_by_as_much(server: str, off: int) -> None:
    """Too short, and the rest spills; too long, and the connection ends first."""
    with raw.connected(server) as connection:
        connection.sendall(raw.post(incident=f"content-length:off={off}"))
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    assert int(head.rpartition(b"content-length: ")[2]) == len(body) + off
    assert json.loads(body)["object"] == "chat.completion"


@pytest.mark.parametrize("name", sorted(set(KINDS) - {"NNN", "stall"}))
@pytest.mark.parametrize("stream", [True, False])
def test_incident__leaves_the_server_and_other_requests_alone(server: str, name: str, *, stream: bool) -> None:
    """What comes next is answered as ever, on the same connection when it is still there."""
    with raw.connected(server) as connection:
        connection.sendall(raw.post(incident=name, stream=stream, max_tokens=3))
        if raw.read(connection).end == OPEN and name != "content-length":
            connection.sendall(raw.post(stream=stream, max_tokens=3))
            assert raw.read(connection).status == 200
    assert raw.ask(server, raw.post()).end == OPEN


def test_pipelined_behind_a_disturbed_answer__waits_for_its_turn(server: str) -> None:
    """And comes when that is over."""
    with raw.connected(server) as connection:
        connection.sendall(raw.post(incident="delay:ms=50", max_tokens=1) + raw.post(incident="418"))
        received = b""
        while received.count(b"HTTP/1.1") < 2:
            received += connection.recv(65_536)
    assert received.index(b"HTTP/1.1 200") < received.index(b"HTTP/1.1 418")


def test_pipelined_behind_a_cut__is_not_answered(server: str) -> None:
    """The connection is gone."""
    with raw.connected(server) as connection:
        connection.sendall(raw.post(incident="cut:after=1", stream=True) + raw.post())
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert received.count(b"HTTP/1.1") == 1


def test_disturbed_stream__keeps_the_pace(start: Start) -> None:
    """With a minute between tokens the cut does not come before its event was due."""
    with raw.connected(start("--itl-ms", "60000", "--incident", "cut:after=3")) as connection:
        connection.sendall(raw.post(stream=True))
        received = connection.recv(65_536)
        while received.count(b"data: ") < 2:
            received += connection.recv(65_536)
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)


def test_flags__let_incidents_befall_every_request(start: Start) -> None:
    """A sequence and another incident at once; the header shields."""
    address = start("--incident", "503*1,ok", "--incident", "no-done")
    answers = [raw.ask(address, raw.post(stream=True)) for _ in range(2)]
    shielded = raw.ask(address, raw.post(stream=True, incident="ok"))
    assert [answer.status for answer in answers] == [503, 200]
    assert [DONE in answer.events for answer in (answers[1], shielded)] == [False, True]


def test_breaks_and_incidents__add_up(start: Start) -> None:
    """A stream that is broken and cut."""
    answer = raw.ask(start("--break", "SSE-04", "--incident", "cut:after=2"), raw.post(stream=True))
    assert (answer.body.count(b"\r\n\r\n"), answer.end) == (2, FIN)


def test_stream_to_http_1_0__is_disturbed_without_chunks(server: str) -> None:
    """Cut off as by FIN."""
    request = raw.post(incident="cut:after=2,by=chunk", stream=True).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    answer = raw.ask(server, request)
    assert (len(answer.events), answer.chunks, answer.end) == (2, [], FIN)
