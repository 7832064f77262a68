"""A server whose answers have no end: bytes without bound, each kind in its own way."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache

_JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
_CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
_EVENT = b'data: {"id":"x","choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'
_WRONG_METHOD = b"HTTP/1.1 405 Method Not Allowed\r\nAllow: POST\r\nContent-Length: 0\r\n\r\n"


def _forever(head: bytes, piece: bytes, pause_s: float = 0.0) -> Iterator[bytes]:
    yield head
    while True:
        yield piece
        time.sleep(pause_s)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@cache
def _bomb() -> bytes:
    """A hundred kilobytes that stand for 20 million."""
    coder = zlib.compressobj(1, zlib.DEFLATED, 31)
    block = b'data: {"a":"' + b"0" * 1_000_000 + b'"}\n\n'
    return b"".join([*(coder.compress(block) for _ in range(20)), coder.flush()])


FLOODS: Mapping[str, Callable[[], Iterator[bytes]]] = {
    "endless stream": lambda: _forever(_STREAM + _CHUNKED, _chunk(_EVENT) * 50),
    "endless line": lambda: _forever(_STREAM + _CHUNKED + _chunk(b'data: {"a":"'), _chunk(b"a" * 65_536)),
    "endless body": lambda: _forever(_JSON + b'Content-Length: 10000000000\r\n\r\n{"a":"', b"x" * 65_536),
    "tiny chunks": lambda: _forever(_STREAM + _CHUNKED, _chunk(b"\n" * 20) * 2_000),
    "bomb": lambda: iter(
        (_STREAM + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(_bomb()), _bomb()),
    ),
    "endless head": lambda: _forever(b"HTTP/1.1 200 OK\r\n", b"X-Flood: " + b"a" * 1_000 + b"\r\n"),
    "drip": lambda: _forever(_JSON + b"Content-Length: 100000\r\n\r\n", b"{", 0.05),
}
"""What is sent to a POST, piece by piece."""


@contextmanager
def flooding(name: str) -> Iterator[str]:
    """The address of a server that answers each POST with that flood, and everything else with 405."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        listener.settimeout(0.1)
        thread = threading.Thread(target=_accept, args=(listener, FLOODS[name], over))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            thread.join()


def _accept(listener: socket.socket, flood: Callable[[], Iterator[bytes]], over: threading.Event) -> None:
    while not over.is_set():
        with contextlib.suppress(TimeoutError):
            connection, _ = listener.accept()
            threading.Thread(target=_answer, args=(connection, flood, over), daemon=True).start()


def _answer(connection: socket.socket, flood: Callable[[], Iterator[bytes]], over: threading.Event) -> None:
    with connection, contextlib.suppress(OSError):
        connection.settimeout(5)
        asked = connection.recv(65_536)
        if not asked.startswith(b"POST"):
            connection.sendall(_WRONG_METHOD)
            return
        for piece in flood():
            if over.is_set():
                return
            connection.sendall(piece)
