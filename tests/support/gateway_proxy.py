"""A proxy that passes an answer on late, as gateways do: by bytes, by time, or when it is told that gzip is taken."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

Forward = Callable[[socket.socket, socket.socket, bytes], None]
"""Passes what the server says on to the client, until it closes; it is given the request."""


def at_once(server: socket.socket, client: socket.socket, _request: bytes) -> None:
    """As it comes."""
    while received := server.recv(65_536):
        client.sendall(received)


def by_bytes(server: socket.socket, client: socket.socket, _request: bytes) -> None:
    """When 4 KiB are together, as nginx does."""
    held = b""
    while received := server.recv(65_536):
        held += received
        if len(held) >= 4_096:
            client.sendall(held)
            held = b""
    client.sendall(held)


def by_time(server: socket.socket, client: socket.socket, _request: bytes) -> None:
    """Every 200 ms, as HAProxy does where segments are not full."""
    held, due_s = b"", time.monotonic() + 0.2
    while received := server.recv(65_536):
        held += received
        if time.monotonic() >= due_s:
            client.sendall(held)
            held, due_s = b"", time.monotonic() + 0.2
    client.sendall(held)


def compressing(server: socket.socket, client: socket.socket, request: bytes) -> None:
    """As it comes; for who takes gzip, compressed and without a flush."""
    if b"accept-encoding: gzip" not in request.lower():
        return at_once(server, client, request)
    received = b""
    while b"\r\n\r\n" not in received:
        received += server.recv(65_536)
    head, _, body = received.partition(b"\r\n\r\n")
    coder = zlib.compressobj(wbits=31)
    client.sendall(head + b"\r\nContent-Encoding: gzip\r\n\r\n" + coder.compress(body))
    while more := server.recv(65_536):
        client.sendall(coder.compress(more))
    return client.sendall(coder.flush())


@contextmanager
def proxying(url: str, forward: Forward) -> Iterator[str]:
    """The address of such a proxy before the server at that one."""
    over = threading.Event()
    upstream = (urlsplit(url).hostname or "", urlsplit(url).port or 0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        thread = threading.Thread(target=_accept, args=(listener, upstream, forward, over))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            thread.join()


def _accept(listener: socket.socket, upstream: tuple[str, int], forward: Forward, over: threading.Event) -> None:
    while not over.is_set():
        with contextlib.suppress(TimeoutError):
            client, _ = listener.accept()
            threading.Thread(target=_pass_on, args=(client, upstream, forward), daemon=True).start()


def _pass_on(client: socket.socket, upstream: tuple[str, int], forward: Forward) -> None:
    with client, contextlib.suppress(OSError):
        client.settimeout(10)
        with socket.create_connection(upstream, timeout=10) as server:
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            request = _request(client)
            server.sendall(request)
            forward(server, client, request)


def _request(client: socket.socket) -> bytes:
    """A whole request, as HTTP/1.0: nginx asks its upstreams so, and the end of the connection ends the answer."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += client.recv(65_536)
    head, _, body = received.partition(b"\r\n\r\n")
    fields = head.split(b"\r\n")
    length = next((int(field[15:]) for field in fields if field.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += client.recv(65_536)
    fields[0] = fields[0].replace(b"HTTP/1.1", b"HTTP/1.0")
    return b"\r\n".join((*fields, b"", body))
