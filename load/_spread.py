"""How a quantity is spread: its percentiles, and whether there are enough samples for each of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from load._sketch import Sketch

FLOORS: Mapping[int, int] = {50: 11, 90: 64, 95: 130, 99: 662}
"""How many samples a percentile needs before it says something at 99 % confidence.

Source: MLPerf's early stopping rule, as mlcommons/endpoints applies it.
"""


def spread(sketch: Sketch) -> dict[str, Any]:
    """Count, mean, extremes and percentiles in the sketch's unit; `enough` tells which percentiles can be relied on.

    None stands for "no value".
    """
    return {
        "n": sketch.count,
        "mean": rounded(sketch.mean),
        "min": rounded(sketch.minimum),
        **{f"p{percent}": rounded(sketch.percentile(percent)) for percent in FLOORS},
        "max": rounded(sketch.maximum),
        "enough": {f"p{percent}": sketch.count >= floor for percent, floor in FLOORS.items()},
    }


def rounded(value: float | None) -> float | None:
    """The value to a thousandth of its unit, which is finer than the sketch; None stays None."""
    return None if value is None else round(value, 3)
