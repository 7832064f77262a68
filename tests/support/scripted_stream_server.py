"""A tiny HTTP server that answers as a test says, byte by byte: what arrives in one `recv` is decided here.

Not the mock server: a client that is tested against it must not share a misreading with it.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
CLOSE_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
DONE = b"data: [DONE]\n\n"
END = b"0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Sleep:
    """Waits before the next bytes."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Close:
    """Closes the connection; with a reset instead of a regular end."""

    reset: bool = False


class Hang:
    """Keeps the connection open and says nothing more until the server stops."""


Step = bytes | Sleep | Close | Hang
Script = Sequence[Step]


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it was received."""

    head: str
    body: Any


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def event(delta: dict[str, Any] | None = None, *, finish: str | None = None, usage: Any = None) -> bytes:
    """One event of a stream; without delta and finish a chunk without choices."""
    choices = [] if delta is None and finish is None else [{"index": 0, "delta": delta or {}, "finish_reason": finish}]
    body = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}
    if usage is not None:
        body["usage"] = usage
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


def usage(completion_tokens: int, prompt_tokens: int = 7) -> dict[str, int]:
    """Usage as an answer carries it."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


WHOLE = json.dumps(
    {
        "choices": [{"message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}],
        "usage": usage(3),
    }
).encode()
"""A completion, whole."""


def answer(status: str, body: bytes, *headers: str, content_type: str = "application/json") -> bytes:
    """A whole answer with a length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def stream(tokens: int, *, ttft_s: float = 0, itl_s: float = 0, with_usage: bool = True) -> Script:
    """A whole chunked stream of letters, one event per token, each sent by itself at its time."""
    steps: list[Step] = [STREAM_HEAD + chunk(event({"role": "assistant", "content": ""})), Sleep(ttft_s)]
    for index in range(tokens):
        steps += [chunk(event({"content": f" {chr(ord('a') + index % 26)}"})), Sleep(itl_s)]
    tail = event(finish="length") + (event(usage=usage(tokens)) if with_usage else b"")
    return [*steps, chunk(tail), chunk(DONE) + END]


_NO_SUCH_PAGE = answer("404 Not Found", b'{"error": {"message": "not here"}}')


class ScriptedServer:
    """Answers the n-th POST of all connections (from 0) with `script(n)`; keeps what was asked, and
    the heads of what was asked with GET in `pages`.

    `has_closed` is set once a connection was closed from this side.
    """

    def __init__(self, script: Callable[[int], Script], tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.pages: list[str] = []
        self.connections = 0
        self.has_closed = threading.Event()
        self._script = script
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def port(self) -> int:
        """The port that the kernel chose."""
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """The base URL."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        # closing alone does not wake a thread that waits in accept or recv
        for each in (self._listener, *self._open):
            self._shut(each)
        for thread in self._threads:
            thread.join(5)

    @staticmethod
    def _shut(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    def _start(self, work: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open.add(connection)
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            while self._answer(connection):
                pass
        except OSError:
            pass
        finally:
            self._open.discard(connection)
            connection.close()
            self.has_closed.set()

    def _answer(self, connection: socket.socket) -> bool:
        """Answers one request; whether the connection goes on."""
        request = _read(connection)
        if request is None:
            return False
        if request.head.startswith("GET "):
            # whoever asks for the list of models is told that there is none, and counts for nothing
            self.pages.append(request.head)
            connection.sendall(_NO_SUCH_PAGE)
            return True
        with self._lock:
            number = len(self.requests)
            self.requests.append(request)
        return all(self._take(step, connection) for step in self._script(number))

    def _take(self, step: Step, connection: socket.socket) -> bool:
        if isinstance(step, bytes):
            connection.sendall(step)
        elif isinstance(step, Sleep):
            time.sleep(step.seconds)
        elif isinstance(step, Hang):
            self._stopped.wait()
            return False
        else:
            if step.reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        return True


def _read(connection: socket.socket) -> Request | None:
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65_536)
        if not piece:
            return None
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head.lower())
    while length and len(body) < int(length[1]):
        body += connection.recv(65_536)
    return Request(head.decode("latin-1"), json.loads(body) if body else None)
