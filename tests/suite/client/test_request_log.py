from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mixtral_contract.suite.client.client import TargetClient
from mixtral_contract.suite.client.request_log import RequestLog
from mixtral_contract.suite.http.exchange import Exchange, Request

POST = Request("POST", "http://127.0.0.1:1/v1/chat/completions", body=b"{}")


def _transport(status: int | None, log: list[Request] | None = None, ending: str = "complete") -> Any:
    def send(requests: Sequence[Request], *, timeout_s: float = 30.0, **_how: Any) -> list[Exchange]:
        assert timeout_s > 0
        if log is not None:
            log.extend(requests)
        return [Exchange(request, status, ending=ending) for request in requests]

    return send


def _frugal(transport: Any) -> TargetClient:
    return TargetClient(transport, frugal=True)


def test_same_request_of_two_clauses__is_sent_once() -> None:
    """And twice where one clause wants two answers to it."""
    log: list[Request] = []
    client = _frugal(_transport(200, log))
    for clause, times in (("A-01", 1), ("B-01", 2), ("C-01", 2)):
        with client.log.judging(clause):
            answers = [client.send("nvidia", [POST])[0] for _ in range(times)]
        assert len({id(answer) for answer in answers}) == times
    assert len(log) == 2
    assert len(client.log.of(["A-01"])) == 1
    assert len(client.log.of(["B-01"])) == len(client.log.of(["A-01", "B-01", "C-01"])) == 2


def test_clause_with_a_state__asks_for_itself() -> None:
    """What was asked long ago says nothing of what a request costs now."""
    log: list[Request] = []
    client = _frugal(_transport(200, log))
    for clause in ("A-01", "B-01"):
        with client.log.judging(clause, shares=False):
            client.send("nvidia", [POST])
    assert len(log) == 2


def test_busy_answer__is_not_kept() -> None:
    """The next clause asks again."""
    log: list[Request] = []
    client = _frugal(_transport(503, log))
    for clause in ("A-01", "B-01"):
        with client.log.judging(clause):
            client.send("nvidia", [POST])
    assert len(log) == 2


def test_shared_answer__is_not_taken_for_a_second_one() -> None:
    """A clause that looked at it and asks the same again wants another answer."""
    client = _frugal(_transport(200))
    for clause in ("A-01", "B-01"):
        with client.log.judging(clause):
            first = client.log.once("nvidia", "answer", lambda: client.send("nvidia", [POST])[0])
            assert client.send("nvidia", [POST])[0] is not first
    assert len(client.log.requests) == 2


def test_log__keeps_what_nobody_shares() -> None:
    """A clause's own question is billed to it alone."""
    log = RequestLog()
    with log.judging("A-01"):
        log.write("nvidia", [Exchange(POST, 200), Exchange(POST, 400)])
    assert (len(log.of(["A-01"])), len(log.of(["B-01"])), log.since(0)) == (2, 0, (2, 1))
