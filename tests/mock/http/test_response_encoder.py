"""Replies as bytes."""

from __future__ import annotations

from typing import Any

import pytest

from mixtral_contract.mock.http import response_encoder as framing
from mixtral_contract.mock.http.request_parser import Received
from mixtral_contract.mock.http.response_encoder import DateField
from mixtral_contract.mock.messages.messages import Reply, Request

DATE = b"Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n"


def _received(**changes: Any) -> Received:
    request = Request("POST", "/", "", (), b"")
    return Received(**{"request": request, "keep_alive": True, "http_1_0": False, **changes})


def test_whole_reply__is_framed_by_its_length() -> None:
    """Status line, Date, fields, length, and the body in one frame."""
    made = framing.outgoing(Reply(404, {"content-type": "application/json"}, {"error": "é"}), _received(), DATE)
    lines = made.head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 404 Not Found"
    assert DATE.strip() in lines
    assert made.frames == ['{"error":"é"}'.encode()]
    assert b"content-length: 14" in lines
    assert not made.close


def test_stream__is_chunked() -> None:
    """And ends with the last chunk."""
    made = framing.outgoing(Reply(200, {}, frames=[b"a", b"b"], tokens=2), _received(), DATE)
    assert b"transfer-encoding: chunked" in made.head
    assert (made.chunked, made.end, made.close) == (True, b"0\r\n\r\n", False)
    assert framing.chunk(b"0123456789abcdef") == b"10\r\n0123456789abcdef\r\n"


def test_stream_to_http_1_0__ends_with_the_connection() -> None:
    """Such a client knows no chunks, even one that would keep the connection."""
    made = framing.outgoing(Reply(200, {}, frames=[b"a"], tokens=1), _received(http_1_0=True), DATE)
    assert b"chunked" not in made.head
    assert (made.chunked, made.end, made.close) == (False, b"", True)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, None),
        ({"keep_alive": False}, b"connection: close"),
        ({"http_1_0": True}, b"connection: keep-alive"),
        ({"http_1_0": True, "keep_alive": False}, b"connection: close"),
    ],
)
def test_connection__is_told(changes: dict[str, bool], field: bytes | None) -> None:
    """Only where it differs from what the version implies."""
    made = framing.outgoing(Reply(404, {}, {}), _received(**changes), DATE)
    found = [line for line in made.head.split(b"\r\n") if line.lower().startswith(b"connection")]
    assert found == ([] if field is None else [field])


def test_head_request__gets_the_length_without_the_body() -> None:
    """RFC 9110 section 9.3.2."""
    received = _received(request=Request("HEAD", "/", "", (), b""))
    made = framing.outgoing(Reply(405, {}, {"error": "x"}), received, DATE)
    assert b"content-length: 13" in made.head
    assert made.frames == [b""]


def test_date__is_that_of_the_second() -> None:
    """Formatted once per second, in GMT."""
    now = [1_700_000_000_999_999_999]
    date = DateField(lambda: now[0])
    assert date() == DATE
    now[0] += 1
    assert date() == DATE.replace(b":20", b":21")
