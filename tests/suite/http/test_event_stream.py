from __future__ import annotations

import json

import pytest

from mixtral_contract.suite.http.event_stream import Stream
from mixtral_contract.suite.http.exchange import Exchange, Request


def _stream(*pieces: bytes) -> Stream:
    received = tuple((1000 * (index + 1), piece) for index, piece in enumerate(pieces))
    return Stream(Exchange(Request("POST", "http://x"), 200, received=received))


def _chunk(content: str | None = None, **choice: object) -> bytes:
    delta = {} if content is None else {"content": content}
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta, **choice}]}).encode() + b"\n\n"


def test_blocks__are_cut_at_blank_lines() -> None:
    """With the lines of each, comments included."""
    stream = _stream(b": hi\n\ndata: a\ndata: b\n\n\ndata: [DONE]\n\n")
    assert [block.lines for block in stream.blocks] == [(b": hi",), (b"data: a", b"data: b"), (b"data: [DONE]",)]
    assert all(block.terminated for block in stream.blocks)
    assert stream.payloads == ("a\nb", "[DONE]")


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_last_block__without_a_blank_line_is_open(end: bytes) -> None:
    """A reader that follows the standard would lose it."""
    stream = _stream(b"data: a\n\ndata: [DONE]" + end)
    assert [block.terminated for block in stream.blocks] == [True, False]


@pytest.mark.parametrize(
    ("raw", "ends"), [(b"data: a\n\n", {b"\n"}), (b"data: a\r\n\r\n", {b"\r\n"}), (b"data: a\r\r", {b"\r"})]
)
def test_line_ends__are_told_apart(raw: bytes, ends: set[bytes]) -> None:
    """CRLF is one line end."""
    assert _stream(raw).line_ends == ends
    assert _stream(raw).payloads == ("a",)


def test_text_and_reasons__come_from_the_choices() -> None:
    """Chunks that are no JSON object, and null contents, are left out."""
    raw = _chunk("Hel", finish_reason=None) + b"data: 7\n\ndata: {bad\n\n" + _chunk("lo") + _chunk(finish_reason="stop")
    stream = _stream(raw)
    assert (stream.text, stream.finish_reasons) == ("Hello", ["stop"])


def test_usage__is_the_last_one() -> None:
    """Null is none."""
    stream = _stream(b'data: {"usage": null}\n\ndata: {"usage": {"prompt_tokens": 3}}\n\n')
    assert stream.usage == {"prompt_tokens": 3}
    assert _stream(b"data: [DONE]\n\n").usage is None


def test_content_times__are_those_of_the_pieces() -> None:
    """An event's time is that of the bytes which complete it; a role alone is no content."""
    first, second = _chunk("a"), _chunk("b")
    stream = _stream(_chunk(""), first[:9], first[9:] + second, b"data: [DONE]\n\n")
    assert stream.content_times_ns() == [3000, 3000]


def test_strange_chunks__are_survived() -> None:
    """A server may say anything."""
    stream = _stream(b'data: {"choices": 7}\n\ndata: {"choices": [7, {"delta": 7}]}\n\ndata: []\n\n')
    assert (stream.text, stream.finish_reasons, stream.content_times_ns()) == ("", [], [])
