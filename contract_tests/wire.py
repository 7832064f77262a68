"""Sends one request over a fresh connection and takes the answer as it arrives.

A socket and h11, because a verdict needs what client libraries hide: the bytes of the head, the pieces of the body
with their times, and whether the body ended as its framing says.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import certifi
import h11

from contract_tests.exchange import Exchange, Request
from spec.address import Address

_RECEIVE_BYTES = 65_536
_WHOLE_FACTOR = 4
"""An answer may take this many times the time-out in all: a stream that trickles for ever ends too."""


@dataclass
class _Answer:
    """What has arrived so far."""

    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    raw: bytes = b""
    head_ns: int | None = None
    closed: bool = False


def send(request: Request, *, timeout_s: float = 30.0) -> Exchange:
    """The exchange, however it ended; this raises nothing for what the server does.

    `timeout_s` bounds the connection and each wait for bytes.
    """
    answer = _Answer()
    pieces: list[tuple[int, bytes]] = []
    sent_ns = time.perf_counter_ns()
    ending, detail = "complete", ""
    try:
        with _connection(request.url, timeout_s) as connection:
            sent_ns = time.perf_counter_ns()
            _send(connection, request)
            for piece in _receive(connection, request.method, answer, sent_ns + int(_WHOLE_FACTOR * timeout_s * 1e9)):
                pieces.append((time.perf_counter_ns(), piece))  # noqa: PERF401  what came before an error is kept
    except TimeoutError:
        ending, detail = "timeout", f"nothing more within {timeout_s:g} s"
    except h11.RemoteProtocolError as error:
        ending, detail = ("truncated" if answer.closed else "malformed"), str(error)
    except (ConnectionError, ssl.SSLError, socket.gaierror, OSError) as error:
        ending, detail = ("refused" if answer.status is None and not answer.raw else "truncated"), str(error)
    return Exchange(
        request=request,
        status=answer.status,
        headers=answer.headers,
        received=tuple(pieces),
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
    address = Address.parse(f"{parts.scheme}://{parts.netloc}")
    with socket.create_connection((address.host, address.port), timeout=timeout_s) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if address.scheme != "https":
            yield plain
            return
        context = ssl.create_default_context(cafile=certifi.where())
        with context.wrap_socket(plain, server_hostname=address.host) as secure:
            yield secure


def _send(connection: socket.socket, request: Request) -> None:
    parts = urlsplit(request.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    # written by hand, not by h11: the case of header names is part of what is tested
    lines = [f"{request.method} {target} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(request.body)}")
    connection.sendall("\r\n".join((*lines, "", "")).encode("latin-1") + request.body)


def _receive(connection: socket.socket, method: str, answer: _Answer, until_ns: int) -> Iterator[bytes]:
    parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    parser.send(h11.Request(method=method, target="/", headers=[("host", "x")]))
    parser.send(h11.EndOfMessage())
    while True:
        event = parser.next_event()
        if event is h11.NEED_DATA:
            if time.perf_counter_ns() > until_ns:
                raise TimeoutError
            received = connection.recv(_RECEIVE_BYTES)
            answer.closed = not received
            if answer.status is None:
                answer.raw += received
            parser.receive_data(received)
        elif isinstance(event, h11.Response):
            answer.status = event.status_code
            answer.headers = tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in event.headers.raw_items())
            answer.head_ns = time.perf_counter_ns()
        elif isinstance(event, h11.Data):
            yield bytes(event.data)
        elif isinstance(event, (h11.EndOfMessage, h11.ConnectionClosed)):
            return
