"""Whether the requests under way become more and more: the slope of their number over time, and how sure it is.

What is under way now was largely under way a moment ago, so that neighbouring samples say almost the same: the line is
laid through the means of a few long blocks, and its error comes from those.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

BLOCKS = 10
_T = 2.896
"""Student's t for 8 degrees of freedom, 99 % one-sided: the slope's error comes from 10 blocks."""

_CHANCE = 2.0
"""A steady queue of N may end its window about the root of N away from where it began; less growth is none."""


@dataclass(frozen=True, slots=True)
class Trend:
    """The mean number under way, its slope per second with a 98 % interval, over how many seconds; None is unknown."""

    mean: float | None = None
    slope_per_s: float | None = None
    interval: tuple[float, float] | None = None
    seconds: float = 0.0

    @property
    def is_known(self) -> bool:
        """Whether there were samples enough."""
        return self.slope_per_s is not None

    @property
    def grows(self) -> bool:
        """Whether it surely grows, and by more than chance makes of a steady queue."""
        if self.slope_per_s is None or self.interval is None or self.mean is None:
            return False
        return self.interval[0] > 0 and self.slope_per_s * self.seconds > _CHANCE * math.sqrt(max(1.0, self.mean))


def trend(samples: Sequence[float], seconds: float) -> Trend:
    """The trend of samples that were taken evenly over so many seconds; an unknown one for fewer than blocks."""
    size = len(samples) // BLOCKS
    if not size or seconds <= 0:
        return Trend()
    # what does not fill a block is left out at the beginning: the end is what grows
    kept = samples[len(samples) - size * BLOCKS :]
    means = [sum(kept[start : start + size]) / size for start in range(0, len(kept), size)]
    covered_s = seconds * len(kept) / len(samples)
    block_s = covered_s / BLOCKS
    times = [(index - (BLOCKS - 1) / 2) * block_s for index in range(BLOCKS)]
    middle = sum(means) / BLOCKS
    squares = sum(time * time for time in times)
    slope = sum(time * mean for time, mean in zip(times, means, strict=True)) / squares
    residual = sum((mean - middle - slope * time) ** 2 for time, mean in zip(times, means, strict=True))
    half = _T * math.sqrt(residual / (BLOCKS - 2) / squares)
    return Trend(middle, slope, (slope - half, slope + half), covered_s)
