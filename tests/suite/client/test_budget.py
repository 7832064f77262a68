from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.contract import clauses
from mixtral_contract.contract.openapi import Contract
from mixtral_contract.suite.client.budget import CompletionBudget, RateLimiter
from mixtral_contract.suite.client.client import TargetClient, over_the_wire
from mixtral_contract.suite.client.request_log import RequestLog
from mixtral_contract.suite.generation.single_example import one_example
from mixtral_contract.suite.http.exchange import Exchange, Request
from mixtral_contract.suite.target.combined_requests import TOGETHER, is_completion, proven
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.target.stand_in import FakeTarget
from mixtral_contract.suite.target.target import MOCK_KEYS, Target, choose, running
from mixtral_contract.suite.verdicts.verdict import Inconclusive, NotRun, Violation
from tests.support.scripted_server import serving
from tests.support.suite_run import run_suite, verdicts

CONTRACT = Contract.load()
CLAUSES = clauses.load()
POST = Request("POST", "http://127.0.0.1:1/v1/chat/completions", body=b"{}")
COMPLETION = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{"choices":[]}'


def _transport(status: int | None, log: list[Request] | None = None, ending: str = "complete") -> Any:
    def send(requests: Sequence[Request], *, timeout_s: float = 30.0, **_how: Any) -> list[Exchange]:
        assert timeout_s > 0
        if log is not None:
            log.extend(requests)
        return [Exchange(request, status, ending=ending) for request in requests]

    return send


# ---- the purse


@given(budget=st.integers(0, 20), statuses=st.lists(st.sampled_from([200, 401, 429, 500, None]), max_size=60))
def test_budget__is_never_exceeded(budget: int, statuses: list[int | None]) -> None:
    """Whatever comes back: a completion, a refusal, or nothing, which may be billed too."""
    purse = CompletionBudget(budget)
    sent: list[Exchange] = []
    for status in statuses:
        line = TargetClient(_transport(status), purse=purse)
        try:
            sent += line.send("nvidia", [POST])
        except NotRun:
            continue
    assert sum(exchange.status in (200, None) for exchange in sent) <= budget


def test_budget__holds_when_many_ask_at_once() -> None:
    """What may be billed is taken before it is asked for."""
    log: list[Request] = []
    everybody = threading.Barrier(8)
    line = TargetClient(_transport(200, log), purse=CompletionBudget(10))

    def ask(_number: int) -> None:
        everybody.wait()
        for _ in range(5):
            try:
                line.send("nvidia", [POST])
            except NotRun:
                return

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
    assert len(log) == 10


def test_budget__is_not_used_up_by_refusals() -> None:
    """A refusal gives back what was taken for it."""
    line = TargetClient(_transport(401), purse=CompletionBudget(1))
    for _ in range(5):
        line.send("nvidia", [POST])


def test_several_at_once__need_budget_for_each() -> None:
    """None of them is sent when one is left over."""
    log: list[Request] = []
    with pytest.raises(NotRun):
        TargetClient(_transport(200, log), purse=CompletionBudget(1)).send("nvidia", [POST, POST])
    assert log == []


def test_get__costs_nothing() -> None:
    """It asks for no completion, so it may leave with an empty purse."""
    get = Request("GET", POST.url)
    assert TargetClient(_transport(200), purse=CompletionBudget(0)).send("nvidia", [get])[0].status == 200


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


# ---- pace and patience


def test_pace__spreads_requests_over_a_minute() -> None:
    """Thirty a minute are two seconds apart; several together count as several."""
    now, slept = 100.0, []

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        slept.append(seconds)

    pace = RateLimiter(30, clock=lambda: now, sleep=sleep)
    for count in (1, 1, 3, 1):
        pace.wait(count)
    assert slept == [0.0, 2.0, 2.0, 6.0]


@pytest.mark.parametrize("status", [None, 200])
def test_silence__ends_the_run_after_two_in_a_row(status: int | None) -> None:
    """Whether nothing came, or a head and then nothing."""
    log: list[Request] = []
    line = TargetClient(_transport(status, log, ending="timeout"))
    for _ in range(2):
        line.send("nvidia", [POST])
    with pytest.raises(Inconclusive, match="no more is asked"):
        line.send("nvidia", [POST])
    assert len(log) == 2


def test_silence__ends_the_run_after_six_in_all() -> None:
    """A server that hangs on every second request does not hold a run up for hours."""
    statuses = iter([200, None] * 50)
    sent = []

    def send(requests: Sequence[Request], *, timeout_s: float = 30.0, **_how: Any) -> list[Exchange]:
        assert timeout_s > 0
        status = next(statuses)
        sent.append(status)
        return [Exchange(request, status, ending="complete" if status else "timeout") for request in requests]

    line = TargetClient(send)
    for _ in range(11):
        line.send("nvidia", [POST])
    line.send("nvidia", [POST])
    with pytest.raises(Inconclusive):
        line.send("nvidia", [POST])
    assert sent.count(None) == 6


# ---- what several clauses ask together


def _frugal(transport: Any) -> TargetClient:
    return TargetClient(transport, frugal=True)


def test_same_request_of_two_clauses__is_sent_once() -> None:
    """And twice where one clause wants two answers to it."""
    log: list[Request] = []
    line = _frugal(_transport(200, log))
    for clause, times in (("A-01", 1), ("B-01", 2), ("C-01", 2)):
        with line.ledger.judging(clause):
            answers = [line.send("nvidia", [POST])[0] for _ in range(times)]
        assert len({id(answer) for answer in answers}) == times
    assert len(log) == 2
    assert len(line.ledger.of(["A-01"])) == 1
    assert len(line.ledger.of(["B-01"])) == len(line.ledger.of(["A-01", "B-01", "C-01"])) == 2


def test_clause_with_a_state__asks_for_itself() -> None:
    """What was asked long ago says nothing of what a request costs now."""
    log: list[Request] = []
    line = _frugal(_transport(200, log))
    for clause in ("A-01", "B-01"):
        with line.ledger.judging(clause, shares=False):
            line.send("nvidia", [POST])
    assert len(log) == 2


def test_busy_answer__is_not_kept() -> None:
    """The next clause asks again."""
    log: list[Request] = []
    line = _frugal(_transport(503, log))
    for clause in ("A-01", "B-01"):
        with line.ledger.judging(clause):
            line.send("nvidia", [POST])
    assert len(log) == 2


def test_shared_answer__is_not_taken_for_a_second_one() -> None:
    """A clause that looked at it and asks the same again wants another answer."""
    line = _frugal(_transport(200))
    for clause in ("A-01", "B-01"):
        with line.ledger.judging(clause):
            first = line.ledger.once("nvidia", "answer", lambda: line.send("nvidia", [POST])[0])
            assert line.send("nvidia", [POST])[0] is not first
    assert len(line.ledger.questions) == 2


def test_property__is_tried_on_one_example_where_that_costs() -> None:
    """And repeats its outcome when it is run again to see whether that can be relied on."""
    asked = []

    @given(number=st.integers())
    def always_broken(number: int) -> None:
        asked.append(number)
        raise Violation("x")

    with one_example(always_broken), pytest.raises(Violation):
        always_broken()
    assert len(asked) == 1


@pytest.fixture(scope="module")
def honest_mock() -> Iterator[Target]:
    """The mock as it is."""
    with running(choose(CONTRACT)) as mock:
        yield mock


def _endpoint(mock: Target, dialect: str) -> Endpoint:
    return Endpoint(mock, CONTRACT.operations[dialect], _frugal(over_the_wire))


@pytest.mark.parametrize(
    ("status", "body", "whole"),
    [
        (200, b'{"choices": []}', True),
        (400, b'{"choices": []}', False),
        (200, b'{"error": "x"}', False),
        (200, b"", False),
    ],
)
def test_completion__is_told_from_an_error_behind_a_200(
    status: int,
    body: bytes,
    whole: bool,  # noqa: FBT001  a case's outcome
) -> None:
    """What is proven by an answer is proven by a completion."""
    assert is_completion(Exchange(POST, status, received=((1, body),))) is whole


@pytest.mark.parametrize("dialect", CONTRACT.operations)
def test_clauses_asked_together__are_proven_by_a_good_server(honest_mock: Target, dialect: str) -> None:
    """Each of them that applies, with two completions at most."""
    endpoint = _endpoint(honest_mock, dialect)
    named = {clause for together in TOGETHER.values() for clause in together.clauses} & CLAUSES.keys()
    applying = [clause for clause in named if CLAUSES[clause].applies(CONTRACT.operations[dialect])]
    assert all(proven(endpoint, clause) for clause in applying)
    assert endpoint.line.ledger.since(0)[1] <= 2


@pytest.mark.parametrize(
    "clause", sorted({clause for together in TOGETHER.values() for clause in together.clauses} & CLAUSES.keys())
)
def test_clause_asked_together__is_not_proven_by_a_server_that_breaks_it(clause: str) -> None:
    """Its own test is run then."""
    dialect = next(name for name, each in CONTRACT.operations.items() if CLAUSES[clause].applies(each))
    with running(choose(CONTRACT), options=("--break", clause)) as mock:
        assert not proven(_endpoint(mock, dialect), clause)


# ---- the bill


def _bill(folder: Path, *options: str) -> dict[str, list[str]]:
    done = run_suite("--dry-run", *options, folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = re.findall(r"^(--tier smoke|--level must|--level should|everything) +(.+)$", done.stdout, re.MULTILINE)
    return {name: text.split() for name, text in rows}


@pytest.mark.parametrize(("target", "most"), [("nvidia", 20), ("segmind", 6), ("segmind-openai", 6)])
def test_live_run__is_cheap(tmp_path: Path, target: str, most: int) -> None:
    """A smoke run costs three completions at most, all musts no more than this."""
    rows = _bill(tmp_path, "--target", target)
    smoke, must = (int(rows[name][2]) for name in ("--tier smoke", "--level must"))
    assert 0 < smoke <= 3
    assert int(rows["--tier smoke"][3]) <= 3
    assert smoke <= must <= most


@pytest.mark.parametrize("dialect", ["nvidia", "segmind", "segmind-openai"])
@pytest.mark.parametrize(("row", "options"), [("--level must", ["--level", "must"]), ("everything", [])])
def test_bill__is_what_a_run_asks(tmp_path: Path, dialect: str, row: str, options: list[str]) -> None:
    """Of a server that keeps the contract and costs money; each request and each completion."""
    with running(choose(CONTRACT)) as mock:
        where = ["-p", "tests.support.billed_server", "--base-url", mock.base_url or "", "--dialect", dialect]
        done = run_suite(*where, *options, folder=tmp_path)
        rows = _bill(tmp_path, *where)
    asked = re.search(r"^asked: (\d+) requests, (\d+) completions$", done.stdout, re.MULTILINE)
    assert asked
    assert list(asked.groups()) == rows[row][1:3]


def test_smoke_run__judges_every_clause_of_its_tier(tmp_path: Path) -> None:
    """Within its three completions per dialect, also where they cost nothing and no two clauses share them."""
    run_suite("--tier", "smoke", folder=tmp_path)
    assert set(verdicts(tmp_path).values()) == {"PASS", "INFO"}


def test_dry_run__connects_to_nothing_and_needs_no_key(tmp_path: Path) -> None:
    """Neither to the target nor to a mock, and it writes no report."""
    with serving() as script:
        rows = _bill(tmp_path / "report", "--base-url", script.url, "--dialect", "nvidia", "--api-key-env", "NO_KEY")
    assert script.received == []
    assert len(rows) == 4
    assert not (tmp_path / "report").exists()


def test_dry_run__knows_the_price_where_one_is_published(tmp_path: Path) -> None:
    """With its date, as an estimate."""
    done = run_suite("--dry-run", "--target", "segmind", "--rpm", "5", folder=tmp_path)
    assert re.search(r"price +\$0\.00050564 per completion .*2026-08-27", done.stdout)
    assert re.search(r"everything .+ \$0\.\d+ +\d+\.\d min", done.stdout)


def test_dry_run__counts_what_it_is_narrowed_to(tmp_path: Path) -> None:
    """One clause is one clause."""
    rows = _bill(tmp_path, "--target", "nvidia", "-k", "SSE-08")
    assert rows["--level must"][:3] == rows["everything"][:3] == ["1", "1", "1"]


def test_stand_in__answers_as_the_contract_says() -> None:
    """So that a rehearsal asks what a run on a good server would ask."""
    target = Target("x", "http://127.0.0.1:1", ("nvidia",), MOCK_KEYS)
    endpoint = Endpoint(
        target, CONTRACT.operations["nvidia"], TargetClient(FakeTarget(CONTRACT, target.base_url or "", MOCK_KEYS))
    )
    seen = endpoint.seen
    assert (seen.answer.status, seen.no_key.status, seen.malformed.status, seen.unknown_url.status) == (
        200,
        401,
        400,
        404,
    )
    assert seen.wrong_method.status == 405
    assert seen.stream.text.startswith(" One two")
    assert endpoint.ask(endpoint.body(), key_headers=endpoint.key_headers("mock-limited")).status == 429


def test_pause__takes_the_stand_in_no_time() -> None:
    """Who waits as long as it was told rehearses the wait, and only its own clock moves."""
    stand_in = FakeTarget(CONTRACT, "http://127.0.0.1:1", MOCK_KEYS)
    before = stand_in([POST])[0]
    stand_in.pause(86_400)
    assert stand_in([POST])[0].sent_ns - before.end_ns >= 86_400 * 10**9


def test_dry_run__waits_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a clause waits as long as a 429 said."""
    sleepless = "import time\n\n\ndef stay_awake(seconds):\n    assert not seconds\n\n\ntime.sleep = stay_awake\n"
    (tmp_path / "sleepless.py").write_text(sleepless, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    rows = _bill(tmp_path, "-p", "sleepless", "-k", "ERR-18 and nvidia")
    assert rows["everything"][:2] == ["1", "3"]


def test_ledger__keeps_what_nobody_shares() -> None:
    """A clause's own question is billed to it alone."""
    ledger = RequestLog()
    with ledger.judging("A-01"):
        ledger.write("nvidia", [Exchange(POST, 200), Exchange(POST, 400)])
    assert (len(ledger.of(["A-01"])), len(ledger.of(["B-01"])), ledger.since(0)) == (2, 0, (2, 1))


def test_connection_that_was_never_made__costs_nothing() -> None:
    """What could not be sent is not billed; what was sent and not answered may be."""
    purse = CompletionBudget(1)
    for ending in ("refused", "refused", "timeout"):
        TargetClient(_transport(None, ending=ending), purse=purse).send("nvidia", [POST])
    with pytest.raises(NotRun):
        TargetClient(_transport(None), purse=purse).send("nvidia", [POST])
