from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from mixtral_contract.contract.openapi import Contract
from tests.mock.conftest import Start

PATH = "/v1/chat/completions"
LIMIT_S = 20


@contextmanager
def _connected(address: str) -> Iterator[socket.socket]:
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname, parts.port or 0), timeout=LIMIT_S) as connection:
        yield connection


def _post(body: Any = None, *, path: str = PATH, fields: str = "", version: str = "1.1") -> bytes:
    payload = body if isinstance(body, bytes) else json.dumps(body or _body()).encode()
    head = (
        f"POST {path} HTTP/{version}\r\nHost: h\r\nAuthorization: Bearer mock-valid\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n{fields}\r\n"
    )
    return head.encode() + payload


def _body(text: str = "hello", **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], **fields}


class _Reader:
    """Reads answers off a socket by their framing."""

    def __init__(self, connection: socket.socket) -> None:
        self._file = connection.makefile("rb")

    def head(self) -> tuple[int, dict[str, str]]:
        status = int(self._file.readline().split()[1])
        fields = {}
        while (line := self._file.readline().strip()) != b"":
            name, _, value = line.decode().partition(": ")
            fields[name.lower()] = value
        return status, fields

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        status, fields = self.head()
        if fields.get("transfer-encoding") == "chunked":
            body = b"".join(iter(self.chunk, b""))
        else:
            body = self._file.read(int(fields["content-length"])) if "content-length" in fields else self._file.read()
        return status, fields, body

    def chunk(self) -> bytes:
        data = self._file.read(int(self._file.readline(), 16))
        assert self._file.readline() == b"\r\n"
        return data

    def ended(self) -> bool:
        return self._file.read(1) == b""


def test_connection__is_kept_for_further_requests(server: str) -> None:
    """Whole, streamed and refused answers, one after the other on one connection."""
    with _connected(server) as connection:
        reader = _Reader(connection)
        for body, status in ((_body(), 200), (_body(stream=True), 200), ({"a": 1}, 400), (_body(), 200)):
            connection.sendall(_post(body))
            assert reader.answer()[0] == status


def test_pipelined_requests__are_answered_in_order(server: str) -> None:
    """Fifty at once, streams among them."""
    bodies = [_body(f"question {number}", max_tokens=number + 1, stream=number % 3 == 0) for number in range(50)]
    with _connected(server) as connection:
        connection.sendall(b"".join(map(_post, bodies)))
        reader = _Reader(connection)
        for number, body in enumerate(bodies):
            status, _, received = reader.answer()
            assert status == 200
            if not body["stream"]:
                assert json.loads(received)["usage"]["completion_tokens"] <= number + 1


def test_pipelined_behind_a_paced_stream__waits_for_its_turn(start: Start) -> None:
    """The second answer begins when the first is out."""
    with _connected(start("--itl-ms", "5")) as connection:
        connection.sendall(_post(_body(stream=True, max_tokens=10)) + _post({"a": 1}))
        reader = _Reader(connection)
        first = reader.answer()[2]
        assert first.endswith(b"data: [DONE]\n\n")
        assert reader.answer()[0] == 400


def test_request_in_pieces__is_understood(server: str) -> None:
    """A byte at a time."""
    with _connected(server) as connection:
        for byte in _post():
            connection.sendall(bytes([byte]))
        assert _Reader(connection).answer()[0] == 200


def test_chunked_request__is_understood(server: str) -> None:
    """A body whose length is not known beforehand."""
    payload = json.dumps(_body()).encode()
    head = _post(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (payload[:7], payload[7:]))
    with _connected(server) as connection:
        connection.sendall(head + chunks + b"0\r\n\r\n")
        assert _Reader(connection).answer()[0] == 200


def test_long_body__is_answered_as_a_short_one(server: str) -> None:
    """Read in another thread, in its turn all the same."""
    long = _body("cat " * 50_000)
    with _connected(server) as connection:
        connection.sendall(_post(long) + _post(_body("short")) + _post(b"[" * 100_000))
        reader = _Reader(connection)
        counts = [json.loads(reader.answer()[2])["usage"]["prompt_tokens"] for _ in range(2)]
        assert counts[0] > 40_000 > counts[1]
        assert reader.answer()[0] == 400


def test_head_request__gets_no_body(server: str) -> None:
    """The next answer begins right after the head."""
    with _connected(server) as connection:
        connection.sendall(_post().replace(b"POST", b"HEAD", 1) + _post())
        reader = _Reader(connection)
        status, fields = reader.head()
        assert (status, fields["allow"]) == (405, "POST")
        assert int(fields["content-length"]) > 0
        assert reader.answer()[0] == 200


def test_expectation__is_answered_before_the_body(server: str) -> None:
    """100 Continue, then the body, then the answer."""
    head, _, body = _post(fields="Expect: 100-continue\r\n").partition(b"\r\n\r\n")
    with _connected(server) as connection:
        connection.sendall(head + b"\r\n\r\n")
        reader = _Reader(connection)
        assert reader.head()[0] == 100
        connection.sendall(body)
        assert reader.answer()[0] == 200


@pytest.mark.parametrize(
    ("version", "fields", "kept"),
    [
        ("1.1", "", True),
        ("1.1", "Connection: close\r\n", False),
        ("1.0", "", False),
        ("1.0", "Connection: keep-alive\r\n", True),
    ],
)
def test_connection__is_closed_as_asked(server: str, version: str, fields: str, *, kept: bool) -> None:
    """HTTP/1.0 and Connection: close are honoured."""
    with _connected(server) as connection:
        connection.sendall(_post(version=version, fields=fields))
        reader = _Reader(connection)
        assert reader.answer()[0] == 200
        if kept:
            connection.sendall(_post())
            assert reader.answer()[0] == 200
        else:
            assert reader.ended()


def test_stream_to_http_1_0__is_not_chunked(server: str) -> None:
    """It ends with the connection."""
    with _connected(server) as connection:
        connection.sendall(_post(_body(stream=True), version="1.0", fields="Connection: keep-alive\r\n"))
        status, fields, body = _Reader(connection).answer()
        assert status == 200
        assert "transfer-encoding" not in fields
        assert body.endswith(b"data: [DONE]\n\n")


def test_whole_answer__has_the_fields_that_http_wants(server: str) -> None:
    """Date, Content-Length, Content-Type; no Server."""
    with _connected(server) as connection:
        connection.sendall(_post())
        _, fields, body = _Reader(connection).answer()
        assert fields.keys() == {"date", "content-type", "content-length"}
        assert json.loads(body)["object"] == "chat.completion"


def test_bad_http__is_refused_with_400_and_closed(server: str) -> None:
    """In JSON, after the answers to what came before it."""
    with _connected(server) as connection:
        connection.sendall(_post() + b"\x16\x03\x01 this is no request\r\n\r\n")
        reader = _Reader(connection)
        assert reader.answer()[0] == 200
        status, fields, body = reader.answer()
        assert (status, fields["connection"]) == (400, "close")
        assert json.loads(body)["error"]["message"]
        assert reader.ended()


def test_announced_giant__is_refused_with_413_at_once(server: str, contract: Contract) -> None:
    """In the shape of the operation that it was meant for, before the body came."""
    operation = contract.operations["segmind"]
    head = f"POST {operation.path} HTTP/1.1\r\nHost: h\r\nContent-Length: {10**10}\r\n\r\n".encode()
    with _connected(server) as connection:
        connection.sendall(head)
        reader = _Reader(connection)
        status, fields, body = reader.answer()
        assert (status, fields["connection"]) == (413, "close")
        assert isinstance(json.loads(body)["error"], str)
        assert reader.ended()


def test_giant__is_refused_while_the_client_still_sends(server: str) -> None:
    """The refusal is not lost in a reset."""
    with _connected(server) as connection:
        connection.sendall(_post(b"")[:-2].replace(b"Content-Length: 0", b"Transfer-Encoding: chunked") + b"\r\n")
        connection.sendall((b"100000\r\n" + b"x" * 0x100000 + b"\r\n") * 48)
        assert _Reader(connection).answer()[0] == 413


def test_endless_head__is_refused_with_431(server: str) -> None:
    """It does not fill the memory."""
    with _connected(server) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX: ")
        for _ in range(20):
            connection.sendall(b"y" * 65_536)
        assert _Reader(connection).answer()[0] == 431


def test_upgrade__is_ignored(server: str) -> None:
    """What `curl --http2` and Java's client ask for; both take an answer in HTTP/1.1."""
    fields = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    with _connected(server) as connection:
        connection.sendall(_post(fields=fields))
        assert _Reader(connection).answer()[0] == 200


def test_paced_stream__promises_before_it_speaks(start: Start) -> None:
    """The head leaves when the status is decided: it is read while the first token is an hour away."""
    with _connected(start("--ttft-ms", "3600000")) as connection:
        connection.sendall(_post(_body(stream=True)))
        status, fields = _Reader(connection).head()
        assert (status, fields["transfer-encoding"]) == (200, "chunked")


def test_paced_stream__leaves_token_by_token(start: Start) -> None:
    """With a minute between tokens the first one, with the role before it, comes alone."""
    with _connected(start("--itl-ms", "60000")) as connection:
        connection.sendall(_post(_body(stream=True)))
        reader = _Reader(connection)
        reader.head()
        events = reader.chunk().split(b"\n\n")[:-1]
        deltas = [json.loads(event.removeprefix(b"data: "))["choices"][0]["delta"] for event in events]
        assert deltas[0] == {"role": "assistant", "content": ""}
        assert len(deltas) == 2
        assert deltas[1]["content"]


def test_disconnect__leaves_the_others_alone(start: Start) -> None:
    """Fifty clients go in the middle of their streams; one that stays is served to the end."""
    address = start("--itl-ms", "2")
    with _connected(address) as staying:
        staying.sendall(_post(_body(stream=True)))
        for _ in range(50):
            with _connected(address) as leaving:
                leaving.sendall(_post(_body(stream=True)))
                _Reader(leaving).head()
        assert _Reader(staying).answer()[2].endswith(b"data: [DONE]\n\n")


def test_client_that_does_not_read__gets_everything_when_it_does(server: str) -> None:
    """More than all buffers hold waits for a slow reader, and none of it is lost."""
    count = 1000
    with _connected(server) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        sending = threading.Thread(target=connection.sendall, args=(_post(_body(stream=True)) * count,))
        sending.start()
        reader = _Reader(connection)
        assert all(reader.answer()[2].endswith(b"data: [DONE]\n\n") for _ in range(count))
        sending.join()
