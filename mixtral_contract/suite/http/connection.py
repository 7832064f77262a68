"""Sends requests over a fresh connection and takes the answers as they arrive.

A socket and h11, because a verdict needs what client libraries hide: the bytes of the head, the pieces of the body
with their times, whether the body ended as its framing says, and what came after it.
"""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

import certifi
import h11

from mixtral_contract.primitives.base_url import BaseUrl
from mixtral_contract.suite.http.content_coding import ContentDecoder
from mixtral_contract.suite.http.exchange import TOO_LONG, Exchange, Request

_RECEIVE_BYTES = 65_536
_WHOLE_FACTOR = 4
"""An answer may take this many times the time-out in all: a stream that trickles for ever ends too."""
_CONTINUE_S = 1.0
"""How long 100 (Continue) is waited for: RFC 9110 section 10.1.1 bids a client not to wait for ever."""
MOST_BYTES = 4_000_000
"""How long an answer may be unless told; what this suite asks for takes a hundredth of it."""
_HEAD_BYTES = 1 << 20
"""How much h11 keeps of a head, or of a chunk's size, that does not end."""
_PIECE_OVERHEAD_BYTES = 128
"""What keeping a piece takes beside its bytes: an answer of many small pieces is bounded too."""


class _AnswerTooLongError(Exception):
    """An answer is longer than it may be."""


class _AnswerTooLateError(Exception):
    """An answer goes on for longer than it may."""


@dataclass
class _Link:
    """One connection: what was received and belongs to no answer yet, when, and whether the server closed it."""

    connection: socket.socket
    most_bytes: int
    rest: bytes = b""
    closed: bool = False
    arrived_ns: int = 0

    def receive(self) -> bytes:
        received = self.connection.recv(_RECEIVE_BYTES)
        # all that comes with one read has arrived at one time, however many chunks it is
        self.arrived_ns = time.perf_counter_ns()
        self.closed = not received
        return received


@dataclass
class _Answer:
    """What has arrived so far of one answer."""

    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    raw: bytes = b""
    head_ns: int | None = None
    pieces: list[tuple[int, bytes]] = field(default_factory=list)
    received_bytes: int = 0
    kept_bytes: int = 0

    def take(self, received: bytes, most_bytes: int) -> None:
        """Counts what came over the connection.

        Raises: _AnswerTooLongError when it is more than an answer may have.
        """
        self.received_bytes += len(received)
        if self.status is None:
            self.raw += received
        if self.received_bytes > most_bytes:
            raise _AnswerTooLongError

    def keep(self, arrived_ns: int, content: bytes, most_bytes: int) -> None:
        """Takes a part of the body; what came at one time is one piece.

        Raises: _AnswerTooLongError when the body is longer than it may be; what is over is not kept.
        """
        self.kept_bytes += len(content)
        if self.pieces and self.pieces[-1][0] == arrived_ns:
            self.pieces[-1] = (arrived_ns, self.pieces[-1][1] + content)
        else:
            self.kept_bytes += _PIECE_OVERHEAD_BYTES
            self.pieces.append((arrived_ns, content))
        if self.kept_bytes > most_bytes:
            raise _AnswerTooLongError


def send(request: Request, *, timeout_s: float = 30.0, linger_s: float = 0.0, most_bytes: int = MOST_BYTES) -> Exchange:
    """The exchange of one request, as `converse` makes it."""
    return converse([request], timeout_s=timeout_s, linger_s=linger_s, most_bytes=most_bytes)[0]


def converse(
    requests: Sequence[Request],
    *,
    together: bool = False,
    timeout_s: float = 30.0,
    linger_s: float = 0.0,
    most_bytes: int = MOST_BYTES,
) -> list[Exchange]:
    """The exchanges of several requests over one connection, each sent after the answer before it, or all `together`.

    They raise nothing for what the server does; those that a closed connection leaves without an answer have no
    status. `timeout_s` bounds the connection and each wait for bytes, and four times that an answer in all;
    `most_bytes` bounds each answer, as it comes and with its content coding taken off; `linger_s` is how long the
    connection is watched after the end of the last answer.
    """
    exchanges: list[Exchange] = []
    try:
        with _connection(requests[0].url, timeout_s) as connection:
            link = _Link(connection, most_bytes)
            for request in requests:
                unsent = [request] if not together else [] if exchanges else requests
                exchanges.append(_exchange(link, request, unsent, timeout_s))
            link.rest += _later(link, linger_s)
            exchanges[-1] = _with_surplus(exchanges[-1], link.rest)
    except OSError as error:
        ending = "timeout" if isinstance(error, TimeoutError) else "refused"
        exchanges += [
            Exchange(request, None, ending=ending, detail=str(error)) for request in requests[len(exchanges) :]
        ]
    return exchanges


def _exchange(link: _Link, request: Request, unsent: Sequence[Request], timeout_s: float) -> Exchange:
    answer = _Answer()
    sent_ns = time.perf_counter_ns()
    ending, detail = "complete", ""
    try:
        held_back = b"".join(_send(link.connection, each) for each in unsent)
        _receive(link, request.method, answer, held_back, sent_ns + int(_WHOLE_FACTOR * timeout_s * 1e9))
    except _AnswerTooLateError:
        ending, detail = "timeout", f"not all of it within {_WHOLE_FACTOR * timeout_s:g} s"
    except TimeoutError:
        ending, detail = "timeout", f"nothing more within {timeout_s:g} s"
    except h11.RemoteProtocolError as error:
        ending, detail = ("truncated", str(error)) if link.closed else ("malformed", str(error))
        if link.closed and answer.status is None:
            detail = "the connection was closed before an answer"
    except _AnswerTooLongError:
        ending, detail = TOO_LONG, f"more than {link.most_bytes:,} bytes"
        link.connection.close()
    except OSError as error:
        ending, detail = "truncated", str(error)
    return Exchange(
        request=request,
        status=answer.status,
        headers=answer.headers,
        received=tuple(answer.pieces),
        ending=ending,
        detail=detail,
        sent_ns=sent_ns,
        head_ns=answer.head_ns,
        end_ns=time.perf_counter_ns(),
        raw_head=answer.raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if answer.status is not None else b"",
    )


@contextmanager
def _connection(url: str, timeout_s: float) -> Iterator[socket.socket]:
    parts = urlsplit(url)
    address = BaseUrl.parse(f"{parts.scheme}://{parts.netloc}")
    with socket.create_connection((address.host, address.port), timeout=timeout_s) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if address.scheme != "https":
            yield plain
            return
        context = ssl.create_default_context(cafile=certifi.where())
        with context.wrap_socket(plain, server_hostname=address.host) as secure:
            yield secure


def _send(connection: socket.socket, request: Request) -> bytes:
    """Sends the request; returns the body where the request says that it is to be held back."""
    parts = urlsplit(request.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    said = {name.lower(): value.lower() for name, value in request.headers}
    # written by hand, not by h11: the case of header names is part of what is tested
    lines = [f"{request.method} {target} HTTP/{request.version}", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    body = request.body
    if said.get("transfer-encoding") == "chunked":
        body = _chunked(body)
    elif body or request.method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
    held_back = body if said.get("expect") == "100-continue" else b""
    connection.sendall("\r\n".join((*lines, "", "")).encode("latin-1") + (b"" if held_back else body))
    return held_back


def _chunked(body: bytes) -> bytes:
    """The body in two chunks, so that a reader of the first one alone is found."""
    middle = len(body) // 2
    chunks = (part for part in (body[:middle], body[middle:]) if part)
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in chunks) + b"0\r\n\r\n"


def _receive(link: _Link, method: str, answer: _Answer, held_back: bytes, until_ns: int) -> None:
    parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD_BYTES)
    parser.send(h11.Request(method=method, target="/", headers=[("host", "x")]))
    parser.send(h11.EndOfMessage())
    answer.raw, link.rest = link.rest, b""
    if answer.raw:
        parser.receive_data(answer.raw)
    decoder = ContentDecoder()
    while True:
        event = parser.next_event()
        if event is h11.NEED_DATA:
            if time.perf_counter_ns() > until_ns:
                raise _AnswerTooLateError
            held_back = _let_go(link.connection, held_back)
            received = link.receive()
            answer.take(received, link.most_bytes)
            parser.receive_data(received)
        elif isinstance(event, h11.InformationalResponse):
            answer.raw = parser.trailing_data[0]
            link.connection.sendall(held_back)
            held_back = b""
        elif isinstance(event, h11.Response):
            held_back = b""
            answer.status = event.status_code
            answer.headers = tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in event.headers.raw_items())
            answer.head_ns = time.perf_counter_ns()
            decoder = ContentDecoder(answer.headers)
        elif isinstance(event, h11.Data):
            for content in decoder.decode(bytes(event.data)):
                answer.keep(link.arrived_ns, content, link.most_bytes)
        elif isinstance(event, (h11.EndOfMessage, h11.ConnectionClosed)):
            link.rest = parser.trailing_data[0]
            return


def _let_go(connection: socket.socket, held_back: bytes) -> bytes:
    """Sends what was held back for a 100 (Continue) when none comes in time."""
    if held_back and not select.select([connection], [], [], _CONTINUE_S)[0]:
        connection.sendall(held_back)
        return b""
    return held_back


def _later(link: _Link, linger_s: float) -> bytes:
    """What comes after the last answer; without lingering what is there already."""
    if link.closed or link.connection.fileno() < 0:
        return b""
    link.connection.settimeout(linger_s)
    try:
        return link.receive()
    except OSError:  # nothing came, or nothing more will
        return b""


def _with_surplus(exchange: Exchange, surplus: bytes) -> Exchange:
    return replace(exchange, surplus=surplus) if exchange.ending == "complete" else exchange
