"""HTTP/1.1 answers: replies in, bytes out. No I/O.

How a reply is framed depends on who asked: chunks are for HTTP/1.1 only, and what was no request closes the connection.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from email.utils import formatdate
from http import HTTPStatus

import orjson

from mixtral_contract.mock.completions.completion import Events
from mixtral_contract.mock.http.request_parser import Received
from mixtral_contract.mock.messages.messages import Outgoing, Reply

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"

_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class DateField:
    """The Date field of the current second, formatted once per second."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._second = -1
        self._field = b""

    def __call__(self, now_ns: int | None = None) -> bytes:
        """The field with its line end."""
        second = (self._clock() if now_ns is None else now_ns) // 1_000_000_000
        if second != self._second:
            self._second = second
            self._field = b"Date: %b\r\n" % formatdate(second, usegmt=True).encode()
        return self._field


def outgoing(reply: Reply, received: Received | None, date: bytes) -> Outgoing:
    """The reply as bytes; None for the refusal of what was no request."""
    keep_alive = received is not None and received.keep_alive
    chunked = False
    if reply.frames is None:
        body = _body(reply)
        framing = b"content-length: %d\r\n" % len(body)
        frames: Sequence[bytes] = [body]
    else:
        chunked = received is not None and not received.http_1_0
        # a stream to an HTTP/1.0 client ends with the connection: it knows no chunks (RFC 9112 section 6.1)
        framing = b"transfer-encoding: chunked\r\n" if chunked else b""
        frames = reply.frames
        keep_alive = keep_alive and chunked
    if received is not None and received.request.method == "HEAD":
        frames = [b""]
    fields = _fields(tuple(reply.headers.items()))
    connection = b"" if keep_alive else b"connection: close\r\n"
    if received is not None and received.http_1_0 and keep_alive:
        connection = b"connection: keep-alive\r\n"
    head = b"".join((_status_line(reply.status), date, fields, framing, connection, b"\r\n"))
    made = Outgoing(head, frames, LAST_CHUNK if chunked else b"", chunked, not keep_alive, reply.disturbed)
    for edit in reply.edits:
        made = edit(made)
    return made


def undisturbed(reply: Reply, received: Received, date: bytes) -> bytes | None:
    """The whole of a plain reply to a plain request, as `outgoing` has it in parts; None where either is not."""
    if reply.frames is not None or reply.edits or reply.disturbed is not None:
        return None
    if not received.keep_alive or received.http_1_0 or received.request.method == "HEAD":
        return None
    body, fields = _body(reply), _fields(tuple(reply.headers.items()))
    return b"".join((_status_line(reply.status), date, fields, b"content-length: %d\r\n\r\n" % len(body), body))


def _body(reply: Reply) -> bytes:
    return reply.content if isinstance(reply.content, bytes) else orjson.dumps(reply.content)


def joined(made: Outgoing) -> bytes:
    """A reply that leaves in one write, its frames in one chunk where it is chunked."""
    data = b"".join(made.frames)
    return b"".join((made.head, chunk(data) if made.chunked else data, made.end))


def chunk(data: bytes) -> bytes:
    """The data as one chunk of a chunked body."""
    return b"".join((_chunk_size(len(data)), data, b"\r\n"))


def chunks(frames: Sequence[bytes]) -> Callable[[int], bytes]:
    """What gives the frame of an index as one chunk."""
    return _Chunks(frames).chunk if isinstance(frames, Events) else lambda index: chunk(frames[index])


class _Chunks:
    """The events of a text as chunks, of which all but the two at the ends differ in one string only."""

    __slots__ = ("_after", "_before", "_events", "_last", "_length", "_pieces")

    def __init__(self, events: Events) -> None:
        self._events = events
        self._pieces, self._before = events.pieces, events.before
        self._after = events.after + b"\r\n"
        self._length = len(events.before) + len(events.after)
        self._last = len(events) - 1

    def chunk(self, index: int) -> bytes:
        """One event as a chunk."""
        if 0 < index < self._last:
            content = orjson.dumps(self._pieces[index])
            return b"".join((_chunk_size(self._length + len(content)), self._before, content, self._after))
        return chunk(self._events[index])


@functools.lru_cache(maxsize=4096)
def _chunk_size(length: int) -> bytes:
    return b"%x\r\n" % length


@functools.cache
def _status_line(status: int) -> bytes:
    return f"HTTP/1.1 {status} {_PHRASES.get(status, '')}\r\n".encode()


@functools.lru_cache(maxsize=256)
def _fields(headers: tuple[tuple[str, str], ...]) -> bytes:
    return b"".join(_field(name, value) for name, value in headers)


@functools.lru_cache(maxsize=256)
def _field(name: str, value: str) -> bytes:
    return f"{name}: {value}\r\n".encode("latin-1", "replace")
