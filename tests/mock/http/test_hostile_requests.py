"""Hostile requests: each is answered or closed, others are answered meanwhile, and a signal ends the process."""

from __future__ import annotations

import contextlib
import http.client
import signal
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest

from benchmarks.hostile_requests import asking, hostile_requests, post, tool
from tests.mock.conftest import Start

LIMIT_S = 60.0
HOSTILE = hostile_requests()
GROUPS = 8
DOUBLING = {str(n): {"oneOf": [{"$ref": f"#/$defs/{n + 1}"}] * 2} for n in range(28)}
ENDLESS = tool({"$ref": "#/$defs/0", "$defs": DOUBLING | {"28": {"type": "string"}}})


def _health(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
    connection.request("GET", "/health")
    status = connection.getresponse().status
    connection.close()
    return status


def _sent(port: int, request: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S)
    with contextlib.suppress(OSError):  # refused before it was sent to its end, and answered all the same
        connection.sendall(request)
    return connection


def _status(connection: socket.socket) -> int:
    """The status of the answer, 0 for a connection that was closed without one."""
    received = b""
    try:
        while len(received) < 12 and (more := connection.recv(4096)):
            received += more
    except ConnectionError:
        return 0
    return int(received[9:12]) if received else 0


def test_list__is_long_enough() -> None:
    """What a stream on another connection is held against (benchmarks/hostile.py)."""
    assert len(HOSTILE) >= 60


@pytest.mark.parametrize("group", range(GROUPS))
def test_hostile_request__is_answered_and_holds_up_nobody(group: int, start: Start) -> None:
    """Whatever it is, /health answers while it is read, and it is answered or closed."""
    port = urlsplit(start()).port or 0
    for name in list(HOSTILE)[group::GROUPS]:
        with _sent(port, HOSTILE[name]) as connection:
            assert _health(port) == 200, name
            assert _status(connection) in (0, 200, 400, 401, 408, 413, 431, 503), name


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (asking("a " * 2_000_000), 400, b"expected fewer than 65536 tokens, got more than"),
        (asking("hello", max_tokens=500, n=128, logprobs=True, top_logprobs=20), 400, b"at most 40000 probabilities"),
        (b'{"a":[' + b"{}," * 100_000 + b"1]}", 400, b"at most 100000 values and names"),
        (asking("x" * 9_000_000), 413, b"expected a body of at most"),
        (ENDLESS, 413, b"expected what takes at most 1 s of one core, got more"),
    ],
)
def test_request_that_asks_too_much__is_told_why(body: bytes, status: int, said: bytes, server: str) -> None:
    """Within its time, with a status that says whose fault it is."""
    with _sent(urlsplit(server).port or 0, post(body)) as connection:
        received = b""
        while more := connection.recv(65536):
            received += more
    assert received.startswith(b"HTTP/1.1 %d " % status), received[:300]
    assert said in received


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
def test_signal__ends_it_whatever_it_reads() -> None:
    """Twenty bodies, each of them worth a second, hold it up no longer than its grace."""
    command = [sys.executable, "-m", "mock_server", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = urlsplit(process.stdout.readline().strip()).port or 0
        connections = [_sent(port, post(ENDLESS)) for _ in range(20)]
        assert _health(port) == 200
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert process.wait(LIMIT_S) == 0
        assert time.monotonic() - began < 15  # its grace is 5 s, and this machine may be busy
        for connection in connections:
            connection.close()
