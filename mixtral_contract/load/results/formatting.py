"""Figures of a summary as tables and sentences show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mixtral_contract.load.units.metrics import SPREADS
from mixtral_contract.load.units.numbers import number


def cell(spread: Mapping[str, Any], column: str) -> str:
    """One figure of a spread as a table shows it: "too few" where the samples do not carry a percentile."""
    value = spread[column]
    if value is None:
        return "too few" if column in spread["too_few"] else "–"
    if column == "n":
        return str(value)
    return bounded(spread, column)


def bounded(spread: Mapping[str, Any], column: str) -> str:
    """A figure of a spread that has it, marked where requests without an end may have kept it too low."""
    is_bound = column in spread["at_least"] or (column == "max" and spread["censored"])
    return ("≥" if is_bound else "") + number(spread[column])


def interval_text(spread: Mapping[str, Any], column: str) -> str:
    """Between which values a percentile lies, or how many samples it needs; nothing where there is neither."""
    if column in spread["too_few"]:
        return f"needs {spread['too_few'][column]}"
    ends = spread["intervals"].get(column)
    if ends is None:
        return ""
    low, high = ("?" if end is None else number(end) for end in ends)
    return f"{low} to {high}"


def plus_minus(summary: Mapping[str, Any], name: str, percentile: str = "p50") -> str:
    """By how much the instrument may be wrong in a figure, as calibrated: " ±1.2", nothing where that is unknown."""
    calibration = summary["instrument"]["calibration"]
    error = next(metric.error for metric in SPREADS if metric.key == name)
    errors = calibration and error and calibration[error]
    return "" if not errors or errors[percentile] is None else f" ±{errors[percentile]:.1f}"
