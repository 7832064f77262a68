from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mixtral_contract.primitives.sse import Decoder, Event


def _data(raw: bytes) -> list[str]:
    return [event.data for event in Decoder().feed(raw)]


@pytest.mark.parametrize(
    ("raw", "data"),
    [
        (b"data: a\n\n", ["a"]),
        (b"data:a\n\n", ["a"]),
        (b"data:  a\n\n", [" a"]),
        (b"data: a\r\n\r\n", ["a"]),
        (b"data: a\r\r", ["a"]),
        (b"data: a\ndata: b\n\n", ["a\nb"]),
        (b"data\n\n", [""]),
        (b"data:\n\n", [""]),
        (b": comment\n\ndata: a\n\n", ["a"]),
        (b"event: ping\n\n", []),
        (b"retry: 1000\n\n", []),
        (b"id: 1\n\n\n\n", []),
        (b"data: a\n", []),
        (b"data: a", []),
        (b"\xef\xbb\xbfdata: a\n\n", ["a"]),
        (b"data: \xe2\x80\xa8\xc2\x85\n\n", ["\u2028\u0085"]),
        (b"data: \xff\n\n", ["\ufffd"]),
        (b"DATA: a\n\n", []),
        (b"data : a\n\n", []),
    ],
)
def test_decoder__follows_the_standard(raw: bytes, data: list[str]) -> None:
    """WHATWG HTML section 9.2.6, case by case."""
    assert _data(raw) == data


def test_event__has_its_type_and_the_last_id() -> None:
    """The type is for one event, the id stays."""
    decoder = Decoder()
    events = decoder.feed(b"event: ping\nid: 7\ndata: a\n\ndata: b\n\n")
    assert events == [Event("a", "ping", "7"), Event("b", "message", "7")]


def test_retry_and_comments__are_kept() -> None:
    """They dispatch nothing."""
    decoder = Decoder()
    assert decoder.feed(b"retry: 250\nretry: x\n:hello\n") == []
    assert (decoder.retry_ms, decoder.comments) == (250, ["hello"])


def test_pending__tells_of_a_cut_event() -> None:
    """What no blank line has ended is lost at the end of the stream."""
    decoder = Decoder()
    decoder.feed(b"data: a\n\ndata: b\n")
    assert decoder.pending
    decoder.feed(b"\n")
    assert not decoder.pending


@given(
    raw=st.lists(
        st.sampled_from(
            [b"data: a", b"data:\xc3\xa9", b"\n", b"\r", b"\r\n", b"\n\n", b": c", b"\xef\xbb\xbf", b"id: 1", b"x"]
        )
    ).map(b"".join),
    cuts=st.lists(st.integers(0, 60)),
)
@example(raw=b"data: a\r\n\r\ndata: b\r\n\r\n", cuts=[8, 10])
@example(raw=b"\xef\xbb\xbfdata: a\n\n", cuts=[1, 2])
def test_cutting__never_changes_the_events(raw: bytes, cuts: list[int]) -> None:
    """However the bytes arrive, the events are the same."""
    decoder = Decoder()
    edges = [0, *sorted(cut for cut in cuts if cut <= len(raw)), len(raw)]
    pieces = [raw[start:end] for start, end in itertools.pairwise(edges)]
    assert [event for piece in pieces for event in decoder.feed(piece)] == Decoder().feed(raw)
