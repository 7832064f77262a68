from __future__ import annotations

import dataclasses
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.mock.http import request_parser as http1
from mixtral_contract.mock.http.request_parser import Malformed, Reader, Received

SIMPLE = b"POST /a%20b?x=1 HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nx-one: 2\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n"
)
GET = b"GET /v1/models HTTP/1.1\r\nHost: h\r\n\r\n"
SHORTER = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"
EMPTY = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"
EXPECTING_HEAD = b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5"
EXPECTING = EXPECTING_HEAD + b"\r\n\r\nhello"
CLOSING = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


def _feed(*pieces: bytes) -> list[Received | Malformed]:
    reader = Reader()
    return [message for piece in pieces for message in reader.feed(piece)]


def _cut(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


@given(
    messages=st.lists(st.sampled_from([SIMPLE, CHUNKED, GET]), min_size=1, max_size=4),
    cuts=st.lists(st.integers(0, 1000), max_size=8),
)
def test_requests__do_not_depend_on_how_the_bytes_are_cut(messages: list[bytes], cuts: list[int]) -> None:
    """One read or a read per byte: the same requests."""
    stream = b"".join(messages)
    assert _feed(*_cut(stream, cuts)) == _feed(stream)
    assert len(_feed(stream)) == len(messages)


@given(
    messages=st.lists(
        st.sampled_from([SIMPLE, SIMPLE.replace(b"hello", b"12345"), SHORTER, EMPTY, EXPECTING, CHUNKED, GET, CLOSING]),
        min_size=1,
        max_size=6,
    ),
    cuts=st.lists(st.integers(0, 1000), max_size=4),
)
def test_requests__are_the_same_whether_their_heads_are_known(messages: list[bytes], cuts: list[int]) -> None:
    """Also where a head came before with another body, or another connection said it."""
    known = http1.heads()
    for pieces in (messages, messages, _cut(b"".join(messages), cuts)):
        plain, knowing = Reader(), Reader(known=known)
        for piece in pieces:
            assert knowing.feed(piece) == plain.feed(piece)
            assert knowing.progress == plain.progress
            assert knowing.awaits_continue == plain.awaits_continue


def test_known_head__is_not_read_again() -> None:
    """What was found out about it goes along, and the wait for the next request begins anew."""
    reader = Reader(known=http1.heads())
    (first,) = reader.feed(SIMPLE)
    before = reader.progress
    (again,) = reader.feed(SIMPLE.replace(b"hello", b"12345"))
    assert isinstance(first, Received)
    assert isinstance(again, Received)
    assert first.request.head is again.request.head is not None
    assert (first.request.body, again.request.body) == (b"hello", b"12345")
    assert reader.progress != before
    assert dataclasses.replace(first.request, body=b"other").head is None


@pytest.mark.parametrize("message", [CHUNKED, GET, CLOSING, EXPECTING])
def test_head_without_a_length_or_with_a_condition__is_not_kept(message: bytes) -> None:
    """Only what a length and nothing else ends can be told by its head."""
    known = http1.heads()
    Reader(known=known).feed(message)
    assert known.get(message[: message.find(b"\r\n\r\n") + 4]) is None


def test_request__is_read_whole() -> None:
    """Path decoded, query as it is, fields as they were written, repeated ones joined."""
    (message,) = _feed(SIMPLE)
    assert isinstance(message, Received)
    request = message.request
    assert (request.method, request.path, request.query, request.body) == ("POST", "/a b", "x=1", b"hello")
    assert ("X-One", "1") in request.fields
    assert request.headers["x-one"] == "1, 2"
    assert message.keep_alive


def test_chunked_body__is_joined_and_trailers_are_left_out() -> None:
    """Extensions and trailers say nothing to us."""
    (message,) = _feed(CHUNKED)
    assert isinstance(message, Received)
    assert message.request.body == b"abcde"
    assert "trailer" not in message.request.headers


def test_absolute_target__is_accepted() -> None:
    """RFC 9112 section 3.2.2."""
    (message,) = _feed(b"GET http://host:80/v1/x?y HTTP/1.1\r\nHost: h\r\n\r\n")
    assert isinstance(message, Received)
    assert (message.request.path, message.request.query) == ("/v1/x", "y")


@pytest.mark.parametrize(
    ("head", "keep_alive"),
    [
        (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", True),
        (b"GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive, Upgrade\r\nUpgrade: h2c\r\n\r\n", True),
    ],
)
def test_keep_alive__is_what_the_client_asks_for(head: bytes, *, keep_alive: bool) -> None:
    """By default in 1.1, on demand in 1.0."""
    (message,) = _feed(head)
    assert isinstance(message, Received)
    assert message.keep_alive == keep_alive


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_ignored_upgrade__leaves_the_version_as_it_was(version: bytes) -> None:
    """Who speaks HTTP/1.0 and offers an upgrade gets no chunked answer (RFC 9110 section 7.8)."""
    (message,) = _feed(b"GET / HTTP/" + version + b"\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
    assert isinstance(message, Received)
    assert message.http_1_0 == (version == b"1.0")


@pytest.mark.parametrize("after", [GET, b"\x00garbage\r\n\r\n"])
def test_bytes_after_the_last_request__are_ignored(after: bytes) -> None:
    """A client that said close has said all."""
    assert len(_feed(CLOSING + after)) == 1
    assert len(_feed(CLOSING, after)) == 1


@pytest.mark.parametrize(
    "received",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nA: b\nC: \x00\r\n\r\n",
    ],
)
def test_no_request__is_malformed_and_the_end(received: bytes) -> None:
    """What came before it stays; nothing comes after it."""
    reader = Reader()
    first, second = reader.feed(GET + received)
    assert isinstance(first, Received)
    assert isinstance(second, Malformed)
    assert second.status == 400
    assert reader.feed(GET) == []


@given(received=st.binary(max_size=200))
def test_any_bytes__are_read_or_malformed(received: bytes) -> None:
    """No input makes the reader fail."""
    for message in _feed(received, received):
        assert isinstance(message, Received | Malformed)


@pytest.mark.parametrize(
    "head",
    [b"Content-Length: 33554433\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n2000001\r\n" + b"x" * 0x2000001],
)
def test_too_long_body__is_refused_with_413(head: bytes) -> None:
    """By what is announced, else by what came; the path is known."""
    (message,) = _feed(b"POST /v1/x HTTP/1.1\r\nHost: h\r\n" + head)
    assert isinstance(message, Malformed)
    assert (message.status, message.path) == (413, "/v1/x")


def test_too_long_head__is_refused_with_431() -> None:
    """A head that never ends does not fill the memory."""
    pieces = [b"GET / HTTP/1.1\r\nX: ", *[b"y" * 1000] * 70]
    (message,) = _feed(*pieces)
    assert isinstance(message, Malformed)
    assert message.status == 431


def test_large_reads__do_not_count_as_head() -> None:
    """Neither a body of megabytes nor thousands of requests, though both reads end amid a head."""
    body = b"x" * 1_000_000
    post = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n"
    pieces = [post + body[:300_000], body[300_000:] + GET[:10], GET[10:] + GET * 3000 + GET[:10], GET[10:]]
    messages = _feed(*pieces)
    assert len(messages) == 3003
    assert all(isinstance(message, Received) for message in messages)


@pytest.mark.parametrize(("version", "awaits"), [(b"1.1", True), (b"1.0", False)])
def test_expectation__is_seen_until_the_body_comes(version: bytes, *, awaits: bool) -> None:
    """RFC 9110 section 10.1.1."""
    reader = Reader()
    assert (
        reader.feed(b"POST / HTTP/" + version + b"\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n")
        == []
    )
    assert reader.awaits_continue == awaits
    assert len(reader.feed(b"ab")) == 1
    assert not reader.awaits_continue
