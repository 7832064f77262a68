from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from mixtral_contract.suite.client.client import TargetClient
from mixtral_contract.suite.generation.fuzzing import Fuzz
from mixtral_contract.suite.generation.schema_oracle import Oracle
from mixtral_contract.suite.generation.state_machines import Credits, Rate
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.target.target import MOCK_KEYS, Target
from mixtral_contract.suite.verdicts.verdict import NotRun, Outcome
from tests.support.defective_requests import bodied, failing
from tests.support.defective_server import headers, is_whole, on
from tests.support.judging import CONTRACT
from tests.support.other_http import other_server
from tests.support.other_server import Defect
from tests.support.suite_run import run_suite, verdicts

BODIES = [
    b'{"messages": [{"role": "user", "content": "hello"}]}',
    b'{"messages": [{"role": "user", "content": ""}]}',
    b'{"messages": [{"role": 7, "content": "hello"}]}',
    b"{",
]


class Written(Oracle):
    """The oracle with a few bodies of its own, so that nothing depends on chance or on time."""

    def bodies(self, dialect: str, until_s: float) -> Iterator[bytes]:
        """The same for every dialect."""
        yield from BODIES if dialect and until_s else ()


def _endpoint(url: str, dialect: str = "segmind", *, paid: bool = False) -> Endpoint:
    target = Target(url, url, (dialect,), MOCK_KEYS, paid=paid)
    return Endpoint(target, CONTRACT.operations[dialect], TargetClient(timeout_s=5.0))


def _found(defect: Defect) -> tuple[bool, bool, bool]:
    with other_server(defect=defect) as url:
        sweep = Fuzz(Written(CONTRACT), 1.0).sweep(_endpoint(url))
    assert sweep.sent == len(BODIES)
    return sweep.failed is not None, sweep.departed is not None, sweep.accepted is not None


def test_honest_server__leaves_nothing_to_find() -> None:
    """Whatever is sent."""
    assert _found(Defect()) == (False, False, False)


def test_failure__is_found() -> None:
    """A 500 for an empty text."""
    assert _found(failing(lambda request: b'"content": ""' in request.body)) == (True, False, False)


def test_undocumented_answer__is_found() -> None:
    """A status that no document names."""
    assert _found(failing(lambda request: request.body == b"{", 418))[1]


def test_accepted_departure__is_found() -> None:
    """A role that is a number is read as a user's."""
    messages = [{"role": "user", "content": "hello"}]
    assert _found(bodied(lambda body: {**body, "messages": messages}))[2]


@pytest.mark.parametrize(("paid", "seconds"), [(True, 9.0), (False, 0.0)])
def test_fuzz_tier__is_not_run_unasked(paid: bool, seconds: float) -> None:  # noqa: FBT001  a case's input
    """Never where it may be billed, and only with time."""
    fuzz = Fuzz(Oracle(CONTRACT), seconds)
    with pytest.raises(NotRun):
        fuzz.sweep(_endpoint("http://127.0.0.1:1", paid=paid))


@pytest.mark.parametrize("dialect", ["segmind", "nvidia"])
def test_bodies__are_drawn_from_the_contract(dialect: str) -> None:
    """Both kinds, the same in the same order."""
    operation = CONTRACT.operations[dialect]
    first, second = (list(islice(Oracle(CONTRACT).bodies(dialect, _far()), 400)) for _ in range(2))
    assert first == second
    assert {operation.request.is_valid(json.loads(raw)) for raw in first} == {True, False}


def test_credits_machine__finds_what_a_refusal_costs() -> None:
    """And nothing on an honest server, however it is called."""
    for defect, departs in ((Defect(), False), (_charging(), True)):
        found: list[Outcome] = []
        with other_server(defect=defect) as url:
            machine = Credits(_endpoint(url), found)
            machine.complete()
            machine.send_many_malformed_bodies()
            machine.send_a_wrong_key()
            machine.complete()
        assert bool(found) is departs


def test_rate_machine__finds_a_wait_that_is_too_short() -> None:
    """And nothing on an honest server."""
    soon = on(lambda _request, answer: answer.status == 429, headers(lambda said: {**said, "Retry-After": "0"}))
    for defect, departs in ((Defect(), False), (soon, True)):
        found: list[Outcome] = []
        with other_server(defect=defect) as url:
            machine = Rate(_endpoint(url), found, _far())
            machine.hurry()
            machine.wait_as_told()
        assert bool(found) is departs


def test_fuzz_clauses__are_judged_when_there_is_time(tmp_path: Path) -> None:
    """Not without the option; a bad one gets one line."""
    run_suite("-k", "FUZZ-05 or SSE-15", folder=tmp_path)
    assert {clause for clause, _ in verdicts(tmp_path)} == {"SSE-15"}
    run_suite("-k", "FUZZ-05 or SSE-15", "--fuzz-seconds", "1", folder=tmp_path)
    assert {clause for clause, _ in verdicts(tmp_path)} == {"FUZZ-05", "SSE-15"}
    bad = run_suite("--fuzz-seconds", "many", folder=tmp_path)
    assert bad.returncode == 2
    assert "--fuzz-seconds: expected a number above 0, got 'many'" in bad.stdout + bad.stderr


def _far() -> float:
    return time.monotonic() + 300.0


def _charging() -> Defect:
    """A server that takes credits for what it refuses."""
    refused = 0

    def count(_request: object, answer: object) -> None:
        nonlocal refused
        refused += getattr(answer, "status", 0) == 400

    charged = on(
        is_whole,
        headers(lambda said: {**said, "X-Remaining-Credits": str(float(said["X-Remaining-Credits"]) - refused)}),
    )

    def both(request: object, answer: object) -> object:
        count(request, answer)
        return charged.answer(request, answer) if charged.answer else None  # type: ignore[arg-type]

    return Defect(answer=both)  # type: ignore[arg-type]
