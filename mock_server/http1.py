"""HTTP/1.1 as bytes: received bytes in, requests out; replies in, bytes out. No I/O.

httptools parses. What is no request (bad syntax, too large) ends the conversation as a `Malformed`; everything else is
for the service to judge.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import unquote

import httptools
import orjson

from mock_server.message import Outgoing, Reply, Request

MOST_BODY_BYTES = 32 * 1024 * 1024
MOST_HEAD_BYTES = 64 * 1024
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"

_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class Received(NamedTuple):
    """One complete request and what its connection asks for."""

    request: Request
    keep_alive: bool
    http_1_0: bool


class Malformed(NamedTuple):
    """What is no request; nothing after it is read. `path` is "" when it was not known yet."""

    status: int
    message: str
    path: str


class Reader:
    """Reads one connection's requests; how the bytes are cut into `received` does not change them."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._complete: list[Received | Malformed] = []
        self._fault: Malformed | None = None
        self._ended = False
        self._head_bytes = 0
        self.awaits_continue = False
        self.on_message_begin()

    def feed(self, received: bytes) -> list[Received | Malformed]:
        """The requests that these bytes complete, in order; after a malformed or a last one nothing more."""
        if self._ended:
            return []
        reading_head, self._complete = self._in_head, []
        try:
            self._parser.feed_data(received)
        except httptools.HttpParserUpgrade as upgrade:
            return self._without_upgrade(received[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._end(self._fault or Malformed(400, f"expected an HTTP/1.1 request, got {error}", self._path()))
        else:
            self._watch_head(len(received) if reading_head and not self._complete else 0)
        return self._complete

    def _without_upgrade(self, rest: bytes) -> list[Received | Malformed]:
        """RFC 9110 section 7.8: a server may ignore Upgrade. The parser stopped at it, and skipped the body."""
        complete, self._complete = self._complete, []
        upgraded = complete.pop()
        assert isinstance(upgraded, Received)
        if upgraded.request.method == "CONNECT":
            self._ended = True
            return [*complete, upgraded]
        kept = [(name, value) for name, value in self._fields if name.lower() != "upgrade"]
        head = b"%b %b HTTP/1.1\r\n" % (upgraded.request.method.encode(), self._url)
        head += "".join(f"{name}: {value}\r\n" for name, value in kept).encode("latin-1")
        self._parser, self._ended = httptools.HttpRequestParser(self), False
        return complete + self.feed(head + b"\r\n" + rest)

    def _watch_head(self, received: int) -> None:
        self._head_bytes = self._head_bytes + received if self._in_head else 0
        if self._head_bytes > MOST_HEAD_BYTES:
            self._end(Malformed(431, f"expected a head of at most {MOST_HEAD_BYTES} bytes, got more", self._path()))

    def _end(self, malformed: Malformed) -> None:
        # bytes after a request that said `Connection: close` are no fault of that request
        if not self._ended:
            self._complete.append(malformed)
        self._ended = True
        self.awaits_continue = False

    def _path(self) -> str:
        return _target(self._url)[0]

    # callbacks of the parser

    def on_message_begin(self) -> None:
        """A request begins."""
        self._url = b""
        self._fields: list[tuple[str, str]] = []
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._in_head = True

    def on_url(self, url: bytes) -> None:
        """Some of the request target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One field; those after the body, trailers, are left out."""
        if self._in_head:
            self._fields.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """The head is there, the body follows."""
        self._in_head = False
        path, query = _target(self._url)
        self._request = Request(self._parser.get_method().decode(), path, query, tuple(self._fields), b"")
        headers = self._request.headers
        # RFC 9110 section 10.1.1: a server ignores the expectation of an HTTP/1.0 client
        expected = headers.get("expect", "").lower() == "100-continue"
        self.awaits_continue = expected and self._parser.get_http_version() != "1.0"
        self._refuse_longer(int(headers.get("content-length", "0") or 0))

    def on_body(self, body: bytes) -> None:
        """Some of the body."""
        self._body_bytes += len(body)
        self._refuse_longer(self._body_bytes)
        self._body.append(body)

    def on_message_complete(self) -> None:
        """The request is there."""
        self.awaits_continue = False
        self._request.body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        keep_alive = self._parser.should_keep_alive()
        self._complete.append(Received(self._request, keep_alive, self._parser.get_http_version() == "1.0"))
        self._ended = not keep_alive

    def _refuse_longer(self, body_bytes: int) -> None:
        if body_bytes > MOST_BODY_BYTES:
            self._fault = Malformed(413, f"expected a body of at most {MOST_BODY_BYTES} bytes, got more", self._path())
            raise ValueError(self._fault.message)


class DateField:
    """The Date field of the current second, formatted once per second."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._second = -1
        self._field = b""

    def __call__(self) -> bytes:
        """The field with its line end."""
        second = self._clock() // 1_000_000_000
        if second != self._second:
            self._second = second
            self._field = b"Date: %b\r\n" % formatdate(second, usegmt=True).encode()
        return self._field


def outgoing(reply: Reply, received: Received | None, date: bytes) -> Outgoing:
    """The reply as bytes; None for the refusal of what was no request."""
    keep_alive = received is not None and received.keep_alive
    chunked = reply.frames is not None and received is not None and not received.http_1_0
    if reply.frames is None:
        body = reply.content if isinstance(reply.content, bytes) else orjson.dumps(reply.content)
        framing = b"content-length: %d\r\n" % len(body)
        frames = [body]
    else:
        # a stream to an HTTP/1.0 client ends with the connection: it knows no chunks (RFC 9112 section 6.1)
        framing = b"transfer-encoding: chunked\r\n" if chunked else b""
        frames = reply.frames
        keep_alive = keep_alive and chunked
    if received is not None and received.request.method == "HEAD":
        frames = [b""]
    fields = [_field(name, value) for name, value in reply.headers.items()]
    connection = _connection(received, keep_alive=keep_alive)
    head = b"".join((_status_line(reply.status), date, *fields, framing, connection, b"\r\n"))
    made = Outgoing(head, frames, LAST_CHUNK if chunked else b"", chunked, not keep_alive)
    for edit in reply.edits:
        made = edit(made)
    return made


def chunk(data: bytes) -> bytes:
    """The data as one chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


@functools.cache
def _status_line(status: int) -> bytes:
    return f"HTTP/1.1 {status} {_PHRASES.get(status, '')}\r\n".encode()


@functools.lru_cache(maxsize=256)
def _field(name: str, value: str) -> bytes:
    return f"{name}: {value}\r\n".encode("latin-1", "replace")


def _connection(received: Received | None, *, keep_alive: bool) -> bytes:
    if not keep_alive:
        return b"connection: close\r\n"
    return b"connection: keep-alive\r\n" if received is not None and received.http_1_0 else b""


def _target(url: bytes) -> tuple[str, str]:
    """Path, percent-decoded, and query of a request target."""
    text = url.decode("latin-1")
    if not text.startswith("/") and "://" in text:
        # RFC 9112 section 3.2.2: a server accepts the absolute form too
        text = "/" + text.partition("://")[2].partition("/")[2]
    path, _, query = text.partition("?")
    return unquote(path.partition("#")[0]) if "%" in path else path, query
