from __future__ import annotations

import contextlib
import http.client
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.mock.journal.journal import CLIENT_LEFT, COMPLETE, CUT, SERVER_STOPPED, Entry
from mixtral_contract.mock.testing.mocks import MixtralApi
from mixtral_contract.mock.timing.token_times import by_token
from tests.mock.conftest import Start
from tests.mock.http.test_connection import _body, _post
from tests.mock.http.test_driven_connection import _Driven, _driven
from tests.support.mock_requests import SECOND_NS

SOME = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 5}


def _ask(
    address: str, body: Any = None, *, key: str = "mock-valid", path: str = "/v1/chat/completions"
) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.post(f"{address}{path}", json=SOME if body is None else body, headers=headers)


def _journal(address: str, query: str = "") -> Any:
    return httpx.get(f"{address}/_mock/journal{query}").raise_for_status().json()


def test_stream__is_written_down_to_the_token(contract: Contract) -> None:
    """Deadlines and times are those of the pass that sent them, and so is the head."""

    def test(driven: _Driven) -> None:
        driven.ask(stream=True, max_tokens=4)
        under_way = next(iter(driven.mock.journal.running))
        assert (under_way.status, under_way.id) == (200, 0)
        driven.wait(2)
        driven.wait(1)
        (made,) = driven.mock.journal.entries()
        assert [made.dues[0], made.dues[-1]] == [(1, 0), (4, 3 * SECOND_NS)]
        assert by_token(made.sent) == [0, 2 * SECOND_NS, 2 * SECOND_NS, 3 * SECOND_NS]
        assert (made.head_ns, made.ended_ns, made.end) == (0, 3 * SECOND_NS, COMPLETE)
        assert made.bytes_sent == len(driven.transport.written)

    _driven(test, contract)


@pytest.mark.parametrize("reset", [True, False])
def test_client_that_leaves__is_written_down_at_once(contract: Contract, *, reset: bool) -> None:
    """With as many tokens as had left."""

    def test(driven: _Driven) -> None:
        driven.ask(stream=True, max_tokens=4)
        driven.wait(1)
        if reset:
            driven.connection.connection_lost(ConnectionResetError())
        else:
            driven.connection.eof_received()
        (made,) = driven.mock.journal.entries()
        assert (made.end, made.ended_ns, made.sent[-1][0]) == (CLIENT_LEFT, SECOND_NS, 2)
        assert not driven.mock.journal.running

    _driven(test, contract)


def test_stopped_server__is_told_from_a_client_that_leaves(contract: Contract) -> None:
    """What shutting down cut short was not the client's doing."""

    def test(driven: _Driven) -> None:
        driven.ask(stream=True, max_tokens=4)
        driven.connection.shutdown()
        driven.connection.connection_lost(None)
        assert driven.mock.journal.entries()[0].end == SERVER_STOPPED

    _driven(test, contract)


@pytest.mark.parametrize(
    ("incident", "end"),
    [
        ("cut:after=2", CUT),
        ("cut:after=2,by=rst", CUT),
        ("end:after=2", CUT),
        ("no-done", COMPLETE),
        ("crlf", COMPLETE),
        ("comments", COMPLETE),
    ],
)
def test_incident__is_written_down_with_the_end_that_it_made(start: Start, incident: str, end: str) -> None:
    """Also where every byte left and the end was missing; with the tokens that were out."""
    address = start("--incident", incident)
    with contextlib.suppress(httpx.HTTPError):
        _ask(address, {**SOME, "stream": True})
    (made,) = _journal(address)["requests"]
    assert (made["status"], made["end"]) == (200, end)
    assert made["incident"].startswith(incident.partition(":")[0])
    assert (len(made["sent_after_ns"]) == 5) == (end == COMPLETE)
    assert made["head_after_ns"] is not None


def test_what_is_no_request__is_written_down(contract: Contract) -> None:
    """As refused, by the protocol."""

    def test(driven: _Driven) -> None:
        driven.connection.data_received(b"nonsense\r\n\r\n")
        (made,) = driven.mock.journal.entries()
        assert (made.status, made.step, made.dialect, made.end) == (400, "protocol", None, COMPLETE)

    _driven(test, contract)


def test_requests__are_written_down_with_their_decision(start: Start) -> None:
    """Who asked what, what became of it and at which step; never the key."""
    address = start()
    _ask(address)
    _ask(address, {**SOME, "stream": True})
    _ask(address, key="mock-wrong-one")
    _ask(address, {"messages": "mock-valid"})
    _ask(address, path="/v1/nowhere/mock-valid")
    _ask(address, path="/v1/mixtral-8x22b-instruct?api_key=mock-valid")
    answer = httpx.get(f"{address}/_mock/journal.jsonl")
    assert answer.headers["content-type"] == "application/jsonl"
    assert "mock-" not in answer.text
    entries = [json.loads(line) for line in answer.text.splitlines()]
    seen = [(each["dialect"], each["account"], each["status"], each["condition"], each["step"]) for each in entries]
    assert seen == [
        ("nvidia", "valid", 200, None, "completion"),
        ("nvidia", "valid", 200, None, "completion"),
        ("nvidia", None, 401, "wrong-key", "key"),
        ("nvidia", "valid", 400, "invalid-request", "schema"),
        (None, None, 404, "unknown-url", "route"),
        ("segmind", "valid", 200, None, "completion"),
    ]
    assert [each["stream"] for each in entries[:2]] == [False, True]
    assert entries[0]["completion_tokens"] == len(entries[0]["sent_after_ns"]) == 5
    assert entries[0]["finish_reason"] == "length"


def test_choices__are_counted_as_their_usage_does(start: Start) -> None:
    """Written side by side: as many steps as the longest has tokens, and all of them counted."""
    address = start()
    usage = _ask(address, {**SOME, "n": 3}).json()["usage"]
    (made,) = _journal(address)["requests"]
    assert (made["completion_tokens"], made["prompt_tokens"]) == (usage["completion_tokens"], usage["prompt_tokens"])
    assert made["steps"] == len(made["sent_after_ns"]) == 5
    assert httpx.get(f"{address}/_mock/state").json()["counters"]["generation_tokens"] == 15


def test_completion_id__is_the_one_that_the_client_reads(start: Start) -> None:
    """So that another process can tell which entry is its request; one that it names itself is there too."""
    address = start()
    answer = httpx.post(
        f"{address}/v1/chat/completions",
        json=SOME,
        headers={"Authorization": "Bearer mock-valid", "X-Request-Id": "mine-1"},
    )
    (made,) = _journal(address)["requests"]
    assert (made["completion_id"], made["request_id"]) == (answer.json()["id"], "mine-1")


def test_times__are_those_of_the_machine(start: Start) -> None:
    """Another process compares them with its own monotonic clock."""
    address = start("--ttft-ms", "30", "--itl-ms", "10")
    before_ns = time.monotonic_ns()
    _ask(address, {**SOME, "stream": True})
    (made,) = _journal(address)["requests"]
    after_ns = time.monotonic_ns()
    received_ns = made["received_monotonic_ns"]
    assert before_ns <= received_ns
    assert received_ns + made["ended_after_ns"] <= after_ns
    assert made["due_after_ns"] == [30_000_000 + 10_000_000 * token for token in range(5)]
    assert all(sent >= due for sent, due in zip(made["sent_after_ns"], made["due_after_ns"], strict=True))


def test_journal__is_read_in_parts(start: Start) -> None:
    """From an id on, so many, of one dialect or status, without the times of tokens."""
    address = start()
    for number in range(3):
        _ask(address, {**SOME, "seed": number})
    _ask(address, {})
    first = _journal(address, "?limit=2")
    assert ([each["id"] for each in first["requests"]], first["more"], first["last_id"]) == ([1, 2], True, 4)
    rest = _journal(address, "?since=2")
    assert ([each["id"] for each in rest["requests"]], rest["more"]) == ([3, 4], False)
    assert [each["id"] for each in _journal(address, "?status=400")["requests"]] == [4]
    assert _journal(address, "?dialect=segmind")["requests"] == []
    assert "sent_after_ns" not in _journal(address, "?tokens=no")["requests"][0]


def test_journal_options__bound_it(start: Start) -> None:
    """The oldest goes."""
    address = start("--journal-requests", "2")
    for number in range(4):
        _ask(address, {**SOME, "seed": number})
    kept = _journal(address)
    assert ([each["id"] for each in kept["requests"]], kept["dropped"]) == ([3, 4], 2)


def test_journal_file__has_every_request_at_once(start: Start, tmp_path: Path) -> None:
    """As it goes, each a line like those of the API, also those that the memory has no room for."""
    path = tmp_path / "journal.jsonl"
    path.write_text("of another run\n")
    address = start("--journal", str(path), "--journal-requests", "1")
    for number in range(3):
        _ask(address, {**SOME, "seed": number})
    _journal(address)  # answered after the line was written
    lines = path.read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [1, 2, 3]
    assert lines[-1] == httpx.get(f"{address}/_mock/journal.jsonl").text.strip()


def test_journal_file__has_what_was_under_way_when_the_server_stopped(tmp_path: Path) -> None:
    """A stream that a signal cut short is in it."""
    path = tmp_path / "journal.jsonl"
    command = [sys.executable, "-m", "mock_server", "--port", "0", "--itl-ms", "3600000", "--journal", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        parts = urlsplit(process.stdout.readline().strip())
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        try:
            headers = {"Authorization": "Bearer mock-valid", "Content-Type": "application/json"}
            connection.request("POST", "/v1/chat/completions", json.dumps({**SOME, "stream": True}), headers)
            assert connection.getresponse().status == 200
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 0
        finally:
            connection.close()
            process.kill()
    (line,) = path.read_text().splitlines()
    assert json.loads(line)["end"] == SERVER_STOPPED
    assert len(json.loads(line)["sent_after_ns"]) == 1


def test_in_process__is_written_down_too() -> None:
    """Whatever the edge: the same entries, without a connection."""
    with MixtralApi(ttft_ms=1, itl_ms=1) as api:
        for stream in (True, False):
            httpx.post(
                api.urls["nvidia"], json={**SOME, "stream": stream}, headers={"Authorization": "Bearer mock-valid"}
            )
    streamed, whole = api.mock.journal.entries()
    for made in (streamed, whole):
        assert (made.status, made.end, made.connection, made.account) == (200, COMPLETE, None, "valid")
        assert made.sent[-1][0] == made.dues[-1][0] == 5
        assert made.bytes_sent > 100
        assert made.head_ns is not None
    assert len(by_token(streamed.sent)) == 5


def test_hot_path__keeps_no_header(contract: Contract) -> None:
    """Nothing that an entry refers to holds the key, or the request that does."""

    def test(driven: _Driven) -> None:
        driven.connection.data_received(_post(_body()))
        driven.connection.data_received(_post(_body(), fields="x-api-key: mock-secret\r\n"))
        driven.wait(10_000)
        for made in driven.mock.journal.entries():
            assert "mock-valid" not in repr([getattr(made, name) for name in Entry.__slots__])
            assert "mock-secret" not in repr([getattr(made, name) for name in Entry.__slots__])

    _driven(test, contract)
