"""Received bytes become an exchange, however they are cut."""

from __future__ import annotations

import itertools

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.load.client.exchange import Exchange, ExchangeReader
from tests.support.scripted_stream_server import CLOSE_HEAD, END, STREAM_HEAD, answer, chunk


def read(*received: bytes, closed: bool = False) -> Exchange:
    """The exchange after these `recv` calls, the n-th (from 0) at n + 1 ns, and perhaps the connection's end."""
    exchange = Exchange(started_ns=0)
    reader = ExchangeReader(exchange)
    for index, each in enumerate(received):
        reader.feed(each, index + 1)
    if closed:
        reader.end()
    return exchange


def test_stamps__are_those_of_the_recv() -> None:
    """Head, body pieces and end each have the time at which they came; pieces of one recv share it."""
    head, tail = STREAM_HEAD[:20], STREAM_HEAD[20:]
    exchange = read(head, tail, chunk(b"a"), chunk(b"b") + chunk(b"c"), END)
    assert (exchange.first_byte_ns, exchange.headers_ns, exchange.end_ns) == (1, 2, 5)
    assert exchange.received == [(3, b"a"), (4, b"b"), (4, b"c")]
    assert exchange.complete
    assert exchange.reusable


@given(st.lists(st.integers(1, 400), max_size=12, unique=True))
def test_body__is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    """Chunk boundaries and recv boundaries have nothing to do with each other."""
    wire = STREAM_HEAD + chunk("data: é\n\n".encode()) + chunk(b"x" * 300) + END
    places = [0, *sorted(cut for cut in cuts if cut < len(wire)), len(wire)]
    exchange = read(*(wire[start:end] for start, end in itertools.pairwise(places)))
    assert exchange.body() == "data: é\n\n".encode() + b"x" * 300
    assert exchange.complete
    assert exchange.received_bytes == len(wire)


def test_close_delimited_body__ends_with_the_connection() -> None:
    """Such an answer is whole, and its connection is used up."""
    exchange = read(CLOSE_HEAD, b"data", closed=True)
    assert exchange.complete
    assert not exchange.reusable


@pytest.mark.parametrize("wire", [STREAM_HEAD + chunk(b"a"), answer("200 OK", b"{}")[:-1], b"HTTP/1.1 200 OK\r\n"])
def test_announced_body__is_cut_by_the_connections_end(wire: bytes) -> None:
    """A length or a last chunk that never came is noticed."""
    assert not read(wire, closed=True).complete


def test_informational_answer__is_not_the_answer() -> None:
    """An early hint comes before the real status."""
    exchange = read(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n", answer("200 OK", b"{}"))
    assert (exchange.status, exchange.body(), exchange.complete) == (200, b"{}", True)
    assert "link" not in exchange.headers


def test_trailer__is_no_header() -> None:
    """What comes after the body changes nothing that was said before it."""
    exchange = read(STREAM_HEAD, chunk(b"a") + b"0\r\nContent-Type: text/plain\r\nRetry-After: 9\r\n\r\n")
    assert exchange.headers == {"content-type": "text/event-stream", "transfer-encoding": "chunked"}
    assert exchange.complete


def test_connection_close__is_not_reused() -> None:
    """What the server says of its connection is believed."""
    assert not read(answer("200 OK", b"{}", "Connection: close")).reusable
    assert read(answer("200 OK", b"{}")).reusable


def test_no_http__is_an_error() -> None:
    """Another protocol on the port is not taken for an answer."""
    with pytest.raises(httptools.HttpParserError):
        read(b"SSH-2.0-OpenSSH_9.2\r\n")
