"""Comparisons as a document for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mixtral_contract.load.compare.comparison import WORST_FIRST, Change, Comparison
from mixtral_contract.load.compare.run_folder import RunFolder
from mixtral_contract.load.units.numbers import rounded

FORMAT = "load-comparison/1"


def comparison_document(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """The comparisons in JSON's types, with the worst verdict of all; None is "no value"."""
    worst = worst_of(comparisons)
    return {
        "format": FORMAT,
        "verdict": worst.verdict,
        "exit_status": max(each.exit_status for each in comparisons),
        "comparisons": [_comparison(each) for each in comparisons],
    }


def worst_of(comparisons: Sequence[Comparison]) -> Comparison:
    """The one that decides: without a verdict before a regression, before what is unclear; the first of those."""
    return min(comparisons, key=lambda each: WORST_FIRST.index(each.verdict))


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "first": _run(comparison.first),
        "second": _run(comparison.second),
        "verdict": comparison.verdict,
        "conclusion": comparison.conclusion(),
        "exit_status": comparison.exit_status,
        "tolerance": comparison.tolerance,
        "confidence": comparison.confidence,
        "obstacles": list(comparison.obstacles),
        "asked_differently": [
            {"setting": each.setting, "first": each.first, "second": each.second} for each in comparison.settings
        ],
        "other_lengths": [
            {"of": each.of, "first": rounded(each.first), "second": rounded(each.second)} for each in comparison.lengths
        ],
        "warnings": list(comparison.warnings),
        "changes": [_change(each) for each in comparison.changes],
    }


def _run(run: RunFolder) -> dict[str, Any]:
    asked = run.summary["run"]
    return {
        "folder": str(run.folder),
        "label": asked.get("label"),
        "id": asked["id"],
        "started_at": asked["started_at"],
        "target": asked["target"],
        "validity": run.summary["validity"]["verdict"],
        "failure": run.summary["failure"],
    }


def _change(change: Change) -> dict[str, Any]:
    ratio, low, high = change.ratio or (None, None, None)
    return {
        "name": change.name,
        "unit": change.unit,
        "first": change.first,
        "second": change.second,
        "ratio": rounded(ratio),
        "low": rounded(low),
        "high": rounded(high),
        "verdict": change.verdict,
        "may_be_worse": change.may_be_worse,
    }
