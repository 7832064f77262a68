"""Numbers as documents and tables have them: rounded, and in a few digits."""

from __future__ import annotations


def number(value: float) -> str:
    """Three significant digits, without an exponent: 0.123, 4.56, 78.9, 1234."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def rounded(value: float | None) -> float | None:
    """The value to a thousandth of its unit, which is finer than the sketch; None stays None."""
    return None if value is None else round(value, 3)
