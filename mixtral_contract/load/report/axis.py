"""Axes: where ticks stand, and where a value stands between the ends of a scale."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

_STEPS = (1, 2, 5, 10)
_LOG_FROM = 8
"""From this ratio of the ends on, ticks at 1, 2, 5, 10, ... divide a logarithmic scale better than equal steps."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps values from `low` to `high` to positions from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """The value's position; one outside the scale stands at its end."""
        low, high, at = self.low, self.high, min(max(value, self.low), self.high)
        if self.logarithmic:
            low, high, at = math.log(low), math.log(high), math.log(at)
        return self.start + (self.end - self.start) * (at - low) / (high - low)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """At most `most` round values between the two, equal steps apart."""
    raw = (high - low) / most
    if raw < sys.float_info.min:  # also where there is less between the two than a division leaves
        return [low]
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in _STEPS if factor * power >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    found = [index * step for index in range(first, last + 1)]
    return found[: most + 1]


def log_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values between the two for a logarithmic scale; `low` is above 0."""
    if high / low < _LOG_FROM:
        return ticks(low, high, most)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        found = [factor * 10.0**power for power in powers for factor in factors if low <= factor * 10.0**power <= high]
        if len(found) <= most:
            return found
    return found[:: -(-len(found) // most)]


def labels(values: Sequence[float]) -> list[str]:
    """The values as text, as short as tells them apart."""
    return [f"{value:.6g}" for value in values]


def top(highest: float) -> float:
    """A round end for an axis from 0 that holds the value."""
    raw = highest / 4
    if raw < sys.float_info.min:
        return 1.0
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * (1 - 1e-9))
    return step * math.ceil(highest / step - 1e-9)
