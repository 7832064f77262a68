"""What hostile, slow and broken clients get: a 4xx and a closed connection at worst."""

from __future__ import annotations

import contextlib
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.mock.conftest import Start
from tests.support import raw_socket as raw
from tests.support.raw_socket import FIN, OPEN, RST

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer mock-valid\r\n"
JSON = b"Content-Type: application/json\r\n"
HELLO = b'{"messages": [{"role": "user", "content": "hello"}], "max_tokens": 2}'
CHUNKED = HEAD + JSON + b"Transfer-Encoding: chunked\r\n\r\n"
GET = b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"

SMUGGLING = {
    "length and chunks": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 0\r\nContent-Length: 37\r\n\r\n",
    "one length twice": b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "list of lengths": b"Content-Length: 0, 0\r\n\r\n",
    "signed length": b"Content-Length: +0\r\n\r\n",
    "negative length": b"Content-Length: -1\r\n\r\n",
    "hexadecimal length": b"Content-Length: 0x0\r\n\r\n",
    "empty length": b"Content-Length:\r\n\r\n",
    "space before the colon": b"Content-Length : 0\r\n\r\n",
    "folded line": b"X: a\r\n b\r\n\r\n",
    "folded length": b"Content-Length:\r\n 0\r\n\r\n",
    "line of its own before the fields": b" X: a\r\n\r\n",
    "NUL in a value": b"X: \x00\r\n\r\n",
    "NUL in a name": b"X\x00: a\r\n\r\n",
    "CR in a value": b"X: a\rContent-Length: 9\r\n\r\n",
    "LF for CR LF": b"Content-Length: 0\n\n",
    "no name": b": a\r\n\r\n",
    "two hosts": b"Host: other\r\n\r\n",
    "other coding": b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "misspelled coding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "coding twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks that are not last": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "no number for a size": b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "prefixed size": b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
    "negative size": b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
    "size beyond 64 bits": b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    "chunk longer than its size": b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
    "LF behind a size": b"Transfer-Encoding: chunked\r\n\r\n0\n\n",
}

HOSTILE_JSON = {
    "nothing": b"",
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "deep and closed": b"[" * 50_000 + b"]" * 50_000,
    "deep in a field": b'{"messages": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "long number": b'{"messages": ' + b"9" * 100_000 + b"}",
    "number beyond all": HELLO.replace(b"2}", b"1e999}"),
    "not a number": HELLO.replace(b"2}", b"NaN}"),
    "lone surrogate": HELLO.replace(b"hello", b"\\ud800"),
    "no UTF-8": HELLO.replace(b"hello", b"\xff\xfe"),
    "overlong UTF-8": HELLO.replace(b"hello", b"\xc0\x80"),
    "NUL": HELLO.replace(b"hello", b"\x00"),
    "byte order mark": b"\xef\xbb\xbf" + HELLO,
    "UTF-16": HELLO.decode().encode("utf-16"),
    "two values": HELLO + HELLO,
    "many fields": b"{" + b",".join(b'"f%d":1' % number for number in range(50_000)) + b"}",
    "many messages of the wrong kind": b'{"messages": [' + b"1," * 50_000 + b"1]}",
}


def _sent(address: str, *pieces: bytes, pause_s: float = 0) -> tuple[bytes, str]:
    """What comes back until the connection ends, whoever ends it, and how it does."""
    received, end = b"", OPEN
    with raw.connected(address) as connection:
        with contextlib.suppress(OSError):
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause_s)
        try:
            while more := connection.recv(65_536):
                received += more
            end = FIN
        except ConnectionResetError:
            end = RST
    return received, end


def _statuses(received: bytes) -> list[int]:
    return [int(line.split()[1]) for line in received.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]


def _works(address: str) -> bool:
    return raw.ask(address, raw.post(max_tokens=1)).status == 200


@pytest.mark.parametrize("shape", sorted(SMUGGLING))
def test_ambiguous_request__is_refused_and_nothing_after_it_is_read(server: str, shape: str) -> None:
    """What a proxy before the server may have understood as two requests is none."""
    received, end = _sent(server, HEAD + SMUGGLING[shape] + GET)
    assert (_statuses(received), end) == ([400], FIN)
    assert b"connection: close" in received


@pytest.mark.parametrize(
    "head",
    [b"GET / HTTP/1.1\r\n\r\n", b"GET /\r\n\r\n"]
    + [b"GET / HTTP/%b\r\nHost: h\r\n\r\n" % version for version in (b"0.9", b"1.2", b"2.0")],
)
def test_request_of_another_time__is_refused(server: str, head: bytes) -> None:
    """No Host, HTTP/0.9, a version that there is not."""
    assert _statuses(_sent(server, head)[0]) == [400]


@pytest.mark.parametrize("kind", sorted(HOSTILE_JSON))
def test_hostile_json__is_refused_with_400(server: str, kind: str) -> None:
    """And the connection stays good, for the request was one."""
    body = HOSTILE_JSON[kind]
    with raw.connected(server) as connection:
        connection.sendall(HEAD + JSON + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert raw.read(connection).status == 400
        connection.sendall(raw.post(max_tokens=1))
        assert raw.read(connection).status == 200


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    received=st.binary(max_size=300)
    | st.tuples(st.binary(max_size=60), st.sampled_from(sorted(SMUGGLING.values())), st.binary(max_size=60)).map(
        lambda parts: HEAD + parts[0] + parts[1] + parts[2]
    )
    | st.binary(max_size=200).map(lambda body: HEAD + JSON + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    | st.binary(max_size=200).map(lambda chunks: CHUNKED + chunks)
)
def test_any_bytes__get_a_4xx_at_worst(server: str, received: bytes) -> None:
    """No 5xx, and no connection that hangs once the client has said all."""
    with raw.connected(server) as connection:
        connection.sendall(received)
        connection.shutdown(socket.SHUT_WR)
        answered = b""
        with contextlib.suppress(ConnectionResetError):
            while more := connection.recv(65_536):
                answered += more
    assert all(status < 500 for status in _statuses(answered))


def test_pipelined_upgrades__are_all_answered(server: str) -> None:
    """A thousand of them, each of which the parser stops at."""
    upgrade = b"GET /v1/x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    with raw.connected(server) as connection:
        connection.sendall(upgrade * 2000)
        received = b""
        while received.count(b"HTTP/1.1 404") < 2000:
            more = connection.recv(65_536)
            assert more
            received += more


@pytest.mark.parametrize(
    "pieces",
    [
        [b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"y" * 100_000 + b"\r\n\r\n"],
        [b"GET / HTTP/1.1\r\nHost: h\r\n" + b"X: y\r\n" * 20_000 + b"\r\n"],
        [b"GET /" + b"y" * 100_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n"],
        [b"GET / HTTP/1.1\r\nHost: h\r\nX: ", *[b"y" * 10_000] * 20],
        [CHUNKED + b"5;", *[b"x" * 100_000] * 10],
        [CHUNKED + b"0\r\nX: ", *[b"x" * 100_000] * 10],
    ],
    ids=["field", "fields", "target", "drip", "chunk extension", "trailer"],
)
def test_head_without_end__is_refused_with_431(server: str, pieces: list[bytes]) -> None:
    """However it comes; so are the parts of a body that say nothing."""
    received, _ = _sent(server, *pieces, pause_s=0.01)
    assert _statuses(received) == [431]


@pytest.mark.parametrize("announced", [True, False])
def test_body_beyond_the_stated_size__is_refused_with_413(start: Start, *, announced: bool) -> None:
    """By its length or by what came; one of just that size is not."""
    address = start("--max-body-bytes", str(len(HELLO)))
    fields = b"Content-Length: %d\r\n\r\n" % (len(HELLO) + 1) if announced else b"Transfer-Encoding: chunked\r\n\r\n"
    body = b"" if announced else b"%x\r\n%b \r\n" % (len(HELLO) + 1, HELLO)
    received, end = _sent(address, HEAD + JSON + fields + body)
    assert (_statuses(received), end) == ([413], FIN)
    with raw.connected(address) as connection:
        connection.sendall(HEAD + JSON + b"Content-Length: %d\r\n\r\n" % len(HELLO) + HELLO)
        assert raw.read(connection).status == 200


def _drip(connection: socket.socket, data: bytes, pause_s: float) -> None:
    with contextlib.suppress(OSError):
        for byte in data:
            connection.sendall(bytes([byte]))
            time.sleep(pause_s)


def test_slow_head__is_timed_out_though_it_goes_on(start: Start) -> None:
    """408 and the connection closed."""
    with raw.connected(start("--head-timeout-s", "0.5")) as connection:
        _drip(connection, b"GET / HTTP/1.1\r\nX: " + b"y" * 20, 0.05)
        answer = raw.read(connection)
        assert answer.status == 408
        assert b"connection: close" in answer.head
        assert raw.ended(connection) == FIN


def test_body_that_stands_still__is_timed_out(start: Start) -> None:
    """408, in the envelope of the operation, though only a byte is missing."""
    with raw.connected(start("--body-timeout-s", "0.5")) as connection:
        connection.sendall(HEAD + JSON + b"Content-Length: %d\r\n\r\n" % len(HELLO) + HELLO[:-1])
        answer = raw.read(connection)
        assert answer.status == 408
        assert b'"message":"expected the rest of a body in time' in answer.body
        assert raw.ended(connection) == FIN


def test_body_that_goes_on__is_not_timed_out(start: Start) -> None:
    """However long it takes."""
    with raw.connected(start("--body-timeout-s", "1")) as connection:
        connection.sendall(HEAD + JSON + b"Content-Length: %d\r\n\r\n" % len(HELLO))
        _drip(connection, HELLO[:20], 0.1)
        connection.sendall(HELLO[20:])
        assert raw.read(connection).status == 200


@pytest.mark.parametrize("before", [b"", raw.post(max_tokens=1), b"\r\n"])
def test_idle_connection__is_closed_without_a_word(start: Start, before: bytes) -> None:
    """A fresh one, and one that was used."""
    with raw.connected(start("--idle-timeout-s", "0.5")) as connection:
        connection.sendall(before)
        if len(before) > 2:
            assert raw.read(connection).status == 200
        assert raw.ended(connection) == FIN


def test_connection_that_waits_for_its_answer__is_not_timed_out(start: Start) -> None:
    """The time until an answer is the server's."""
    options = ["--idle-timeout-s", "0.2", "--head-timeout-s", "0.2", "--body-timeout-s", "0.2", "--ttft-ms", "1000"]
    assert raw.ask(start(*options), raw.post()).status == 200


def test_client_that_never_reads__is_dropped(start: Start) -> None:
    """When nothing could be written to it for as long as a connection may be idle."""
    with raw.connected(start("--idle-timeout-s", "0.5")) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(raw.LIMIT_S)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            connection.sendall(raw.post(stream=True) * 200_000)


def test_idle_connections__cost_no_one_anything(server: str) -> None:
    """As many as file handles allow here; the others are answered."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(raw.connected(server)) for _ in range(min(1000, soft // 2))]
        assert _works(server)
        idle[0].sendall(raw.post(max_tokens=1))
        assert raw.read(idle[0]).status == 200


def test_disconnects_amid_everything__leave_the_server_working(server: str) -> None:
    """In a head, a body, a stream, a stalled stream, a cut one; by FIN and by RST."""
    stream = raw.post(stream=True)
    requests = [stream[:20], stream[:-5], stream, raw.post(stream=True, incident="stall"), raw.post(incident="cut")]
    for number in range(100):
        with raw.connected(server) as connection:
            connection.sendall(requests[number % len(requests)])
            if number % 2:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert _works(server)


@contextlib.contextmanager
def _watched(*options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "mock_server", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), process
        finally:
            process.terminate()


def test_key__is_never_in_a_log() -> None:
    """Nor is anything else: what clients do wrong, and incidents, are told to them."""
    with _watched("--incident", "cut:by=rst;rate=0.5") as (address, process):
        for request in (raw.post(), raw.post(incident="nonsense"), HEAD + b"X : y\r\n\r\n", HEAD + JSON + b"\r\n"):
            for _ in range(3):
                with raw.connected(address) as connection:
                    connection.sendall(request)
                    connection.shutdown(socket.SHUT_WR)
                    with contextlib.suppress(ConnectionResetError):
                        connection.recv(65_536)
        process.terminate()
        out, err = process.communicate(timeout=raw.LIMIT_S)
    assert (out, err) == ("", "")


@pytest.mark.parametrize("incident", ["ok", "trickle:size=200,gap_ms=50", "stall:after=3,ms=500"])
def test_sigterm__lets_streams_finish_and_lets_no_one_in(incident: str) -> None:
    """A stream under way comes to its end, new connections are refused, the exit status is 0."""
    with _watched("--itl-ms", "60") as (address, process):
        with raw.connected(address) as connection:
            connection.sendall(raw.post(stream=True, max_tokens=10, incident=incident))
            received = connection.recv(65_536)
            process.send_signal(signal.SIGTERM)
            while not _refused(address):
                time.sleep(0.01)
            while not received.endswith(b"0\r\n\r\n"):
                more = connection.recv(65_536)
                assert more
                received += more
            assert raw.ended(connection) == FIN
        assert process.wait(raw.LIMIT_S) == 0


def _refused(address: str) -> bool:
    try:
        with raw.connected(address):
            return False
    except ConnectionRefusedError:
        return True
