"""A client that sees bytes: what came in which read, and how the connection ended."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

PATH = "/v1/chat/completions"
LIMIT_S = 20

OPEN = "open"
FIN = "fin"
RST = "rst"


@dataclass(frozen=True)
class Answer:
    """What was read off a connection until it ended, or until the answer was complete by its framing."""

    head: bytes
    body: bytes
    chunks: list[bytes]
    end: str

    @property
    def status(self) -> int:
        """The status code."""
        return int(self.head.split()[1])

    @property
    def events(self) -> list[bytes]:
        """The data of each event that came whole."""
        lines = self.body.replace(b"\r\n", b"\n").split(b"\n\n")[:-1]
        return [line.removeprefix(b"data:").strip() for line in lines if line.startswith(b"data:")]


Result = TypeVar("Result")


class _Secured:
    """TLS over a socket; unlike the socket of `ssl` it does not call a reset an end."""

    def __init__(self, plain: socket.socket, tls: ssl.SSLContext, host: str) -> None:
        self._plain = plain
        self._received, self._sent = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._session = tls.wrap_bio(self._received, self._sent, server_hostname=host)
        self._do(self._session.do_handshake)

    def sendall(self, data: bytes) -> None:
        """Sends all of it."""
        self._do(lambda: self._session.write(data))

    def recv(self, size: int) -> bytes:
        """Some bytes, none at the end."""
        return self._do(lambda: self._session.read(size))

    def _do(self, step: Callable[[], Result]) -> Result:
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                self._plain.sendall(self._sent.read())
                more = self._plain.recv(65_536)
                if more:
                    self._received.write(more)
                else:
                    self._received.write_eof()
            else:
                self._plain.sendall(self._sent.read())
                return result


@contextmanager
def connected(address: str, tls: ssl.SSLContext | None = None) -> Iterator[socket.socket]:
    """A connection to the server at an address."""
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname, parts.port or 0), timeout=LIMIT_S) as plain:
        if tls is None:
            yield plain
        else:
            yield cast("socket.socket", _Secured(plain, tls, parts.hostname or ""))


def post(text: str = "tell me a joke on cats", *, incident: str | None = None, **fields: Any) -> bytes:
    """A request for a completion."""
    body = json.dumps({"messages": [{"role": "user", "content": text}], **fields}).encode()
    asked = "" if incident is None else f"X-Mock-Incident: {incident}\r\n"
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer mock-valid\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n{asked}\r\n"
    )
    return head.encode() + body


def ask(address: str, request: bytes, tls: ssl.SSLContext | None = None) -> Answer:
    """Sends one request and reads what comes, on a connection of its own."""
    with connected(address, tls) as connection:
        connection.sendall(request)
        return read(connection)


def read(connection: socket.socket) -> Answer:
    """Reads one answer."""
    received, end = b"", OPEN
    while not _complete(received):
        try:
            more = connection.recv(65_536)
        except ConnectionResetError:
            end = RST
            break
        if not more:
            end = FIN
            break
        received += more
    head, _, rest = received.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" not in head:
        return Answer(head, rest, [], end)
    chunks = list(_chunks(rest))
    return Answer(head, b"".join(chunks), chunks, end)


def ended(connection: socket.socket) -> str:
    """How a connection ends of which nothing more is to come."""
    try:
        return FIN if connection.recv(1) == b"" else OPEN
    except ConnectionResetError:
        return RST
    except TimeoutError:
        return OPEN


def _complete(received: bytes) -> bool:
    head, found, rest = received.partition(b"\r\n\r\n")
    if not found:
        return False
    if b"transfer-encoding: chunked" in head:
        return rest.endswith(b"0\r\n\r\n")
    length = [line for line in head.split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(length) and len(rest) >= int(length[0].split()[1])


def _chunks(rest: bytes) -> Iterator[bytes]:
    """The chunks of a body, the last one maybe cut off."""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        if length:
            yield rest[:length]
        rest = rest[length + 2 :]
