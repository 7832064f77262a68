"""A dry run: every clause asks a stand-in for the target, and what a real run would cost is printed."""

from __future__ import annotations

import pytest
from _pytest.runner import runtestprotocol

from mixtral_contract.suite.reporting import cost_estimate
from mixtral_contract.suite.session.selection import clause_of
from mixtral_contract.suite.session.stash import CLIENT, SETTINGS


def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Runs every clause, unreported, and prints the bill, when that is asked for."""
    config = session.config
    chosen = config.stash[SETTINGS]
    if not chosen.dry_run or config.option.collectonly:
        return None
    for item, following in zip(session.items, [*session.items[1:], None], strict=True):
        runtestprotocol(item, log=False, nextitem=following)
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter:
        reporter.write_line(f"\nthe bill of a run on {chosen.target.name}; nothing was sent\n")
        for line in _bill(session):
            reporter.write_line(line)
    return True


def _bill(session: pytest.Session) -> list[str]:
    """The lines that say what the clauses of the session would cost."""
    chosen = session.config.stash[SETTINGS]
    asked = {clause.id for item in session.items if (clause := clause_of(item))}
    clauses = [clause for clause in chosen.clauses.values() if clause.id in asked]
    operations = chosen.contract.operations
    client = session.config.stash.get(CLIENT, None)
    rows = cost_estimate.bill(client.log, clauses, operations) if client else []
    windows = [model.context_window for name in chosen.target.dialects for model in operations[name].models]
    window = max(filter(None, windows), default=None)
    return cost_estimate.lines(rows, price=chosen.target.price, rpm=chosen.rpm, context_window=window)
