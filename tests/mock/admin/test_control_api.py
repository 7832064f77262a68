from __future__ import annotations

import subprocess
import sys
from typing import Any

import httpx
import pytest

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.mock.admin.changes import RESETS, change
from mixtral_contract.mock.build import build
from mixtral_contract.mock.journal.entry_json import FIELDS
from mixtral_contract.mock.journal.grading import RULES
from mixtral_contract.mock.messages.messages import Reply, Request
from tests.mock.conftest import Start

BODY = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 3}


def _ask(address: str, key: str = "mock-valid", **fields: Any) -> httpx.Response:
    return httpx.post(f"{address}/v1/chat/completions", json=BODY | fields, headers={"Authorization": f"Bearer {key}"})


def _state(address: str) -> Any:
    return httpx.get(f"{address}/_mock/state").raise_for_status().json()


def _patch(address: str, body: Any) -> httpx.Response:
    return httpx.patch(f"{address}/_mock/state", json=body)


def test_api__lists_what_there_is(server: str) -> None:
    """Every route that it names answers; the fields of the journal and the rules are explained."""
    api = httpx.get(f"{server}/_mock/api").json()
    assert list(api["journal_fields"]) == list(FIELDS)
    assert [rule["id"] for rule in api["rules"]] == list(RULES)
    for route in api["routes"]:
        if route["method"] == "GET":
            assert httpx.get(server + route["path"]).status_code == 200, route


def test_state__tells_what_was_done(start: Start) -> None:
    """Accounts by name and never by key, pace, counters."""
    address = start("--itl-ms", "1.5")
    _ask(address)
    _ask(address, "mock-wrong")
    answer = httpx.get(f"{address}/_mock/state")
    assert "mock-" not in answer.text
    state = answer.json()
    assert (state["pace"]["ttft_ms"], state["pace"]["itl_ms"]) == (0, 1.5)
    assert {row["status"]: row["count"] for row in state["counters"]["requests"]} == {200: 1, 401: 1}
    assert state["counters"]["generation_tokens"] == 3
    names = {account["name"] for account in state["accounts"]}
    assert names == {"valid", "exhausted", "forbidden", "limited"}
    assert state["in_flight"]["count"] == 0


def test_state__shows_what_is_under_way(start: Start) -> None:
    """A stream with the tokens that are out."""
    address = start("--itl-ms", "3600000")
    with httpx.stream(
        "POST",
        f"{address}/v1/chat/completions",
        json=BODY | {"stream": True},
        headers={"Authorization": "Bearer mock-valid"},
    ) as answer:
        received = answer.iter_bytes()
        next(received)
        (under_way,) = _state(address)["in_flight"]["requests"]
        assert (under_way["sent_steps"], under_way["steps"], under_way["status"]) == (1, 3, 200)
        assert under_way["account"] == "valid"
        assert _state(address)["in_flight"]["generation_tokens"] == 1
        labels = '{engine="0",model_name="mistralai/mixtral-8x22b-instruct-v0.1"}'
        assert f"vllm:num_requests_running{labels} 1.0\n" in httpx.get(f"{address}/metrics").text


def test_pace__is_changed_for_what_comes(start: Start) -> None:
    """At once, and only what is named of it."""
    address = start("--itl-ms", "3600000")
    changed = _patch(address, {"pace": {"itl_ms": 0.5}})
    assert changed.status_code == 200
    assert changed.json()["pace"]["itl_ms"] == 0.5
    assert _ask(address).status_code == 200
    (made,) = httpx.get(f"{address}/_mock/journal").json()["requests"]
    assert made["due_after_ns"][-1] == 1_000_000


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "body"),
        ({}, "body"),
        ({"speed": 1}, "speed"),
        ({"pace": 5}, "pace"),
        ({"pace": {}}, "pace"),
        ({"pace": {"itl_ms": -1}}, "pace.itl_ms"),
        ({"pace": {"itl_ms": "1"}}, "pace.itl_ms"),
        ({"pace": {"itl_ms": True}}, "pace.itl_ms"),
        ({"pace": {"itl_ms": 1e300}}, "pace.itl_ms"),
        ({"pace": {"itl": 1}}, "pace.itl"),
        ({"pace": {"ttft_ms": 7}, "speed": 1}, "speed"),
        ({"pace": {"ttft_ms": 7}, "incidents": ["cut", "no-such-thing"]}, "incidents[1]"),
        ({"pace": {"ttft_ms": 7}, "incidents": [503]}, "incidents[0]"),
        ({"pace": {"ttft_ms": 7}, "incidents": "503"}, "incidents"),
        ({"incidents": ["503"], "engine": "/etc/passwd"}, "engine"),
        ({"incidents": ["503"], "pace": {"ttft_ms": 7}, "engine": "mixtral-8x7b"}, "engine"),
        ({"incidents": ["503"], "engine": ["mixtral-8x7b"]}, "engine"),
    ],
)
def test_change_with_a_fault__changes_nothing(start: Start, body: Any, field: str) -> None:
    """And names the field."""
    address = start("--ttft-ms", "3")
    refused = _patch(address, body)
    assert refused.status_code == 400
    assert list(refused.json()["error"]["fields"]) == [field]
    assert field in refused.json()["error"]["message"]
    state = _state(address)
    assert (state["pace"]["ttft_ms"], state["incidents"]) == (3, [])


def test_incidents__are_changed_together(start: Start) -> None:
    """Those that are named are on and no others; what they were applied to is counted, and written into the journal."""
    address = start("--incident", "429")
    assert [incident["incident"] for incident in _state(address)["incidents"]] == ["429"]
    changed = _patch(address, {"incidents": ["503"], "pace": {"ttft_ms": 1}}).json()
    assert ([incident["incident"] for incident in changed["incidents"]], changed["pace"]["ttft_ms"]) == (["503"], 1)
    assert _ask(address).status_code == 503
    assert _state(address)["incidents"][0]["applied"] == 1
    (made,) = httpx.get(f"{address}/_mock/journal").json()["requests"]
    assert (made["incident"], made["step"], made["status"]) == ("503", "incident", 503)
    assert _patch(address, {"incidents": []}).json()["incidents"] == []
    assert _ask(address).status_code == 200


def test_control__is_not_befallen(start: Start) -> None:
    """Whatever is on, it can be turned off."""
    address = start("--incident", "503")
    for path in ("/_mock/state", "/metrics", "/health"):
        assert httpx.get(address + path).status_code == 200
    assert _patch(address, {"incidents": []}).status_code == 200


def test_every_incident_that_is_offered__can_be_turned_on(server: str, contract: Contract) -> None:
    """By the name that the state gives it."""
    names = [kind["name"] for kind in _state(server)["incident_kinds"]]
    assert change(build(contract), {"incidents": names}) == {}


def test_engine__is_changed_by_name(start: Start) -> None:
    """To one that the state offers, and back to a pace."""
    address = start()
    name = _state(address)["engines"][0]
    assert _patch(address, {"engine": name}).json()["pace"] == {"ttft_ms": None, "itl_ms": None, "engine": name}
    assert _ask(address).status_code == 200
    assert _patch(address, {"pace": {"itl_ms": 1}}).json()["pace"] == {"ttft_ms": 0, "itl_ms": 1, "engine": None}


def test_all_faults__are_named_at_once(contract: Contract) -> None:
    """Not one after the other."""
    faults = change(build(contract), {"pace": {"itl_ms": -1, "ttft_ms": None}, "speed": 1})
    assert set(faults) == {"pace.itl_ms", "pace.ttft_ms", "speed"}


def test_body_that_is_no_json__is_refused(server: str) -> None:
    """As the client's fault."""
    headers = {"content-type": "application/json"}
    for body in (b"", b"{", b"\xff", b'{"pace": NaN}'):
        assert httpx.patch(f"{server}/_mock/state", content=body, headers=headers).status_code == 400


@pytest.mark.parametrize("what", [*RESETS, "all"])
def test_reset__forgets_what_is_named(start: Start, what: str) -> None:
    """And nothing else."""
    address = start("--incident", "comments")
    before = _state(address)
    _ask(address)
    assert httpx.post(f"{address}/_mock/reset?what={what}").status_code == 200
    state = _state(address)
    assert (state["journal"]["requests"] == 0) == (what in ("journal", "all"))
    assert (state["counters"]["requests"] == []) == (what in ("metrics", "all"))
    assert (state["incidents"] == []) == (what in ("incidents", "all"))
    assert (state["accounts"] == before["accounts"]) == (what in ("accounts", "all"))


@pytest.mark.parametrize("query", ["", "?what=", "?what=everything", "?what=journal,x", "?which=journal"])
def test_reset_of_nothing_known__is_refused(start: Start, query: str) -> None:
    """And forgets nothing."""
    address = start()
    _ask(address)
    assert httpx.post(f"{address}/_mock/reset{query}").status_code == 400
    assert _state(address)["journal"]["requests"] == 1


def test_resets__are_made_together(start: Start) -> None:
    """As many as are named."""
    address = start()
    _ask(address)
    httpx.post(f"{address}/_mock/reset?what=journal,metrics")
    state = _state(address)
    assert (state["journal"]["requests"], state["counters"]["requests"]) == (0, [])


@pytest.mark.parametrize(
    "query",
    [
        "since=x",
        "since=-1",
        f"since={2**63}",
        "limit=1e3",
        "limit=10001",
        "dialect=azure",
        "status=ok",
        "tokens=maybe",
        "page=2",
    ],
)
def test_query_that_means_nothing__is_refused(server: str, query: str) -> None:
    """By the name of the parameter."""
    refused = httpx.get(f"{server}/_mock/journal?{query}")
    assert refused.status_code == 400
    assert list(refused.json()["error"]["fields"]) == [query.partition("=")[0]]


def test_unknown_path_and_method__are_told_what_there_is(server: str) -> None:
    """404 with the paths, 405 with Allow."""
    unknown = httpx.get(f"{server}/_mock/nothing")
    assert unknown.status_code == 404
    assert "/_mock/state" in unknown.json()["error"]["message"]
    refused = httpx.delete(f"{server}/_mock/state")
    assert (refused.status_code, refused.headers["allow"]) == (405, "HEAD, GET, PATCH")
    assert httpx.get(f"{server}/_mock/reset").headers["allow"] == "POST"


def test_grade__tells_what_the_client_did(start: Start) -> None:
    """Over HTTP as in Python."""
    address = start()
    for _ in range(3):
        _ask(address, "mock-wrong")
    grade = httpx.get(f"{address}/_mock/grade").json()
    (finding,) = grade["findings"]
    assert (finding["rule"], finding["requests"], grade["requests"]) == ("final-retried", [1, 2, 3], 3)
    assert httpx.get(f"{address}/_mock/grade?since=3").json()["findings"] == []
    assert httpx.get(f"{address}/_mock/grade?patience_s=-1").status_code == 400


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--journal", "/nowhere/at/all"], "--journal: /nowhere/at/all: expected a file to write"),
        (["--journal-requests", "0"], "--journal-requests: expected a positive whole number, got '0'"),
        (["--journal-mb", "x"], "--journal-mb: expected a positive whole number, got 'x'"),
    ],
)
def test_journal_option_that_cannot_be__ends_the_start(options: list[str], complaint: str) -> None:
    """In one line."""
    command = [sys.executable, "-m", "mock_server", "--port", "0", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1


def test_one_process_of_several__does_not_answer_for_all(contract: Contract) -> None:
    """It says why, instead of a part of the truth."""
    one = build(contract)
    one.shared = True
    for path in ("/_mock/state", "/_mock/journal", "/_mock/", "/metrics"):
        answer = one.routes.answer(Request("GET", path, "", (("host", "127.0.0.1"),), b""), "127.0.0.1")
        assert isinstance(answer, Reply)
        assert answer.status == 501
    health = one.routes.answer(Request("GET", "/health", "", (), b""), "10.0.0.1")
    assert isinstance(health, Reply)
    assert health.status == 200
