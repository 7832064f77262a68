"""The outcomes as tables for the pages that show them: text in, text out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.clients.outcome import WORKS

BEGIN = "<!-- clients: written by python -m tests.clients -->"
END = "<!-- /clients -->"


Outcomes = Mapping[str, Mapping[str, Any]]


def table(outcomes: Outcomes) -> str:
    """A row for each client: how much works, and what does not, because of what."""
    rows = ["| client | version | works | works not, because |", "|---|---|---|---|"]
    for name, outcome in outcomes.items():
        capabilities = outcome["capabilities"]
        flaws = "; ".join(
            [*_flaws(capabilities), *(f"does what a client should not: {rule}" for rule in outcome["faults"])]
        )
        rows.append(f"| {name} | {outcome['version']} | {_working(outcome)} | {flaws} |")
    return "\n".join(rows)


def summary(outcomes: Outcomes) -> str:
    """A row for each client: how much works."""
    rows = (f"| {name} | {outcome['version']} | {_working(outcome)} |" for name, outcome in outcomes.items())
    return "\n".join(["| client | version | works |", "|---|---|---|", *rows])


PAGES: Mapping[str, Callable[[Outcomes], str]] = {"README.md": summary, "docs/clients.md": table}
"""What stands between the marks of which page."""


def within(document: str, written: str) -> str:
    """The document with what is written in the place between the marks.

    Raises: ValueError when the document does not have both marks, once each and in their order.
    """
    before, begin, rest = document.partition(BEGIN)
    between, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or END in between + after:
        raise ValueError(f"document: expected {BEGIN!r} and then {END!r} in it, once each")
    return f"{before}{BEGIN}\n{written}\n{END}{after}"


def _working(outcome: Mapping[str, Any]) -> str:
    capabilities = outcome["capabilities"]
    return f"{sum(said == WORKS for said in capabilities.values())} of {len(capabilities)}"


def _flaws(capabilities: Mapping[str, str]) -> list[str]:
    by_reason: dict[str, list[str]] = {}
    for capability, said in capabilities.items():
        if said != WORKS:
            by_reason.setdefault(said, []).append(capability)
    return [f"**{' · '.join(names)}**: {reason}" for reason, names in by_reason.items()]
