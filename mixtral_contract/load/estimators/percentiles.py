"""How a quantity is spread: its percentiles, how sure they are, and which of them the samples do not carry.

What timed out, or was still running when the run was cut off, is censored: all that is known is that it took at
least so long. It takes part in the percentiles with that lower bound: a server that answers slowly is not taken for a
fast one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mixtral_contract.load.estimators.confidence import order_ranks
from mixtral_contract.load.estimators.ddsketch import RELATIVE_ERROR, Sketch
from mixtral_contract.load.units.numbers import rounded

FLOORS: Mapping[float, int] = {50: 11, 90: 64, 95: 130, 99: 662, 99.9: 6636}
"""How many samples a percentile needs before it says something at 99 % confidence.

Source: MLPerf's early stopping rule, as mlcommons/endpoints applies it.
"""

CONFIDENCE = 0.99


def percentiles_of(sketch: Sketch, censored: Sketch | None = None) -> dict[str, Any]:
    """Count, mean, extremes and percentiles in the sketch's unit, with their intervals; None stands for "no value".

    A percentile whose samples are fewer than its floor is None, and `too_few` says how many it needs. `at_least` names
    those that censored values (lower bounds) may have kept too low; mean, min and max are of the others alone.
    """
    known = Sketch()
    known.merge(sketch)
    if censored is not None:
        known.merge(censored)
    percentiles = {percent: _percentile(known, percent) for percent in FLOORS}
    lowest = None if censored is None else censored.minimum
    return {
        "n": sketch.count,
        "censored": 0 if censored is None else censored.count,
        "mean": rounded(sketch.mean),
        "min": rounded(sketch.minimum),
        **{name(percent): rounded(value) for percent, value in percentiles.items()},
        "max": rounded(sketch.maximum),
        "intervals": {
            name(percent): None if value is None else _interval(known, percent)
            for percent, value in percentiles.items()
        },
        "too_few": {name(percent): floor for percent, floor in FLOORS.items() if known.count < floor},
        "at_least": [
            name(percent)
            for percent, value in percentiles.items()
            if lowest is not None and value is not None and lowest <= value * (1 + RELATIVE_ERROR)
        ],
    }


def name(percent: float) -> str:
    """The percentile's name: p50, p99.9."""
    return f"p{percent:g}"


def highest(found: Mapping[str, Any]) -> str | None:
    """The name of the highest percentile up to p99 that the samples of a spread carry; None when there is none."""
    return next((name(percent) for percent in (99, 95, 90, 50) if found[name(percent)] is not None), None)


def _percentile(sketch: Sketch, percent: float) -> float | None:
    return sketch.percentile(percent) if sketch.count >= FLOORS[percent] else None


def _interval(sketch: Sketch, percent: float) -> list[float | None]:
    low, high = order_ranks(percent / 100, sketch.count, CONFIDENCE)
    return [None if rank is None else rounded(sketch.at_rank(rank)) for rank in (low, high)]
