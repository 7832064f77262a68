"""The suite's clauses judged in this process, without pytest around them: a hundred servers take a minute."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import cache

from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import Flaky

from mixtral_contract.contract import clauses
from mixtral_contract.contract.openapi import Contract
from mixtral_contract.suite.client.client import TargetClient
from mixtral_contract.suite.client.patience import Patience
from mixtral_contract.suite.generation.fuzzing import Fuzz
from mixtral_contract.suite.generation.schema_oracle import Oracle
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.target.target import MOCK_KEYS, Target
from mixtral_contract.suite.verdicts.clause_tests import clause_tests
from mixtral_contract.suite.verdicts.result import ClauseResult, judge
from mixtral_contract.suite.verdicts.verdict import Inconclusive, Outcome

CONTRACT = Contract.load()
CLAUSES = clauses.load()
ORACLE = Oracle(CONTRACT)
BROKEN = ("FAIL", "NON-STRICT")


def judged(
    url: str, dialect: str = "nvidia", *, only: Iterable[str] | None = None, keys: Mapping[str, str] = MOCK_KEYS
) -> dict[str, ClauseResult]:
    """What each clause that applies to the dialect got, in the order of the clauses; `only` names those to judge."""
    operation = CONTRACT.operations[dialect]
    target = Target(url, url, (dialect,), keys)
    endpoint = Endpoint(target, operation, TargetClient(timeout_s=5.0, patience=Patience(0)))
    wanted = set(CLAUSES) if only is None else set(only)
    found = {}
    for name, test in _tests().items():
        if name in wanted and CLAUSES[name].applies(operation):
            found[name] = judge(CLAUSES[name], dialect, _run(CLAUSES[name], test, endpoint), strict=False, test=name)
    return found


def broken(found: Mapping[str, ClauseResult]) -> dict[str, str]:
    """The clauses that fell, with their verdicts."""
    return {name: str(entry.verdict) for name, entry in found.items() if entry.verdict in BROKEN}


def _run(clause: clauses.Clause, test: Callable[..., None], endpoint: Endpoint) -> Outcome | None:
    fixtures = {"endpoint": endpoint, "oracle": ORACLE, "fuzz": Fuzz(ORACLE, 0.0)}
    try:
        if clause.needs_key:
            endpoint.expect_key()
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
    return {name: profile(test) if hasattr(test, "hypothesis") else test for name, test in clause_tests().items()}
