"""The other server's connections: HTTP/1.1 by RFC 9112, one thread each, every byte in its own hands."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from typing import Any

from tests.support.other_server import Answer, Chat, Defect, Request, Style

_PHRASES = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed"}
_IDLE_S = 20.0


@contextmanager
def other_server(style: Style | None = None, defect: Defect | None = None) -> Iterator[str]:
    """The address of a running server; it and its connections end with the context."""
    chat = Chat(style or Style(), defect or Defect())
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        threads: list[threading.Thread] = []

        def accept() -> None:
            while not over.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                thread = threading.Thread(target=_serve, args=(connection, chat, over), daemon=True)
                threads.append(thread)
                thread.start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            for thread in (accepting, *threads):
                thread.join()


def _serve(connection: socket.socket, chat: Chat, over: threading.Event) -> None:
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(0.1)
        reader = _Reader(connection, over)
        try:
            while (request := reader.request()) is not None:
                if not _say(connection, chat, request):
                    return
        except OSError:
            return


class _Reader:
    """Requests out of a connection's bytes."""

    def __init__(self, connection: socket.socket, over: threading.Event) -> None:
        self._connection = connection
        self._over = over
        self._received = b""

    def request(self) -> Request | None:
        """The next request; None at the end of the connection."""
        head = self._until(b"\r\n\r\n")
        if head is None:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, version = first.split(" ")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if headers.get("expect", "").lower() == "100-continue":
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = self._chunked()
        else:
            body = self._exactly(int(headers.get("content-length", "0")))
        return Request(method, path, version, headers, body)

    def _chunked(self) -> bytes:
        body = b""
        while (size := int((self._until(b"\r\n") or b"0").partition(b";")[0], 16)) > 0:
            body += self._exactly(size + 2)[:-2]
        self._until(b"\r\n")
        return body

    def _until(self, mark: bytes) -> bytes | None:
        while mark not in self._received:
            if not self._more():
                return None
        found, _, self._received = self._received.partition(mark)
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self._received) < size and self._more():
            pass
        found, self._received = self._received[:size], self._received[size:]
        return found

    def _more(self) -> bool:
        idle_until_s = time.monotonic() + _IDLE_S
        while not self._over.is_set() and time.monotonic() < idle_until_s:
            try:
                received = self._connection.recv(65_536)
            except TimeoutError:
                continue
            self._received += received
            return bool(received)
        return False


def _say(connection: socket.socket, chat: Chat, request: Request) -> bool:
    """Sends the answer; whether the connection stays open."""
    answer = chat.answer(request)
    head, pieces, keep = _render(chat.style, request, answer)
    if request.method == "HEAD":
        pieces = []
    if chat.defect.raw:
        head, pieces = chat.defect.raw(request, head, pieces)
    time.sleep(answer.wait_s)
    if answer.events is None:
        connection.sendall(head + b"".join(pieces))
        return keep
    if not answer.pace_s:
        # in one write: between two of them a machine that is busy elsewhere makes the pauses that are not to be there
        connection.sendall(head + b"".join(pieces))
        return keep
    connection.sendall(head)
    due_s, pause_s = time.monotonic(), answer.pace_s * len(answer.events) / max(1, len(pieces))
    for piece in pieces:
        due_s += pause_s
        time.sleep(max(0.0, due_s - time.monotonic()))
        connection.sendall(piece)
    return keep


def _render(style: Style, request: Request, answer: Answer) -> tuple[bytes, list[bytes], bool]:
    recent = request.version[-1] == "1" and not style.old
    keep = request.headers.get("connection", "").lower() != "close" and not answer.close and recent
    if answer.events is None:
        content = answer.body if isinstance(answer.body, bytes) else style.pad + _json(style, answer.body).encode()
        framing, pieces = style.framing, [content]
        if request.method == "HEAD" or style.framing == "close":
            framing = "length"
    else:
        framing, pieces = style.framing, [_event(style, event) for event in answer.events]
        if style.comments:
            pieces = [_lines(style, [": alive", ""]), *pieces, _lines(style, [": bye", ""])]
    pieces = _cut(style, pieces)
    headers = [("Date", formatdate(usegmt=True)), ("Server", "other"), *answer.headers]
    if framing == "chunked" and recent:
        pieces = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece] + [b"0\r\n\r\n"]
        headers.append(("Transfer-Encoding", "chunked"))
    elif framing == "length" or answer.events is None:
        headers.append(("Content-Length", str(sum(map(len, pieces)))))
    else:
        keep = False
    if not keep:
        headers.append(("Connection", "close"))
    if style.reverse:
        headers.reverse()
    lines = [f"{name.lower() if style.small_headers else name}: {value}" for name, value in headers]
    status = f"HTTP/1.{int(not style.old)} {answer.status} {_PHRASES.get(answer.status, '')}"
    return "\r\n".join([status, *lines, "", ""]).encode("latin-1"), pieces, keep


def _cut(style: Style, pieces: list[bytes]) -> list[bytes]:
    if not style.pieces:
        return pieces
    text = b"".join(pieces)
    return [text[start : start + style.pieces] for start in range(0, len(text), style.pieces)]


def _event(style: Style, event: Any) -> bytes:
    if isinstance(event, bytes):
        return event
    text = event if isinstance(event, str) else _json(style, event, lines=style.lines)
    return b"".join(style.colon + line.encode() + style.line_end for line in text.split("\n")) + style.line_end


def _lines(style: Style, lines: list[str]) -> bytes:
    return b"".join(line.encode() + style.line_end for line in lines)


def _json(style: Style, value: Any, *, lines: bool = True) -> str:
    indent = style.indent if lines else None
    if style.reverse and isinstance(value, dict):
        value = dict(reversed(value.items()))
    return json.dumps(value, ensure_ascii=style.ascii_only, indent=indent)
