"""Figures of a summary as tables and sentences show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mixtral_contract.load.units.numbers import number


def cell(spread: Mapping[str, Any], column: str) -> str:
    """One figure of a spread as a table shows it: "too few" where the samples do not carry a percentile."""
    value = spread[column]
    if value is None:
        return "too few" if column in spread["too_few"] else "–"
    if column == "n":
        return str(value)
    return ("≥" if column in spread["at_least"] else "") + number(value)


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
    errors = calibration and name in _ERRORS and calibration[_ERRORS[name]]
    return "" if not errors or errors[percentile] is None else f" ±{errors[percentile]:.1f}"


_ERRORS = {"ttft_ms": "ttft_error_ms", "e2e_ms": "ttft_error_ms", "icl_ms": "gap_error_ms"}
"""What a calibration says of a figure; the end of an answer is read as its first token is."""
