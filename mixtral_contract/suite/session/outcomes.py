"""How the end of a clause's test becomes a verdict, and the verdict an outcome of pytest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from _pytest._code import Traceback
from hypothesis.errors import Flaky

from mixtral_contract.suite.session.selection import clause_of, dialect_of
from mixtral_contract.suite.session.stash import LAST_EXCHANGE, SETTINGS, USED
from mixtral_contract.suite.verdicts.result import CARRIED, ClauseResult, judge
from mixtral_contract.suite.verdicts.verdict import Inconclusive, Outcome, Verdict


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Puts the verdict into the report of a clause's test; an error that is no outcome stays an error."""
    if call.excinfo is not None and isinstance(call.excinfo.value, Outcome):
        # pytest would parse the source of every frame, to show what an outcome's own text replaces
        call.excinfo.traceback = Traceback([])
    made: pytest.TestReport = yield
    if call.when != "call" and call.excinfo is None:
        return made
    raised = _raised(call)
    if raised is not None and not isinstance(raised, Outcome):
        return made
    result = _result(item, raised)
    if result is None:
        return made
    setattr(made, CARRIED, result.as_dict())
    # what JUnit says of a test is taken from the report of its teardown, which is made from the item
    item.user_properties += [
        ("clause", result.clause),
        ("dialect", result.dialect),
        ("level", result.level),
        ("verdict", str(result.verdict)),
    ]
    made.duration = call.duration
    _map_outcome(made, item, result)
    return made


def _raised(call: pytest.CallInfo[None]) -> BaseException | None:
    raised = call.excinfo.value if call.excinfo else None
    if isinstance(raised, Flaky):
        return Inconclusive(f"two answers to one request: {raised}".splitlines()[0])
    return raised


def _result(item: pytest.Item, outcome: Outcome | None) -> ClauseResult | None:
    """What the clause of the test got; None for a test of none."""
    clause, dialect = clause_of(item), dialect_of(item)
    if clause is None or dialect is None:
        return None
    chosen = item.config.stash[SETTINGS]
    requests, completions = item.stash.get(USED, (0, 0))
    last = item.stash.get(LAST_EXCHANGE, None)
    result = judge(clause, dialect, outcome, strict=chosen.strict, test=item.name, last=last)
    return chosen.weighed(replace(result, requests=requests, completions=completions))


def _map_outcome(made: pytest.TestReport, item: pytest.Item, result: ClauseResult) -> None:
    if result.verdict in (Verdict.PASS, Verdict.INFO):
        made.outcome, made.longrepr = "passed", None
    elif result.verdict is Verdict.FAIL:
        made.outcome, made.longrepr = "failed", result.text()
    elif result.verdict in (Verdict.NON_STRICT, Verdict.KNOWN):
        # the outcome that CI shows as "expected failure"
        made.outcome, made.longrepr = "skipped", result.text()
        made.wasxfail = f"{result.verdict}: {result.known or result.got}"
    else:
        path, line, _ = item.location
        made.outcome, made.longrepr = "skipped", (path, line or 0, f"{result.verdict}: {result.got}")
