"""Which clause is judged on which dialect, and in what order."""

from __future__ import annotations

import pytest

from mixtral_contract.contract.clauses import LEVELS, Clause
from mixtral_contract.suite.session.stash import SETTINGS


def clause_of(item: pytest.Item) -> Clause | None:
    """The clause that a test judges; None for a test of none."""
    marker = item.get_closest_marker("clause")
    return None if marker is None else item.config.stash[SETTINGS].clauses[marker.args[0]]


def dialect_of(item: pytest.Item) -> str | None:
    """The dialect that a test judges its clause on; None where it has none."""
    callspec = getattr(item, "callspec", None)
    found = callspec.params.get("endpoint") if callspec else None
    return found if isinstance(found, str) else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Gives a clause's test the dialects that it is judged on."""
    marker = metafunc.definition.get_closest_marker("clause")
    if marker is None or "endpoint" not in metafunc.fixturenames:
        return
    chosen = metafunc.config.stash[SETTINGS]
    clause = chosen.clauses[marker.args[0]]
    dialects = [dialect for dialect in chosen.target.dialects if chosen.judges(clause, dialect)]
    metafunc.parametrize("endpoint", dialects, indirect=True, ids=[f"{clause.id}-{name}" for name in dialects])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what applies to no dialect, and orders the rest where a budget is small."""
    # a clause that applies to no dialect leaves an item without a dialect behind
    idle = [item for item in items if clause_of(item) and not dialect_of(item)]
    if idle:
        config.hook.pytest_deselected(items=idle)
        items[:] = [item for item in items if item not in idle]
    if config.stash[SETTINGS].budget is not None:
        # a small budget goes to what many clauses share, then to the musts
        items.sort(key=_urgency)


def _urgency(item: pytest.Item) -> tuple[int, int, int]:
    clause = clause_of(item)
    if clause is None:
        return (2, 0, 0)
    return (clause.judged != "passive", LEVELS.index(clause.level), clause.cost)
