"""The suite as pytest sees it: options, fixtures, and how a clause's outcome becomes a report."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
from _pytest._code import Traceback
from _pytest.runner import runtestprotocol
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import Flaky

from mixtral_contract.contract.openapi import ContractError
from mixtral_contract.suite.cli import options
from mixtral_contract.suite.client.budget import CompletionBudget, RateLimiter
from mixtral_contract.suite.client.client import TargetClient
from mixtral_contract.suite.generation.fuzzing import Fuzz
from mixtral_contract.suite.generation.schema_oracle import Oracle
from mixtral_contract.suite.generation.single_example import one_example
from mixtral_contract.suite.http.exchange import Exchange
from mixtral_contract.suite.reporting import cost_estimate as bill
from mixtral_contract.suite.reporting import report
from mixtral_contract.suite.reporting import run_summary as record
from mixtral_contract.suite.target import target
from mixtral_contract.suite.target.combined_requests import proven
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.target.stand_in import FakeTarget
from mixtral_contract.suite.verdicts import result as judged
from mixtral_contract.suite.verdicts.baseline import BaselineError
from mixtral_contract.suite.verdicts.verdict import Inconclusive, NotRun, Outcome, Verdict

SETTINGS = pytest.StashKey[options.Settings]()
LINE = pytest.StashKey[TargetClient]()
ASKED = pytest.StashKey[int]()
SPENT = pytest.StashKey[tuple[int, int]]()
"""How many questions had been asked before a test, and what it asked and used up itself."""
LAST = pytest.StashKey[Exchange | None]()
"""What a test looked at last."""

_REHEARSED_URL = "http://127.0.0.1:1"
_CARRIED = "contract_verdict"
"""Under this name a verdict travels in a test's report, from a worker of xdist too."""


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add_to(parser.getgroup("contract", "contract: which server to hold to the contract, and how"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "clause(id): the clause of the contract that the test judges")
    try:
        chosen = config.stash[SETTINGS] = options.Settings.read(config)
        if not chosen.dry_run:
            report.writable(chosen.report, "--report")
            if chosen.target.base_url is not None:
                target.reach(chosen.target.base_url)
    except (ContractError, target.TargetError, BaselineError, report.ReportError) as error:
        # pytest's own usage errors end with 4; ours end with 2 and one line, as every command of the project
        pytest.exit(str(error), returncode=2)
    if not hasattr(config, "workerinput") and not chosen.dry_run:
        # under xdist only the controller sees every report
        config.pluginmanager.register(Recorder(chosen), "contract-recorder")
    _load_profile(paid=chosen.target.paid)


def _load_profile(*, paid: bool) -> None:
    """One example per property where completions cost money; the same examples in every run."""
    generating = (Phase.explicit, Phase.generate)
    settings.register_profile(
        "contract",
        max_examples=1 if paid else 12,
        phases=generating if paid else (*generating, Phase.shrink),
        deadline=None,
        derandomize=True,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("contract")


class Recorder:
    """Collects the verdicts of a run, shows them at its end and writes the reports."""

    def __init__(self, chosen: options.Settings) -> None:
        self._chosen = chosen
        self._record = record.RunSummary(chosen.target, chosen.contract, list(chosen.clauses), strict=chosen.strict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes the verdict that a clause's report carries."""
        entry = report.__dict__.get(_CARRIED)
        if entry is not None:
            self._record.add(entry)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Generator[None]:
        """Shows the verdicts and names the reports, below whatever else pytest has to say."""
        yield
        if not self._record.judged:
            return
        page = report.write(self._chosen.report, self._record.as_dict(self._chosen.baseline))
        terminalreporter.section("contract")
        for line in self._record.lines(self._chosen.baseline):
            terminalreporter.write_line(line)
        terminalreporter.write_line(f"report: {page}")


# ---- which clause is judged on which dialect


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("clause")
    if marker is None or "endpoint" not in metafunc.fixturenames:
        return
    chosen = metafunc.config.stash[SETTINGS]
    clause = chosen.clauses[marker.args[0]]
    dialects = [dialect for dialect in chosen.target.dialects if chosen.judges(clause, dialect)]
    metafunc.parametrize("endpoint", dialects, indirect=True, ids=[f"{clause.id}-{name}" for name in dialects])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # a clause that applies to no dialect leaves an item without a dialect behind
    idle = [item for item in items if item.get_closest_marker("clause") and not _dialect(item)]
    if idle:
        config.hook.pytest_deselected(items=idle)
        items[:] = [item for item in items if item not in idle]
    if config.stash[SETTINGS].budget is not None:
        # a small budget goes to what many clauses share, then to the musts
        items.sort(key=lambda item: _urgency(config, item))


def _urgency(config: pytest.Config, item: pytest.Item) -> tuple[int, int, int]:
    marker = item.get_closest_marker("clause")
    if marker is None:
        return (2, 0, 0)
    clause = config.stash[SETTINGS].clauses[marker.args[0]]
    return (clause.judged != "passive", ("must", "should", "info").index(clause.level), clause.cost)


def _dialect(item: pytest.Item) -> str | None:
    callspec = getattr(item, "callspec", None)
    found = callspec.params.get("endpoint") if callspec else None
    return found if isinstance(found, str) else None


# ---- a rehearsal: what a run would cost


def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Rehearses every clause, unreported, and prints the bill, when that is asked for."""
    chosen = session.config.stash[SETTINGS]
    if not chosen.dry_run or session.config.option.collectonly:
        return None
    for index, item in enumerate(session.items):
        following = session.items[index + 1] if index + 1 < len(session.items) else None
        runtestprotocol(item, log=False, nextitem=following)
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    rehearsed = {marker.args[0] for item in session.items if (marker := item.get_closest_marker("clause"))}
    clauses = [clause for clause in chosen.clauses.values() if clause.id in rehearsed]
    operations = chosen.contract.operations
    rows = bill.bill(session.config.stash[LINE].ledger, clauses, operations) if LINE in session.config.stash else []
    windows = [model.context_window for name in chosen.target.dialects for model in operations[name].models]
    if reporter:
        reporter.write_line(f"\nthe bill of a run on {chosen.target.name}; nothing was sent\n")
        for line in bill.lines(
            rows, price=chosen.target.price, rpm=chosen.rpm, context_window=max(filter(None, windows), default=None)
        ):
            reporter.write_line(line)
    return True


# ---- fixtures


@pytest.fixture(scope="session")
def running_target(request: pytest.FixtureRequest) -> Iterator[target.Target]:
    """The target, started if it is the mock."""
    chosen = request.config.stash[SETTINGS]
    if chosen.dry_run:
        yield replace(chosen.target, base_url=chosen.target.base_url or _REHEARSED_URL)
        return
    try:
        with target.running(chosen.target, request.config.getoption("--spec")) as running:
            yield running
    except target.TargetError as error:
        pytest.exit(str(error), returncode=2)


@pytest.fixture(scope="session")
def endpoints(request: pytest.FixtureRequest, running_target: target.Target) -> dict[str, Endpoint]:
    """The target's dialects by name, on one line; what one test has seen the next one need not ask again."""
    chosen = request.config.stash[SETTINGS]
    frugal = running_target.paid or chosen.budget is not None
    if chosen.dry_run:
        stand_in = FakeTarget(chosen.contract, running_target.base_url or "", running_target.keys)
        line = TargetClient(stand_in, frugal=frugal, pause=stand_in.pause)
    else:
        purse, pace = CompletionBudget(chosen.budget), RateLimiter(chosen.rpm)
        line = TargetClient(purse=purse, pace=pace, timeout_s=chosen.timeout_s, frugal=frugal)
    request.config.stash[LINE] = line
    found = {
        dialect: Endpoint(running_target, chosen.contract.operations[dialect], line)
        for dialect in running_target.dialects
    }
    next(iter(found.values())).greet()
    return found


@pytest.fixture(scope="session")
def endpoint(request: pytest.FixtureRequest, endpoints: dict[str, Endpoint]) -> Endpoint:
    """The dialect that the clause is judged on."""
    return endpoints[request.param]


@pytest.fixture(scope="session")
def oracle(request: pytest.FixtureRequest) -> Oracle:
    """schemathesis, over the contract of this run."""
    return Oracle(request.config.stash[SETTINGS].contract)


@pytest.fixture(scope="session")
def fuzz(request: pytest.FixtureRequest, oracle: Oracle) -> Fuzz:
    """The fuzz tier, with the time that was given for it."""
    return Fuzz(oracle, request.config.stash[SETTINGS].fuzz_s)


# ---- outcomes


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """A clause that one request proved together with others is not asked for again where that costs money.

    Raises: NotRun for one that follows an account's state while other processes of the run use that account.
    """
    marker, line = pyfuncitem.get_closest_marker("clause"), pyfuncitem.config.stash.get(LINE, None)
    endpoint = pyfuncitem.funcargs.get("endpoint")
    if marker is None or line is None or not isinstance(endpoint, Endpoint):
        return None
    workers = getattr(pyfuncitem.config, "workerinput", {}).get("workercount", 1)
    clause = pyfuncitem.config.stash[SETTINGS].clauses[marker.args[0]]
    if clause.judged == "stateful" and workers > 1:
        raise NotRun("other processes use the same accounts meanwhile: run it without -n")
    if not line.frugal:
        return None
    return True if proven(endpoint, marker.args[0]) else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    # the first question is asked while the first test is set up
    item.stash[ASKED] = len(item.config.stash[LINE].ledger.questions) if LINE in item.config.stash else 0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """What a test asks stands in the ledger under its clause."""
    marker, line = item.get_closest_marker("clause"), item.config.stash.get(LINE, None)
    if marker is None or line is None:
        return (yield)
    clause = item.config.stash[SETTINGS].clauses[marker.args[0]]
    frugal = one_example(getattr(item, "obj", None)) if line.frugal else nullcontext()
    with line.ledger.judging(clause.id, shares=clause.judged != "stateful"), frugal:
        try:
            return (yield)
        finally:
            item.stash[SPENT] = line.ledger.since(item.stash[ASKED])
            item.stash[LAST] = line.ledger.last


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    if call.excinfo is not None and isinstance(call.excinfo.value, Outcome):
        # pytest would parse the source of every frame, to show what an outcome's own text replaces
        call.excinfo.traceback = Traceback([])
    made = yield
    marker = item.get_closest_marker("clause")
    dialect = _dialect(item)
    if marker is None or dialect is None or (call.when != "call" and call.excinfo is None):
        return made
    raised = call.excinfo.value if call.excinfo else None
    if isinstance(raised, Flaky):
        raised = Inconclusive(f"two answers to one request: {raised}".splitlines()[0])
    if raised is not None and not isinstance(raised, Outcome):
        return made
    chosen = item.config.stash[SETTINGS]
    requests, completions = item.stash.get(SPENT, (0, 0))
    clause, last = chosen.clauses[marker.args[0]], item.stash.get(LAST, None)
    entry = judged.judge(clause, dialect, raised, strict=chosen.strict, test=item.name, last=last)
    entry = chosen.weighed(replace(entry, requests=requests, completions=completions))
    setattr(made, _CARRIED, entry.as_dict())
    # what JUnit says of a test is taken from the report of its teardown, which is made from the item
    item.user_properties += [
        ("clause", entry.clause),
        ("dialect", dialect),
        ("level", entry.level),
        ("verdict", str(entry.verdict)),
    ]
    made.duration = call.duration
    _map_outcome(made, item, entry)
    return made


def _map_outcome(made: pytest.TestReport, item: pytest.Item, entry: judged.ClauseResult) -> None:
    if entry.verdict in (Verdict.PASS, Verdict.INFO):
        made.outcome, made.longrepr = "passed", None
    elif entry.verdict is Verdict.FAIL:
        made.outcome, made.longrepr = "failed", entry.text()
    elif entry.verdict in (Verdict.NON_STRICT, Verdict.KNOWN):
        # the outcome that CI shows as "expected failure"
        made.outcome, made.longrepr = "skipped", entry.text()
        made.wasxfail = f"{entry.verdict}: {entry.known or entry.got}"
    else:
        path, line, _ = item.location
        made.outcome, made.longrepr = "skipped", (path, line or 0, f"{entry.verdict}: {entry.got}")
