"""The suite's options, its fixtures, and how a clause's outcome becomes a pytest report; the work is done elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import Flaky

from contract_tests import report, target
from contract_tests.endpoint import Endpoint, Pace, Purse
from contract_tests.oracle import Oracle
from contract_tests.verdict import Inconclusive, Outcome, Verdict
from spec import clauses
from spec.contract import DOCUMENT, Contract, ContractError

CONTRACT = pytest.StashKey[Contract]()
TARGET = pytest.StashKey[target.Target]()
LIMITS = pytest.StashKey["Limits"]()
CLAUSES = pytest.StashKey[dict[str, clauses.Clause]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("contract", "contract: which server to hold to the contract, and how")
    add = group.addoption
    add("--target", metavar="NAME", help="mock (default), or a known live endpoint: segmind, segmind-openai, nvidia")
    add("--base-url", metavar="URL", help="address of the server under test; with --dialect unless the target says it")
    add("--dialect", metavar="D", help="dialect that the address speaks: segmind, segmind-openai or nvidia")
    add("--model", metavar="M", help="model to ask for (default: the documented one)")
    add("--api-key-env", metavar="NAME", help="environment variable that holds the API key")
    add("--level", metavar="L", default="info", help="judge clauses down to must, should or info (default: info, all)")
    # pytest has an option --strict of its own (strict markers and the like); here a broken should fails the run too
    add("--budget", metavar="N", help="use up at most N completions; what is left over is NOT-RUN")
    add("--rpm", metavar="N", help="send at most N requests per minute")
    add("--request-timeout", default="30", metavar="S", help="seconds to wait for an answer (default: 30)")
    add("--spec", type=Path, default=DOCUMENT, metavar="FILE", help="the contract to hold to (default: our own)")
    add(
        "--report",
        type=Path,
        default=Path("reports/contract"),
        metavar="DIR",
        help="folder of verdicts.json, index.html",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "clause(id): the clause of the contract that the test judges")
    try:
        contract = Contract.load(config.getoption("--spec"))
        chosen = _chosen(config, contract)
        config.stash[LIMITS] = _limits(config)
        _check_folder(config.getoption("--report"))
        if chosen.base_url is not None:
            target.reach(chosen.base_url)
    except (ContractError, target.TargetError) as error:
        # pytest's own usage errors end with 4; ours end with 2 and one line, as every command of the project
        pytest.exit(str(error), returncode=2)
    config.stash[CONTRACT] = contract
    config.stash[TARGET] = chosen
    loaded = config.stash[CLAUSES] = dict(clauses.load())
    if not hasattr(config, "workerinput"):
        # under xdist only the controller sees every report
        record = report.Record(chosen, contract, list(loaded), strict=config.getoption("--strict"))
        config.pluginmanager.register(Recorder(record, config.getoption("--report")), "contract-recorder")
    _load_profile(paid=chosen.paid)


def _chosen(config: pytest.Config, contract: Contract) -> target.Target:
    option = config.getoption
    if option("--level") not in clauses.LEVELS:
        raise target.TargetError(f"--level: expected one of {', '.join(clauses.LEVELS)}, got {option('--level')!r}")
    return target.choose(
        contract,
        name=option("--target"),
        base_url=option("--base-url"),
        dialect=option("--dialect"),
        model=option("--model"),
        api_key_env=option("--api-key-env"),
    )


def _limits(config: pytest.Config) -> Limits:
    budget = _number(config, "--budget", int)
    return Limits(
        budget=None if budget is None else int(budget),
        rpm=_number(config, "--rpm", float),
        timeout_s=_number(config, "--request-timeout", float) or 0.0,
    )


def _number(config: pytest.Config, option: str, kind: type[int | float]) -> float | None:
    text = config.getoption(option)
    if text is None:
        return None
    try:
        value = kind(text)
    except ValueError:
        value = kind(0)
    if not 0 < value < math.inf:
        raise target.TargetError(f"{option}: expected a {'whole ' * (kind is int)}number above 0, got {text!r}")
    return value


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise target.TargetError(f"--report: expected a folder, got the file {str(folder)!r}")


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


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may use: completions (None: any number), requests per minute (None: no pause), seconds per answer."""

    budget: int | None
    rpm: float | None
    timeout_s: float


class Recorder:
    """Collects the verdicts of a run, shows them at its end and writes the reports."""

    def __init__(self, record: report.Record, folder: Path) -> None:
        self._record = record
        self._folder = folder

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes the verdict that a clause's report carries."""
        for name, value in report.user_properties:
            if name == "contract" and isinstance(value, dict):
                self._record.add(value)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Shows the verdicts and names the reports."""
        if not self._record.judged:
            return
        page = self._record.write(self._folder)
        terminalreporter.section("contract")
        for line in self._record.lines():
            terminalreporter.write_line(line)
        terminalreporter.write_line(f"report: {page}")


# ---- which clause is judged on which dialect


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("clause")
    if marker is None or "endpoint" not in metafunc.fixturenames:
        return
    clause = metafunc.config.stash[CLAUSES][marker.args[0]]
    contract = metafunc.config.stash[CONTRACT]
    level = clauses.LEVELS.index(metafunc.config.getoption("--level"))
    dialects = [
        dialect
        for dialect in metafunc.config.stash[TARGET].dialects
        if clause.applies(contract.operations[dialect]) and clauses.LEVELS.index(clause.level) <= level
    ]
    metafunc.parametrize("endpoint", dialects, indirect=True, ids=[f"{clause.id}-{name}" for name in dialects])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # a clause that applies to no dialect leaves an item without a dialect behind
    idle = [item for item in items if item.get_closest_marker("clause") and not _dialect(item)]
    if idle:
        config.hook.pytest_deselected(items=idle)
        items[:] = [item for item in items if item not in idle]


def _dialect(item: pytest.Item) -> str | None:
    callspec = getattr(item, "callspec", None)
    found = callspec.params.get("endpoint") if callspec else None
    return found if isinstance(found, str) else None


# ---- fixtures


@pytest.fixture(scope="session")
def running_target(request: pytest.FixtureRequest) -> Iterator[target.Target]:
    """The target, started if it is the mock."""
    try:
        with target.running(request.config.stash[TARGET], request.config.getoption("--spec")) as running:
            yield running
    except target.TargetError as error:
        pytest.exit(str(error), returncode=2)


@pytest.fixture(scope="session")
def endpoints(request: pytest.FixtureRequest, running_target: target.Target) -> dict[str, Endpoint]:
    """The target's dialects by name; what one test has seen the next one need not ask again."""
    limits = request.config.stash[LIMITS]
    purse, pace = Purse(limits.budget), Pace(limits.rpm)
    contract = request.config.stash[CONTRACT]
    return {
        dialect: Endpoint(
            running_target, contract.operations[dialect], purse=purse, pace=pace, timeout_s=limits.timeout_s
        )
        for dialect in running_target.dialects
    }


@pytest.fixture(scope="session")
def endpoint(request: pytest.FixtureRequest, endpoints: dict[str, Endpoint]) -> Endpoint:
    """The dialect that the clause is judged on."""
    return endpoints[request.param]


@pytest.fixture(scope="session")
def oracle(request: pytest.FixtureRequest) -> Oracle:
    """schemathesis, over the contract of this run."""
    return Oracle(request.config.stash[CONTRACT])


# ---- outcomes


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
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
    clause = item.config.stash[CLAUSES][marker.args[0]]
    judged = report.judge(clause, dialect, raised, strict=item.config.getoption("--strict"), test=item.name)
    made.user_properties.append(("contract", judged.as_dict()))
    made.duration = call.duration
    _map_outcome(made, item, judged)
    return made


def _map_outcome(made: pytest.TestReport, item: pytest.Item, judged: report.Judged) -> None:
    if judged.verdict in (Verdict.PASS, Verdict.INFO):
        made.outcome, made.longrepr = "passed", None
    elif judged.verdict is Verdict.FAIL:
        made.outcome, made.longrepr = "failed", judged.text()
    elif judged.verdict is Verdict.NON_STRICT:
        # the outcome that CI shows as "expected failure"
        made.outcome, made.longrepr = "skipped", judged.text()
        made.wasxfail = f"{judged.verdict}: {judged.got}"
    else:
        path, line, _ = item.location
        made.outcome, made.longrepr = "skipped", (path, line or 0, f"{judged.verdict}: {judged.got}")
