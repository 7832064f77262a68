"""How sure a percentile or a rate of a run is: the run is drawn anew, second by second, many times.

Requests of one second share the server's state, so they are no independent samples; whole seconds nearly are. That is a
block bootstrap with fixed blocks (Künsch, Annals of Statistics 1989). Pure: values and a generator in, replicates out.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

DRAWS = 500
"""How many times a run is drawn anew: enough for an interval of 95 %, whose ends are the 13th values from each side."""

MOST_VALUES = 20_000
"""Beyond as many values a percentile is drawn from every n-th of them."""


def percentile_draws(
    blocks: Sequence[Sequence[float]], percent: float, chance: random.Random, draws: int = DRAWS
) -> list[float]:
    """The percentile (nearest rank) in each draw; a block is the values of one second.

    Raises: ValueError when there is no value at all.
    """
    marked = sorted((value, index) for index, block in enumerate(blocks) for value in block)
    if not marked:
        raise ValueError("bootstrap: expected values, got none")
    marked = marked[:: -(-len(marked) // MOST_VALUES)]
    return [_weighted(marked, _times(len(blocks), chance), percent) for _ in range(draws)]


def mean_draws(values: Sequence[float], chance: random.Random, draws: int = DRAWS) -> list[float]:
    """The mean in each draw of one value per second.

    Raises: ValueError when there is no value at all.
    """
    if not values:
        raise ValueError("bootstrap: expected values, got none")
    return [sum(chance.choices(values, k=len(values))) / len(values) for _ in range(draws)]


def interval(draws: Sequence[float], confidence: float) -> tuple[float, float]:
    """The middle part of the draws that holds `confidence` of them."""
    ordered = sorted(draws)
    outside = (1 - confidence) / 2
    low = min(len(ordered) - 1, math.floor(outside * len(ordered)))
    return ordered[low], ordered[len(ordered) - 1 - low]


def _times(blocks: int, chance: random.Random) -> list[int]:
    """How often each block is drawn when as many are drawn as there are."""
    times = [0] * blocks
    for index in chance.choices(range(blocks), k=blocks):
        times[index] += 1
    return times


def _weighted(marked: Sequence[tuple[float, int]], times: Sequence[int], percent: float) -> float:
    """The percentile of values of which each counts as often as its block was drawn."""
    total = sum(times[index] for _, index in marked)
    rank, seen = max(1, math.ceil(percent * total / 100 - 1e-9)), 0
    for value, index in marked:
        seen += times[index]
        if seen >= rank:
            return value
    return marked[-1][0]
