"""The verdicts of a run, collected from the reports of its tests, shown at its end and written to files."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from mixtral_contract.suite.reporting import report
from mixtral_contract.suite.reporting.run_summary import RunSummary
from mixtral_contract.suite.session.settings import Settings

CARRIED = "contract_verdict"
"""Under this name a verdict travels in a test's report, from a worker of xdist too."""


class VerdictCollector:
    """A plugin that collects the verdicts of a run, shows them at its end and writes the reports."""

    def __init__(self, chosen: Settings) -> None:
        self._chosen = chosen
        self._summary = RunSummary(chosen.target, chosen.contract, list(chosen.clauses), strict=chosen.strict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes the verdict that a clause's report carries."""
        entry = report.__dict__.get(CARRIED)
        if entry is not None:
            self._summary.add(entry)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Generator[None]:
        """Shows the verdicts and names the reports, below whatever else pytest has to say."""
        yield
        if not self._summary.judged:
            return
        page = report.write(self._chosen.report, self._summary.as_dict(self._chosen.baseline))
        terminalreporter.section("contract")
        for line in self._summary.lines(self._chosen.baseline):
            terminalreporter.write_line(line)
        terminalreporter.write_line(f"report: {page}")
