"""The suite's clauses judged in this process, without pytest around them: a hundred servers take a minute."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import Flaky

import contract_tests
from contract_tests.endpoint import Endpoint
from contract_tests.fuzz import Fuzz
from contract_tests.judged import Judged, judge
from contract_tests.line import Line
from contract_tests.oracle import Oracle
from contract_tests.target import MOCK_KEYS, Target
from contract_tests.verdict import Inconclusive, Outcome
from spec import clauses
from spec.contract import Contract

CONTRACT = Contract.load()
CLAUSES = clauses.load()
ORACLE = Oracle(CONTRACT)
BROKEN = ("FAIL", "NON-STRICT")


def judged(url: str, dialect: str = "nvidia", *, only: Iterable[str] | None = None) -> dict[str, Judged]:
    """What each clause that applies to the dialect got, in the order of the clauses; `only` names those to judge."""
    operation = CONTRACT.operations[dialect]
    target = Target(url, url, (dialect,), MOCK_KEYS)
    endpoint = Endpoint(target, operation, Line(timeout_s=5.0))
    wanted = set(CLAUSES) if only is None else set(only)
    found = {}
    for name, test in _tests().items():
        if name in wanted and CLAUSES[name].applies(operation):
            found[name] = judge(CLAUSES[name], dialect, _run(test, endpoint), strict=False, test=name)
    return found


def broken(found: Mapping[str, Judged]) -> dict[str, str]:
    """The clauses that fell, with their verdicts."""
    return {name: str(entry.verdict) for name, entry in found.items() if entry.verdict in BROKEN}


def _run(test: Callable[..., None], endpoint: Endpoint) -> Outcome | None:
    fixtures = {"endpoint": endpoint, "oracle": ORACLE, "fuzz": Fuzz(ORACLE, 0.0)}
    try:
        test(**{name: value for name, value in fixtures.items() if name in inspect.signature(test).parameters})
    except Outcome as outcome:
        return outcome
    except Flaky as error:
        return Inconclusive(str(error).splitlines()[0])
    return None


@cache
def _tests() -> dict[str, Callable[..., None]]:
    """The suite's tests by clause."""
    profile = settings(
        max_examples=5,
        phases=(Phase.explicit, Phase.generate),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    found: dict[str, Callable[..., Any]] = {}
    for module in pkgutil.iter_modules(contract_tests.__path__, "contract_tests."):
        if not module.name.startswith("contract_tests.test_"):
            continue
        for _, test in inspect.getmembers(importlib.import_module(module.name), inspect.isfunction):
            marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "clause"]
            if marks:
                found[marks[0].args[0]] = profile(test) if hasattr(test, "hypothesis") else test
    return {name: found[name] for name in CLAUSES if name in found}
