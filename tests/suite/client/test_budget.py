from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.contract import clauses
from mixtral_contract.contract.openapi import Contract
from mixtral_contract.suite.client.budget import CompletionBudget, RateLimiter
from mixtral_contract.suite.client.client import TargetClient
from mixtral_contract.suite.http.exchange import Exchange, Request
from mixtral_contract.suite.verdicts.verdict import NotRun
from tests.support.scripted_server import serving
from tests.support.suite_run import run_suite, verdicts

COMPLETION = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{"choices":[]}'
POST = Request("POST", "http://127.0.0.1:1/v1/chat/completions", body=b"{}")
CONTRACT = Contract.load()
CLAUSES = clauses.load()


def _transport(status: int | None, log: list[Request] | None = None, ending: str = "complete") -> Any:
    def send(requests: Sequence[Request], *, timeout_s: float = 30.0, **_how: Any) -> list[Exchange]:
        assert timeout_s > 0
        if log is not None:
            log.extend(requests)
        return [Exchange(request, status, ending=ending) for request in requests]

    return send


@given(budget=st.integers(0, 20), statuses=st.lists(st.sampled_from([200, 401, 429, 500, None]), max_size=60))
def test_budget__is_never_exceeded(budget: int, statuses: list[int | None]) -> None:
    """Whatever comes back: a completion, a refusal, or nothing, which may be billed too."""
    spendable = CompletionBudget(budget)
    sent: list[Exchange] = []
    for status in statuses:
        client = TargetClient(_transport(status), budget=spendable)
        try:
            sent += client.send("nvidia", [POST])
        except NotRun:
            continue
    assert sum(exchange.status in (200, None) for exchange in sent) <= budget


def test_budget__holds_when_many_ask_at_once() -> None:
    """What may be billed is taken before it is asked for."""
    log: list[Request] = []
    everybody = threading.Barrier(8)
    client = TargetClient(_transport(200, log), budget=CompletionBudget(10))

    def ask(_number: int) -> None:
        everybody.wait()
        for _ in range(5):
            try:
                client.send("nvidia", [POST])
            except NotRun:
                return

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
    assert len(log) == 10


def test_budget__is_not_used_up_by_refusals() -> None:
    """A refusal gives back what was taken for it."""
    client = TargetClient(_transport(401), budget=CompletionBudget(1))
    for _ in range(5):
        client.send("nvidia", [POST])


def test_several_at_once__need_budget_for_each() -> None:
    """None of them is sent when one is left over."""
    log: list[Request] = []
    with pytest.raises(NotRun):
        TargetClient(_transport(200, log), budget=CompletionBudget(1)).send("nvidia", [POST, POST])
    assert log == []


def test_get__costs_nothing() -> None:
    """It asks for no completion, so it may leave with an empty budget."""
    get = Request("GET", POST.url)
    assert TargetClient(_transport(200), budget=CompletionBudget(0)).send("nvidia", [get])[0].status == 200


def test_connection_that_was_never_made__costs_nothing() -> None:
    """What could not be sent is not billed; what was sent and not answered may be."""
    spendable = CompletionBudget(1)
    for ending in ("refused", "refused", "timeout"):
        TargetClient(_transport(None, ending=ending), budget=spendable).send("nvidia", [POST])
    with pytest.raises(NotRun):
        TargetClient(_transport(None), budget=spendable).send("nvidia", [POST])


def test_run__sends_no_more_completions_than_its_budget(tmp_path: Path) -> None:
    """Counted by the server, which completes whatever it is asked."""
    with serving(COMPLETION) as script:
        run_suite("--base-url", script.url, "--dialect", "nvidia", "--budget", "7", folder=tmp_path)
    assert sum(received.startswith(b"POST") for received in script.received) <= 7
    assert "NOT-RUN" in verdicts(tmp_path).values()


def test_smoke_run__sends_no_more_than_three_completions(tmp_path: Path) -> None:
    """Even to a server that completes what it should refuse."""
    with serving(COMPLETION) as script:
        run_suite("--base-url", script.url, "--dialect", "nvidia", "--tier", "smoke", folder=tmp_path)
    assert sum(received.startswith(b"POST") for received in script.received) == 3


def test_budget__is_shared_by_processes(tmp_path: Path) -> None:
    """Each worker of xdist gets a part of it."""
    with serving(COMPLETION) as script:
        options = ["--base-url", script.url, "--dialect", "nvidia", "--budget", "5", "-k", "REQ or RSP"]
        done = run_suite("-p", "xdist", "-n", "2", *options, folder=tmp_path)
    assert sum(received.startswith(b"POST") for received in script.received) <= 5
    assert "NOT-RUN" in verdicts(tmp_path).values(), done.stdout


def test_budget__goes_to_what_clauses_share_first(tmp_path: Path) -> None:
    """Three completions judge every passive clause; the smoke tier is no more than that."""
    done = run_suite("--tier", "smoke", "--dialect", "nvidia", folder=tmp_path)
    found = verdicts(tmp_path)
    assert set(found) == {
        (clause.id, "nvidia")
        for clause in CLAUSES.values()
        if clause.judged == "passive" and clause.applies(CONTRACT.operations["nvidia"])
    }
    assert set(found.values()) <= {"PASS", "INFO"}, done.stdout


def test_pace__spreads_requests_over_a_minute() -> None:
    """Thirty a minute are two seconds apart; several together count as several."""
    now, slept = 100.0, []

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        slept.append(seconds)

    limiter = RateLimiter(30, clock=lambda: now, sleep=sleep)
    for count in (1, 1, 3, 1):
        limiter.wait(count)
    assert slept == [0.0, 2.0, 2.0, 6.0]
