from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import OpenAI

from mixtral_contract.cassettes.exchange import COMPLETE, CUT, LEFT, REDACTED, Recorded
from mixtral_contract.cassettes.reader import Cassette
from tests.mock.conftest import Start
from tests.support.raw_socket import FIN, ask, connected, post, read
from tests.support.scripted_server import serving

KEY = "mock-valid"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
NOWHERE = "http://127.0.0.1:1"
_LIMIT_S = 20


@contextmanager
def _recording(upstream: str, cassette: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of a recorder, and its process; it has written everything when this ends, its words into a .log."""
    command = [sys.executable, "-m", "mock_server", "--port", "0", "--record", upstream, "--cassette", str(cassette)]
    with (
        cassette.with_suffix(".log").open("w") as log,
        # what stands on this machine is asked through no proxy
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, "HTTP_PROXY": NOWHERE}
        ) as process,
    ):
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            assert address.startswith("http://"), "the recorder did not start"
            yield address, process
        finally:
            process.terminate()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _exchanges(cassette: Path) -> tuple[Recorded, ...]:
    return Cassette.load(cassette).exchanges


def test_stream__is_relayed_before_it_ends(tmp_path: Path) -> None:
    """The upstream sends no more until the client has gone: what arrives was held back by nobody."""
    with (
        serving(HEAD + _chunk(b"data: 1\n\n"), hang=True) as upstream,
        _recording(upstream.url, tmp_path / "c.yaml") as (address, _),
        connected(address) as connection,
    ):
        connection.sendall(post(stream=True))
        received = b""
        while not received.endswith(b"data: 1\n\n\r\n"):
            received += connection.recv(65_536)
    (recorded,) = _exchanges(tmp_path / "c.yaml")
    assert (recorded.answer.body, recorded.answer.ending) == (b"data: 1\n\n", LEFT)


def test_pieces__are_recorded_as_they_come(start: Start, tmp_path: Path) -> None:
    """One per event of a paced stream, each with its time, and the client gets the same bytes."""
    upstream = start("--ttft-ms", "50", "--itl-ms", "20")
    with _recording(upstream, tmp_path / "c.yaml") as (address, _):
        answer = ask(address, post(stream=True, max_tokens=6))
    (recorded,) = _exchanges(tmp_path / "c.yaml")
    said = recorded.answer
    assert (said.body, said.ending) == (answer.body, COMPLETE)
    times = [piece.at_ns for piece in said.pieces]
    # a busy machine may glue two events together
    assert 2 <= len(times) <= 8
    assert [said.head_ns, *times, said.end_ns] == sorted([said.head_ns, *times, said.end_ns])


def test_request__reaches_the_upstream_as_it_was(tmp_path: Path) -> None:
    """Path below the upstream's own and query as written, key and body; the host is the upstream's, the coding ours."""
    body = b'{"a": "\\u00e9",  "b":1.0}'
    head = (
        "POST /v1/x%2Fy?q=%20a+b HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer secret-of-mine\r\n"
        "Accept-Encoding: gzip\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\nX-Kept: yes\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with (
        serving(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: 5\r\n\r\nok") as upstream,
        _recording(f"{upstream.url}/base", tmp_path / "c.yaml") as (address, _),
    ):
        answer = ask(address, head.encode() + body)
    (received,) = [each for each in upstream.received if each]
    lines = received.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    fields = {line.partition(": ")[0].lower(): line.partition(": ")[2] for line in lines[1:]}
    assert lines[0] == "POST /base/v1/x%2Fy?q=%20a+b HTTP/1.1"
    assert fields["host"] == upstream.url.removeprefix("http://")
    assert (fields["authorization"], fields["accept-encoding"]) == ("Bearer secret-of-mine", "identity")
    assert fields["x-kept"] == "yes"
    assert not {"x-hop", "te"} & fields.keys()
    assert received.endswith(b"\r\n\r\n" + body)
    assert b"keep-alive: 5" not in answer.head.lower()
    (recorded,) = _exchanges(tmp_path / "c.yaml")
    assert (recorded.request.path, recorded.request.query) == ("/v1/x%2Fy", "q=%20a+b")
    assert ("authorization", f"Bearer {REDACTED}") in recorded.request.headers


def test_key__is_nowhere_in_the_file(tmp_path: Path) -> None:
    """Echoed by the upstream in two pieces, in a coding that nobody asked for; the client gets what was sent."""
    coded = gzip.compress(b'{"error": "bad key secret-of-mine"}')
    head = b"HTTP/1.1 401 No\r\nContent-Encoding: gzip\r\nSet-Cookie: id=7\r\nContent-Length: %d\r\n\r\n" % len(coded)
    request = post().replace(b"mock-valid", b"secret-of-mine")
    with (
        serving(head + coded[:30], coded[30:]) as upstream,
        _recording(upstream.url, tmp_path / "c.yaml") as (address, _),
    ):
        answer = ask(address, request)
    assert gzip.decompress(answer.body) == b'{"error": "bad key secret-of-mine"}'
    assert b"secret-of-mine" not in (tmp_path / "c.yaml").read_bytes()
    (recorded,) = _exchanges(tmp_path / "c.yaml")
    assert recorded.answer.body == b'{"error": "bad key [key]"}'


def test_answer_that_is_cut__is_cut_for_the_client(tmp_path: Path) -> None:
    """And written down as cut, with what came."""
    with (
        serving(HEAD + _chunk(b"data: 1\n\n")) as upstream,
        _recording(upstream.url, tmp_path / "c.yaml") as (address, _),
    ):
        answer = ask(address, post(stream=True))
    assert (answer.body, answer.end) == (b"data: 1\n\n", FIN)
    (recorded,) = _exchanges(tmp_path / "c.yaml")
    assert (recorded.answer.body, recorded.answer.ending) == (b"data: 1\n\n", CUT)
    assert (tmp_path / "c.log").read_text() == ""


def test_upstream_that_is_not_there__is_a_502(tmp_path: Path) -> None:
    """With the reason; it is no answer of the upstream's, and is not written down."""
    with _recording(NOWHERE, tmp_path / "c.yaml") as (address, _):
        answer = ask(address, post())
    assert answer.status == 502
    assert f"upstream {NOWHERE}: expected an answer, got ConnectError" in json.loads(answer.body)["error"]["message"]
    assert _exchanges(tmp_path / "c.yaml") == ()
    assert "not recorded" in (tmp_path / "c.log").read_text()


class _Forgetful(BaseHTTPRequestHandler):
    """Promises to keep a connection, and closes it on the second request, as servers do whose time for it is over."""

    protocol_version = "HTTP/1.1"
    asked = 0

    def do_POST(self) -> None:
        """The one answer."""
        self.rfile.read(int(self.headers["content-length"]))
        self.asked += 1
        self.close_connection = self.asked > 1
        if not self.close_connection:
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

    def log_message(self, *_arguments: Any) -> None:
        """Nothing."""


def test_upstream_that_closes_what_it_keeps__loses_no_request(tmp_path: Path) -> None:
    """It would not for a client with a connection of its own; and what may be billed is not asked twice."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Forgetful) as upstream:
        threading.Thread(target=upstream.serve_forever).start()
        url = f"http://127.0.0.1:{upstream.server_port}"
        with _recording(url, tmp_path / "c.yaml") as (address, _):
            statuses = [ask(address, post()).status for _ in range(2)]
        upstream.shutdown()
    assert statuses == [200, 200]
    assert len(_exchanges(tmp_path / "c.yaml")) == 2


def test_client_that_leaves__ends_the_request_upstream(tmp_path: Path) -> None:
    """Nobody pays for tokens that nobody reads."""
    ended = threading.Event()

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(_LIMIT_S)
            connection.recv(65_536)
            connection.sendall(HEAD + _chunk(b"data: 1\n\n"))
            while connection.recv(65_536):
                continue  # the rest of the request
            ended.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        upstream = threading.Thread(target=serve, args=(listener,))
        upstream.start()
        with _recording(f"http://127.0.0.1:{listener.getsockname()[1]}", tmp_path / "c.yaml") as (address, _):
            with connected(address) as connection:
                connection.sendall(post(stream=True))
                connection.recv(65_536)
            assert ended.wait(_LIMIT_S)
        upstream.join()


def test_recorder_that_is_killed__loses_what_was_under_way_at_most(tmp_path: Path) -> None:
    """What was answered before is in the file, whole; the next recording goes on behind it."""
    path = tmp_path / "c.yaml"
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
    with serving(whole, hang=False) as upstream:
        with _recording(upstream.url, path) as (address, process):
            ask(address, post("one"))
            _until(lambda: len(_exchanges(path)) == 1)
            process.send_signal(signal.SIGKILL)
        path.write_bytes(path.read_bytes() + b"---\nat: '2026-11-23T08:00:00Z'\nrequest:\n")
        assert Cassette.load(path).torn
        with _recording(upstream.url, path) as (address, _):
            ask(address, post("two"))
    cassette = Cassette.load(path)
    texts = [each.request.json["messages"][0]["content"] for each in cassette.exchanges]
    assert (texts, cassette.torn) == (["one", "two"], False)
    assert "was not written to its end, and is taken out" in (tmp_path / "c.log").read_text()


def test_exchanges_at_once__are_recorded_each_whole(start: Start, tmp_path: Path) -> None:
    """In the order in which they ended; none has anything of another."""
    upstream = start("--itl-ms", "5")
    with _recording(upstream, tmp_path / "c.yaml") as (address, _), ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: ask(address, post(f"number {number}", stream=True)), range(8)))
    recorded = {each.request.json["messages"][0]["content"]: each.answer for each in _exchanges(tmp_path / "c.yaml")}
    assert len(recorded) == 8
    assert [recorded[f"number {number}"].body for number in range(8)] == [answer.body for answer in answers]
    assert {each.ending for each in recorded.values()} == {COMPLETE}


def test_cassette_of_another_upstream__is_left_alone(tmp_path: Path) -> None:
    """Exit status 2, one line, and the file as it was."""
    path = tmp_path / "c.yaml"
    with _recording(NOWHERE, path):
        pass
    before = path.read_bytes()
    command = [sys.executable, "-m", "mock_server", "--port", "0", "--record", "http://other", "--cassette", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LIMIT_S)
    assert done.returncode == 2
    assert f"expected a cassette of http://other, got one of {NOWHERE}" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert path.read_bytes() == before


def test_official_client__reads_the_same_from_mock_recorder_and_replay(start: Start, tmp_path: Path) -> None:
    """A whole completion and a stream; the replay asks for no key of its own."""
    path = tmp_path / "c.yaml"
    with _recording(start(), path) as (address, _):
        recorded = [_said(address, KEY, stream=stream) for stream in (False, True)]
    replay = start("--replay", str(path))
    assert [_said(replay, "any-other-key", stream=stream) for stream in (False, True)] == recorded
    assert all(recorded)


def _said(address: str, key: str, *, stream: bool) -> str:
    asked: dict[str, Any] = {
        "model": "mistralai/mixtral-8x22b-instruct-v0.1",
        "messages": [{"role": "user", "content": "tell me a joke on cats"}],
    }
    with OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0, timeout=_LIMIT_S) as client:
        if not stream:
            return client.chat.completions.create(**asked).choices[0].message.content or ""
        chunks = client.chat.completions.create(**asked, stream=True)
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_other_methods__are_relayed(server: str, tmp_path: Path, method: str) -> None:
    """Clients ask for models and health before anything else."""
    with _recording(server, tmp_path / "c.yaml") as (address, _):
        answer = httpx.request(method, f"{address}/v1/models", headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status_code == 200
    (recorded,) = _exchanges(tmp_path / "c.yaml")
    assert (recorded.request.method, recorded.answer.body) == (method, answer.content)


def test_long_body__is_refused(tmp_path: Path) -> None:
    """What is kept in memory has a limit."""
    with _recording(NOWHERE, tmp_path / "c.yaml") as (address, _), connected(address) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n")
        _send_until_answered(connection)
        assert read(connection).status == 413


def _send_until_answered(connection: socket.socket) -> None:
    connection.settimeout(0)
    try:
        for _ in range(99_999_999 // 65_536):
            connection.settimeout(_LIMIT_S)
            connection.sendall(b"x" * 65_536)
            connection.settimeout(0)
            try:
                if connection.recv(1, socket.MSG_PEEK):
                    break
            except BlockingIOError:
                continue
    except ConnectionError:
        pass
    connection.settimeout(_LIMIT_S)


def _until(true: Any) -> None:
    waiting = threading.Event()
    for _ in range(_LIMIT_S * 50):
        if true():
            return
        waiting.wait(0.02)
    raise AssertionError("it did not become true")
