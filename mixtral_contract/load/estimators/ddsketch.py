"""A mergeable summary of many values: counts in logarithmic buckets, so that a percentile is off by 0.1 % at most.

Sketches of several workers add up to the sketch of all their values, which percentiles of workers never do.

Source: DDSketch (Masson, Rim, Lee, VLDB 2019), section 2, without the limit on the number of buckets.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

RELATIVE_ERROR = 0.001
"""How far a percentile may be from the sample that it stands for, as a share of that sample."""

_GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GAMMA = math.log(_GAMMA)


class Sketch:
    """Counts of values that are not negative; count, sum, minimum and maximum are exact."""

    __slots__ = ("_counts", "count", "maximum", "minimum", "total", "zeros")

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.minimum: float | None = None
        self.maximum: float | None = None
        self.zeros = 0
        self._counts: dict[int, int] = {}

    def add(self, value: float, count: int = 1) -> None:
        """Counts a value, `count` times.

        Raises: ValueError when the value is negative or no finite number.
        """
        if not 0 <= value < math.inf:
            raise ValueError(f"sketch: expected a finite value that is not negative, got {value!r}")
        if not count:
            return
        self.count += count
        self.total += value * count
        self.minimum = value if self.minimum is None else min(self.minimum, value)
        self.maximum = value if self.maximum is None else max(self.maximum, value)
        if value == 0:
            self.zeros += count
        else:
            key = math.ceil(math.log(value) / _LOG_GAMMA)
            self._counts[key] = self._counts.get(key, 0) + count

    def add_all(self, values: Sequence[float]) -> None:
        """Counts each of some values.

        Raises: ValueError as `add` does, with none of them counted.
        """
        if not values:
            return
        least, most, total = min(values), max(values), sum(values)
        if not (least >= 0 and total < math.inf):
            raise ValueError(f"sketch: expected finite values that are not negative, got {least!r} to {most!r}")
        self.count += len(values)
        self.total += total
        self.minimum = least if self.minimum is None else min(self.minimum, least)
        self.maximum = most if self.maximum is None else max(self.maximum, most)
        keys = [math.ceil(math.log(value) / _LOG_GAMMA) for value in values if value]
        self.zeros += len(values) - len(keys)
        for key, count in Counter(keys).items():
            self._counts[key] = self._counts.get(key, 0) + count

    def merge(self, other: Sketch) -> None:
        """Adds all values of another sketch."""
        self.count += other.count
        self.total += other.total
        self.zeros += other.zeros
        self.minimum = min((bound for bound in (self.minimum, other.minimum) if bound is not None), default=None)
        self.maximum = max((bound for bound in (self.maximum, other.maximum) if bound is not None), default=None)
        for key, count in other._counts.items():
            self._counts[key] = self._counts.get(key, 0) + count

    @property
    def mean(self) -> float | None:
        """The mean of all values, exact; None when there are none."""
        return self.total / self.count if self.count else None

    def percentile(self, percent: float) -> float | None:
        """The smallest value that `percent` percent of all values do not exceed (nearest rank); None without values."""
        return self.at_rank(max(1, math.ceil(percent * self.count / 100 - 1e-9)))

    def at_rank(self, rank: int) -> float | None:
        """The value that is the `rank`-th smallest, from 1 to the count; None without values."""
        if self.minimum is None or self.maximum is None:
            return None
        seen = self.zeros
        if rank <= seen:
            return 0.0
        for key in sorted(self._counts):
            seen += self._counts[key]
            if rank <= seen:
                return min(max(2 * _GAMMA**key / (_GAMMA + 1), self.minimum), self.maximum)
        return self.maximum

    def buckets(self) -> list[tuple[float, float, int]]:
        """(low, high, values above `low` and not above `high`) in order; zeros are counted apart."""
        return [(_GAMMA ** (key - 1), _GAMMA**key, self._counts[key]) for key in sorted(self._counts)]

    def to_wire(self) -> dict[str, Any]:
        """The sketch in JSON's types."""
        return {
            "count": self.count,
            "total": self.total,
            "minimum": self.minimum,
            "maximum": self.maximum,
            "zeros": self.zeros,
            "keys": list(self._counts),
            "counts": list(self._counts.values()),
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Sketch:
        """The sketch that `to_wire` wrote."""
        sketch = cls()
        sketch.count = wire["count"]
        sketch.total = wire["total"]
        sketch.minimum = wire["minimum"]
        sketch.maximum = wire["maximum"]
        sketch.zeros = wire["zeros"]
        sketch._counts = dict(zip(wire["keys"], wire["counts"], strict=True))
        return sketch
