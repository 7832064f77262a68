"""A server that says what it is told to, byte for byte: our readers meet what no well-behaved server does."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

_REQUEST_BYTES = 1 << 20
_HANG_S = 30


@dataclass
class Script:
    """The pieces to send to each request, and what was received; `reset` ends a connection with RST instead of FIN."""

    pieces: Sequence[bytes]
    reset: bool = False
    hang: bool = False
    url: str = ""
    received: list[bytes] = field(default_factory=list)


@contextmanager
def serving(*pieces: bytes, reset: bool = False, hang: bool = False) -> Iterator[Script]:
    """A server on a free port of the loopback that answers each connection's request with the pieces, then closes.

    With `hang` it keeps the connection open after the last piece, until the end of the context.
    """
    script = Script(pieces, reset=reset, hang=hang)
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        script.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=_accept, args=(listener, script, over))
        thread.start()
        try:
            yield script
        finally:
            over.set()
            thread.join()


def _accept(listener: socket.socket, script: Script, over: threading.Event) -> None:
    while not over.is_set():
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        with connection:
            connection.settimeout(5)
            script.received.append(_request(connection))
            for piece in script.pieces:
                connection.sendall(piece)
            if script.hang and script.received[-1]:
                over.wait(_HANG_S)
            if script.reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _request(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received and len(received) < _REQUEST_BYTES:
        more = connection.recv(65_536)
        if not more:
            return received
        received += more
    head, _, body = received.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body
