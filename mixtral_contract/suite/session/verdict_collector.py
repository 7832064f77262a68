"""The verdicts of a run, collected from the reports of its tests, shown at its end and written to files."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator

import pytest

from mixtral_contract.suite.reporting import report
from mixtral_contract.suite.reporting.run_summary import RunSummary
from mixtral_contract.suite.session.settings import Settings
from mixtral_contract.suite.verdicts.result import CARRIED

NOT_JUDGED = 3
"""The exit status of a run that judged too little."""

_DEPARTURES_SHOWN = 12
_BETWEEN_WRITES_S = 5.0
"""How much of a run is lost at most when its process is killed."""


class VerdictCollector:
    """A plugin that collects the verdicts of a run, shows them at its end and writes the reports."""

    def __init__(self, chosen: Settings) -> None:
        self._chosen = chosen
        self._written_s: float | None = None
        self._summary = RunSummary(
            chosen.target,
            chosen.contract,
            list(chosen.clauses),
            strict=chosen.strict,
            least_judged=chosen.least_judged,
            of=chosen.verdicts_of_the_suite,
        )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes the verdict that a clause's report carries."""
        entry = report.__dict__.get(CARRIED)
        if entry is not None:
            self._summary.add(entry)
            self._keep()

    def _keep(self) -> None:
        """Writes what there is as an unfinished run, now and then: nobody is asked before a process is killed."""
        now_s = time.monotonic()
        if self._written_s is not None and now_s - self._written_s < _BETWEEN_WRITES_S:
            return
        self._written_s = now_s
        # a disk that is full is told at the end of the run
        with contextlib.suppress(OSError):
            written = self._summary.as_dict(self._chosen.baseline, self._chosen.expected())
            report.write(self._chosen.report, written, self._summary.bodies)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Ends a run that broke nothing, and judged too little to say so, with a status of its own."""
        if exitstatus == pytest.ExitCode.OK and self._summary.judged and not self._summary.is_judged:
            session.exitstatus = NOT_JUDGED

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Generator[None]:
        """Shows the verdicts and names the reports, below whatever else pytest has to say."""
        yield
        if not self._summary.judged:
            return
        page = report.write(self._chosen.report, self._summary.as_dict(self._chosen.baseline), self._summary.bodies)
        departures = self._summary.departures()
        if departures:
            terminalreporter.section("departures that do not fail the run (--strict fails them)")
            for text in departures[:_DEPARTURES_SHOWN]:
                terminalreporter.write_line(text)
            if len(departures) > _DEPARTURES_SHOWN:
                terminalreporter.write_line(f"... and {len(departures) - _DEPARTURES_SHOWN} more in the report")
        terminalreporter.section("contract")
        for line in self._summary.lines(self._chosen.baseline):
            terminalreporter.write_line(line)
        terminalreporter.write_line(f"report: {page}")
