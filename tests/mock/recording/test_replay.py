from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mixtral_contract.cassettes.exchange import COMPLETE, CUT, LEFT, Answer, Piece, Recorded, Request
from mixtral_contract.cassettes.reader import Cassette
from mixtral_contract.cassettes.writer import document, head
from mixtral_contract.mock.recording.replay import Replay
from tests.mock.conftest import Start
from tests.support.raw_socket import FIN, PATH, ask, connected, post
from tests.support.repository import ROOT

_LIMIT_S = 20
_HOUR_NS = 3600 * 1_000_000_000
SSE = (("Content-Type", "text/event-stream"), ("X-One", "1"), ("x-one", "2"))


def _body(text: str = "tell me a joke on cats", **fields: Any) -> bytes:
    return json.dumps({"messages": [{"role": "user", "content": text}], **fields}).encode()


def _asked(text: str = "tell me a joke on cats", **fields: Any) -> Request:
    return Request("POST", PATH, "", (("authorization", "Bearer [key]"),), _body(text, **fields))


def _said(*pieces: tuple[int, bytes], status: int = 200, ending: str = COMPLETE) -> Answer:
    last_ns = max((at_ns for at_ns, _ in pieces), default=0)
    return Answer(status, SSE, 0, tuple(Piece(at_ns, data) for at_ns, data in pieces), last_ns, ending)


def _cassette(*exchanges: tuple[Request, Answer]) -> Cassette:
    recorded = tuple(Recorded("2026-11-23T08:00:00Z", request, answer) for request, answer in exchanges)
    return Cassette("https://upstream.example", "2026-11-23T08:00:00Z", recorded)


def _file(folder: Path, *exchanges: tuple[Request, Answer]) -> str:
    cassette = _cassette(*exchanges)
    path = folder / "c.yaml"
    path.write_bytes(head(cassette.upstream, cassette.recorded) + b"".join(map(document, cassette.exchanges)))
    return str(path)


def test_request__is_met_by_what_it_asks() -> None:
    """The order of members, the headers and the key make no difference; method, path, query and values do."""
    replay = Replay(_cassette((_asked(stream=True), _said((1, b"a")))))
    same = b'{"stream": true, "messages": [{"content": "tell me a joke on cats", "role": "user"}]}'
    found = replay.answer(Request("POST", PATH, "", (("Authorization", "Bearer of-somebody"),), same))
    assert found is not None
    assert found.answer.body == b"a"
    for other in (
        Request("PUT", PATH, "", (), same),
        Request("POST", "/v1/completions", "", (), same),
        Request("POST", PATH, "a=1", (), same),
        Request("POST", PATH, "", (), same.replace(b"true", b"1")),
        Request("POST", PATH, "", (), b"tell me a joke"),
    ):
        assert replay.answer(other) is None


def test_request_that_was_recorded_several_times__is_answered_in_sequence() -> None:
    """And with the last answer from then on; a reset begins anew."""
    replay = Replay(_cassette(*((_asked(), _said((1, text))) for text in (b"1", b"2"))))

    def next_body() -> bytes:
        found = replay.answer(_asked())
        assert found is not None
        return found.answer.body

    assert [next_body() for _ in range(4)] == [b"1", b"2", b"2", b"2"]
    replay.reset()
    assert next_body() == b"1"


def test_request_with_its_key_in_the_query__is_met() -> None:
    """The recording has the key redacted, and any key is as good."""
    recorded = Request("GET", "/v1/models", "key=[key]")
    assert Replay(_cassette((recorded, _said()))).answer(Request("GET", "/v1/models", "key=another-key")) is not None


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (
            _asked("tell me a joke on dogs"),
            "exchange 1: messages.0.content: expected 'tell me a joke on cats'",
        ),
        (_asked("tell me a joke on cats", n=2), "nearest is exchange 1: n: expected none, got 2"),
        (_asked("something else altogether", stream=False), "nearest is exchange 2: "),
        (Request("GET", PATH, "", (), _body()), "nearest is exchange 1: method: expected 'POST', got 'GET'"),
    ],
)
def test_miss__names_the_nearest_exchange_and_why(request_: Request, said: str) -> None:
    """So that one sees at once which word of the prompt changed."""
    replay = Replay(_cassette((_asked(), _said()), (_asked("something quite else", stream=True), _said())))
    assert said in replay.miss(request_)


def test_miss_of_long_texts__shows_where_they_part() -> None:
    """And not how they begin."""
    long = "x" * 500
    miss = Replay(_cassette((_asked(f"{long} cats"), _said()))).miss(_asked(f"{long} dogs"))
    assert "cats" in miss
    assert "dogs" in miss
    assert len(miss) < 400


def test_pieces__leave_at_their_times_and_cut_as_they_were(start: Start, tmp_path: Path) -> None:
    """Not before, and amid a character too; empty ones, where a key was, leave no trace."""
    pieces = [
        (50_000_000, b"data: \xf0\x9f"),
        (120_000_000, b"\x90\x88\n\n"),
        (130_000_000, b""),
        (300_000_000, b"end"),
    ]
    address = start("--replay", _file(tmp_path, (_asked(), _said(*pieces))))
    with connected(address) as connection:
        begun_ns = time.monotonic_ns()
        connection.sendall(post())
        received, times = b"", []
        while not received.endswith(b"0\r\n\r\n"):
            received += connection.recv(65_536)
            times.append((time.monotonic_ns() - begun_ns, len(received)))
    body = received.partition(b"\r\n\r\n")[2]
    assert body == b"8\r\ndata: \xf0\x9f\r\n4\r\n\x90\x88\n\n\r\n3\r\nend\r\n0\r\n\r\n"
    head_bytes = len(received) - len(body)
    for mark, at_ns in ((b"\xf0\x9f", 50_000_000), (b"\x90\x88", 120_000_000), (b"end", 300_000_000)):
        there = head_bytes + body.index(mark) + len(mark)
        assert next(at for at, length in times if length >= there) >= at_ns


@pytest.mark.parametrize("pace", ["none", "x1000000"])
def test_pace__may_be_faster_than_recorded(start: Start, tmp_path: Path, pace: str) -> None:
    """An hour of waiting takes none, or a millionth."""
    said = _said((_HOUR_NS, b"a"), (2 * _HOUR_NS, b"b"))
    answer = ask(start("--replay", _file(tmp_path, (_asked(), said)), "--pace", pace), post())
    assert answer.body == b"ab"


def test_status_and_headers__are_the_recorded_ones(start: Start, tmp_path: Path) -> None:
    """In their order, repeated ones too, and none beside them but the framing."""
    address = start("--replay", _file(tmp_path, (_asked(), _said((1, b"no"), status=429))))
    assert ask(address, post()).head.split(b"\r\n") == [
        b"HTTP/1.1 429 Too Many Requests",
        b"content-type: text/event-stream",
        b"x-one: 1",
        b"x-one: 2",
        b"transfer-encoding: chunked",
    ]


def test_answer_that_was_cut__is_cut_again_and_one_left_after_done_is_whole(start: Start, tmp_path: Path) -> None:
    """A client sees what it saw, and the server has nothing to say about it."""
    address = start(
        "--replay",
        _file(
            tmp_path,
            (_asked("cut"), _said((1, b"data: 1\n\n"), ending=CUT)),
            (_asked("left"), _said((1, b"data: 1\n\n"), ending=LEFT)),
            (_asked("done"), _said((1, b"data: [DONE]\n\n"), ending=LEFT)),
        ),
    )
    assert [ask(address, post(text)).end for text in ("cut", "left", "done")] == [FIN, FIN, "open"]


def test_miss__is_a_404_in_the_shape_of_the_dialect(start: Start, tmp_path: Path) -> None:
    """With the reason, where the official client shows it."""
    address = start("--replay", _file(tmp_path, (_asked(), _said())))
    answer = ask(address, post(stream=True))
    assert answer.status == 404
    error = json.loads(answer.body)["error"]
    assert error["code"] == "no_fixture"
    assert error["message"] == "no recording of this request; nearest is exchange 1: stream: expected none, got True"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--record", "http://x"], "--record: expected --cassette FILE with it"),
        (["--cassette", "c.yaml"], "--cassette: expected --record with it"),
        (["--pace", "x2"], "--pace: expected --replay with it"),
        (["--replay", "c.yaml", "--pace", "x0"], "expected recorded, none, or how much faster as in x2, got 'x0'"),
        (["--replay", "nowhere.yaml"], "--replay: nowhere.yaml: expected a cassette, got No such file"),
        (["--replay", "c.yaml", "--record", "http://x"], "--record, --replay: expected one of them"),
        (["--record", "ftp://x", "--cassette", "c.yaml"], "expected an http or https URL"),
        (["--replay", "c.yaml", "--engine", "mixtral-8x7b"], "--replay: expected no --engine beside it"),
        (["--replay", "c.yaml", "--break", "SSE-08"], "--replay: expected no --break beside it"),
        (
            ["--record", "http://x", "--cassette", "c.yaml", "--workers", "2"],
            "expected no --workers beside it",
        ),
    ],
)
def test_options_that_do_not_go_together__get_one_line(tmp_path: Path, options: list[str], said: str) -> None:
    """Exit status 2, no traceback, and no file is begun."""
    command = [sys.executable, "-m", "mock_server", "--port", "0", *options]
    environment = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=_LIMIT_S, cwd=tmp_path, env=environment
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_torn_cassette__is_replayed_and_told(tmp_path: Path) -> None:
    """What was written to its end answers."""
    path = Path(_file(tmp_path, (_asked(), _said((1, b"a")))))
    path.write_bytes(path.read_bytes() + b"---\nat: '2026")
    command = [sys.executable, "-m", "mock_server", "--port", "0", "--replay", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            assert ask(process.stdout.readline().strip(), post()).body == b"a"
        finally:
            process.terminate()
        assert "the last exchange was not written to its end, and is left out" in process.stderr.read()
