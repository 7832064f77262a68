from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from mixtral_contract.cassettes.exchange import LEFT, Answer, Headers, Piece, Recorded, Request
from mixtral_contract.cassettes.reader import Cassette
from mixtral_contract.cassettes.writer import document, head
from mixtral_contract.contract import clauses
from mixtral_contract.contract.openapi import Contract
from mixtral_contract.suite.recordings.judge import Judge, cases
from mixtral_contract.suite.verdicts.verdict import Verdict
from tests.support.raw_socket import PATH, ask, post
from tests.support.repository import ROOT
from tests.support.scripted_server import serving

CONTRACT = Contract.load()
KEYED = (("authorization", "Bearer [key]"), ("content-type", "application/json"))
DATED = (("Date", "Mon, 23 Nov 2026 08:00:00 GMT"),)
_LIMIT_S = 60


@contextmanager
def _running(*options: str) -> Iterator[str]:
    command = [sys.executable, "-m", "mock_server", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of the mock: a whole answer, a stream, a wrong key, a wrong model."""
    path = tmp_path_factory.mktemp("drift") / "c.yaml"
    wrong = post(max_tokens=4).replace(b"mock-valid", b"wrong-keys")
    with _running() as mock, _running("--record", mock, "--cassette", str(path)) as address:
        for request in (post(max_tokens=4), post(max_tokens=4, stream=True), wrong, post(model="none")):
            ask(address, request)
    return path


def _drift(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    return subprocess.run(
        [sys.executable, "-m", "contract_tests", "drift", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=_LIMIT_S,
        cwd=ROOT,
        env={**kept, **environment},
    )


def _cassette(folder: Path, request: Request, answer: Answer, upstream: str = "https://upstream.example") -> Path:
    path = folder / "c.yaml"
    recorded = Recorded("2026-11-23T08:00:00Z", request, answer)
    path.write_bytes(head(upstream, "2026-11-23T08:00:00Z") + document(recorded))
    return path


def _asked(path: str = PATH, headers: Headers = KEYED, **fields: Any) -> Request:
    body = {"messages": [{"role": "user", "content": "hi"}], **fields}
    return Request("POST", path, "", headers, json.dumps(body).encode())


def _said(body: Any, status: int = 200, ending: str = "complete") -> Answer:
    headers = (*DATED, ("Content-Type", "application/json"))
    return Answer(status, headers, 1, (Piece(2, json.dumps(body).encode()),), 3, ending)


def test_recording_of_the_mock__keeps_the_contract(recorded: Path) -> None:
    """Every exchange is judged, by the clauses that speak of its kind; nothing is sent."""
    done = _drift(str(recorded))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "found: no must is broken"
    assert "exchange 2  POST /v1/chat/completions (nvidia, streamed): 200, " in done.stdout
    assert "exchange 4  POST /v1/chat/completions (nvidia): " in done.stdout


def test_same_mock__did_not_move(recorded: Path) -> None:
    """Asked again, with its bill first; a key that was wrong is wrong again."""
    with _running() as mock:
        done = _drift(str(recorded), "--base-url", mock)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[1] == f"bill: 4 requests to {mock}"
    assert lines[2].startswith("  completions  2 as recorded (")
    assert lines[-1] == "found: no must is broken, none of 4 exchanges moved"


def test_broken_mock__moved_where_it_is_broken(recorded: Path) -> None:
    """The place, what was and what is, and the clause that fell."""
    with _running("--break", "SSE-08", "--break", "RSP-05") as mock:
        done = _drift(str(recorded), "--base-url", mock)
    assert done.returncode == 1
    assert 'moved      choices[].message.role: was "assistant", is "user"' in done.stdout
    assert "moved      events: was role, content, finish, [DONE], is role, content, finish\n" in done.stdout
    assert "SSE-08 (must): expected" in done.stdout
    assert done.stdout.splitlines()[-1].endswith(", 2 of 4 exchanges moved")


def test_mock_as_observed__moved_by_its_headers(recorded: Path) -> None:
    """And by the status of a wrong key."""
    with _running("--as", "observed") as mock:
        done = _drift(str(recorded), "--base-url", mock)
    assert done.returncode == 1
    assert "moved      header nvcf-status: new" in done.stdout
    assert "moved      status: was 401, is 403 " in done.stdout


def test_budget__is_a_hard_cap(recorded: Path) -> None:
    """What is not asked is said, and has not moved."""
    with _running() as mock:
        done = _drift(str(recorded), "--base-url", mock, "--budget", "1")
        journal = httpx.get(f"{mock}/_mock/journal.jsonl").text.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not compared: the budget of completions is spent: 0 left" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("none of 1 exchanges moved, 3 were not asked")
    assert [json.loads(line)["step"] for line in journal] == ["completion"]


def test_dry_run__prints_the_bill_and_sends_nothing(recorded: Path) -> None:
    """A key that is only rehearsed need not be there."""
    with serving(b"HTTP/1.1 200 OK\r\n\r\n") as target:
        done = _drift(str(recorded), "--base-url", target.url, "--dry-run")
    assert done.returncode == 0
    assert f"bill: 4 requests to {target.url}" in done.stdout
    assert target.received == []
    live = _drift(str(recorded), "--target", "nvidia", "--dry-run")
    assert live.returncode == 0
    assert "bill: 4 requests to https://integrate.api.nvidia.com" in live.stdout


def test_key__is_sent_where_it_stood_and_never_printed(tmp_path: Path) -> None:
    """From the environment variable that is named, to the upstream that was recorded."""
    with serving(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nkey-0123!") as upstream:
        path = _cassette(tmp_path, _asked(), _said({}), upstream.url)
        done = _drift(str(path), "--api-key-env", "MY_KEY", MY_KEY="key-0123")
    (received,) = [each for each in upstream.received if each]
    assert b"authorization: Bearer key-0123\r\n" in received
    assert done.returncode == 1
    assert "key-0123" not in done.stdout + done.stderr


def test_break_in_a_recording__is_found_and_the_echo_of_a_key_too(tmp_path: Path) -> None:
    """With the clause, what is expected and what was got."""
    path = _cassette(tmp_path, _asked(), _said({"error": {"message": "bad key [key]"}}, 401))
    done = _drift(str(path))
    assert done.returncode == 1
    assert "FAIL       AUT-09 (must): expected no key in the answer" in done.stdout


def test_url_beyond_the_contract__is_judged_as_the_dialect_that_is_said(tmp_path: Path) -> None:
    """Without one it is not judged, and that is said."""
    path = _cassette(tmp_path, _asked("/proxy/chat"), _said({"choices": []}))
    unsaid, said = _drift(str(path)), _drift(str(path), "--dialect", "nvidia")
    assert (unsaid.returncode, said.returncode) == (0, 1)
    assert "not judged: no operation of the contract has this URL" in unsaid.stdout
    assert "RSP-01 (must)" in said.stdout


def test_base_path_of_the_upstream__is_part_of_the_url(tmp_path: Path) -> None:
    """A recorder of http://host/v1 is asked for /chat/completions."""
    path = _cassette(tmp_path, _asked("/chat/completions"), _said({}), "https://upstream.example/v1")
    (case,) = cases(Cassette.load(path), CONTRACT)
    assert case.operation is not None
    assert case.operation.dialect == "nvidia"


def test_answer_that_a_client_left__is_not_judged(tmp_path: Path) -> None:
    """What is missing is not the upstream's fault."""
    done = _drift(str(_cassette(tmp_path, _asked(), _said({}, ending=LEFT))))
    assert done.returncode == 0
    assert "not judged: the client left before the end" in done.stdout


@pytest.mark.parametrize("status", [429, 500, 503])
def test_answer_of_a_server_that_fails__is_not_judged(tmp_path: Path, status: int) -> None:
    """Nor held against one that answers again: its state decided, not what it keeps."""
    path = _cassette(tmp_path, _asked(), Answer(status, DATED, 1, (Piece(2, b"<html>oh"),), 3))
    with _running() as mock:
        alone, compared = _drift(str(path)), _drift(str(path), "--base-url", mock)
    assert (alone.returncode, compared.returncode) == (0, 0), alone.stdout + compared.stdout
    assert f"not judged: {status} speaks of the server's state" in alone.stdout
    assert "now 200: with a server that failed nothing is compared" in compared.stdout


def test_server_that_fails_now__is_not_compared(tmp_path: Path) -> None:
    """It did not move, it fell; that is no success either."""
    path = _cassette(tmp_path, _asked(), _said({}, 400))
    with serving(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n") as upstream:
        done = _drift(str(path), "--base-url", upstream.url)
    assert done.returncode == 1
    assert "not compared: 503" in done.stdout
    assert "moved  " not in done.stdout


def _completion(**changes: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 9, "completion_tokens": 2000, "total_tokens": 2009}
    known = {"id": "chat-1", "object": "chat.completion", "created": 1795420800, "model": "gpt-4o"}
    return {**known, "choices": [choice], "usage": usage, **changes}


def test_snapshot_of_an_alias__is_one_note(tmp_path: Path) -> None:
    """However many answers name it: it is what the alias stands for."""
    path = _cassette(tmp_path, _asked(model="gpt-4o"), _said(_completion(model="gpt-4o-2024-08-06")))
    path.write_bytes(path.read_bytes() + document(Recorded("2026-11-23T08:00:00Z", *_pair())))
    done = _drift(str(path))
    assert done.stdout.count("gpt-4o-2024-08-06") == 1
    assert "note: gpt-4o was answered by its snapshot gpt-4o-2024-08-06 (2 exchanges)" in done.stdout
    assert "RSP-12" not in done.stdout


def _pair() -> tuple[Request, Answer]:
    return _asked(model="gpt-4o"), _said(_completion(model="gpt-4o-2024-08-06"))


@pytest.mark.parametrize(("asked", "broken"), [({}, False), ({"max_tokens": 16}, True), ({"max_tokens": None}, False)])
def test_limit__is_that_of_the_request(tmp_path: Path, asked: dict[str, Any], *, broken: bool) -> None:
    """A default that a page prints is no limit that this caller set."""
    done = _drift(str(_cassette(tmp_path, _asked(**asked), _said(_completion()))))
    assert ("RSP-09" in done.stdout) is broken


def test_break_that_the_live_endpoint_is_known_for__is_known(tmp_path: Path) -> None:
    """As in the suite: what is on record of that server is said, and fails nothing."""
    said = Answer(404, (*DATED, ("Content-Type", "text/plain")), 1, (Piece(2, b"404 page not found"),), 3)
    live = _drift(str(_cassette(tmp_path, _asked(), said, "https://integrate.api.nvidia.com")))
    other = _drift(str(_cassette(tmp_path, _asked(), said)))
    assert "KNOWN      ERR-01 (should): observed 2025: An unknown URL" in live.stdout
    assert "NON-STRICT ERR-01 (should): expected JSON with a message" in other.stdout


def test_every_verdict_on_an_honest_answer__is_no_break(recorded: Path) -> None:
    """A clause that wants more than the recording has is not broken by it."""
    judge = Judge(CONTRACT, clauses.load())
    for case in cases(Cassette.load(recorded), CONTRACT):
        assert case.operation is not None
        entries = list(judge.judged(case.operation, case.exchange))
        assert not [entry for entry in entries if entry.verdict in (Verdict.FAIL, Verdict.NON_STRICT)]
        assert sum(entry.verdict is Verdict.PASS for entry in entries) > 10


def test_honest_answer_to_a_wish__is_no_break(tmp_path: Path) -> None:
    """Several choices, calls, usage are what was asked for, whole and streamed; a HEAD has no body."""
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
    wishes: list[dict[str, Any]] = [
        {"n": 2, "max_tokens": 4},
        {"tools": [tool], "tool_choice": "required"},
        {"stream_options": {"include_usage": True}, "logprobs": True, "response_format": {"type": "json_object"}},
    ]
    path = tmp_path / "c.yaml"
    with _running() as mock, _running("--record", mock, "--cassette", str(path)) as address:
        for wish in wishes:
            ask(address, post(**wish))
            ask(address, post(stream=True, **wish))
        httpx.head(address + PATH)
    judge = Judge(CONTRACT, clauses.load())
    found = cases(Cassette.load(path), CONTRACT)
    assert [case.exchange.status for case in found] == [200] * 6 + [405]
    for case in found:
        assert case.operation is not None
        entries = list(judge.judged(case.operation, case.exchange))
        broken = [entry.text() for entry in entries if entry.verdict in (Verdict.FAIL, Verdict.NON_STRICT)]
        assert not broken, case.name


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.yaml"], "nowhere.yaml: expected a cassette, got No such file"),
        (["README.md"], "README.md: head: expected YAML"),
        (["{}", "--dialect", "azure"], "--dialect: expected one of segmind"),
        (["{}", "--target", "azure"], "--target: expected one of mock"),
        (["{}", "--target", "nvidia"], "environment variable NVIDIA_API_KEY"),
        (["{}", "--base-url", "http://127.0.0.1:1"], "expected a server, got none"),
        (["{}", "--budget", "0"], "--budget: expected a whole number above 0, got '0'"),
        (["{}", "--rpm", "nan"], "--rpm: expected a number above 0, got 'nan'"),
        (["{}", "--dry-run"], "--dry-run: expected --target, --base-url or --api-key-env with it"),
        (["{}", "--spec", "nowhere.yaml"], "nowhere.yaml: expected a readable file"),
    ],
)
def test_bad_input__gets_one_line(recorded: Path, arguments: list[str], said: str) -> None:
    """Exit status 2, one line, no traceback."""
    done = _drift(*(argument.format(recorded) for argument in arguments))
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr
