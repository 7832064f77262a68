"""Which tests were skipped and what would run them: said at the end of a run, which fails for it where it is told to.

A reason for a skip names what the machine lacks: "needs openssl: apt-get install openssl". One that begins with
"optional: " names what a machine of CI may lack too, and fails nothing.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

VARIABLE = "MIXTRAL_NOTHING_SKIPPED"
"""Set in CI: there a skipped test is a failed run."""

OPTIONAL = "optional: "


def skipped_reasons(stats: Mapping[str, Sequence[object]]) -> Counter[str]:
    """How many tests were skipped for each reason, by what pytest's terminal reporter collected."""
    reports = (
        report for report in stats.get("skipped", ()) if isinstance(report, pytest.TestReport | pytest.CollectReport)
    )
    return Counter(_reason(report.longrepr) for report in reports)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Names what was skipped, the most frequent reason first."""
    reasons = skipped_reasons(terminalreporter.stats)
    if not reasons:
        return
    terminalreporter.section("skipped, and what would run it")
    for reason, count in reasons.most_common():
        terminalreporter.line(f"{count:5} {reason}")
    if os.environ.get(VARIABLE) and (count := _wanted(reasons)):
        terminalreporter.line(f"{VARIABLE}: expected no skipped test, got {count}", red=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails a run that would have passed, where nothing may be skipped."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get(VARIABLE) and reporter is not None and _wanted(skipped_reasons(reporter.stats)):
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


def _wanted(reasons: Counter[str]) -> int:
    """How many of the skipped tests a machine of CI has to run."""
    return sum(count for reason, count in reasons.items() if not reason.startswith(OPTIONAL))


def _reason(longrepr: object) -> str:
    text = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
    return str(text).removeprefix("Skipped: ")
