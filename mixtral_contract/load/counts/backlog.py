"""Whether the server of an open loop keeps up: how many requests were under way at both ends of the window.

What piles up in a long warm-up is as large at the window's beginning as at its end, so that no ratio of the two tells
it: the number under way is followed from the moment at which the load's first requests had ended, warm-up or not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mixtral_contract.load.estimators.queue_trend import BLOCKS, trend

LEAST_GROWTH, GROWTH_SHARE = 5, 0.05
"""So many requests more, and so large a part of what was offered meanwhile, are a backlog that grows."""

_LEAST_S = 3
_CHANCE = 3.0
"""A steady queue of N may end a few seconds by so many roots of N away from where it began."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Requests under way at the window's ends; `grows`: surely more and more, at a load that stays the same."""

    at_start: int
    at_end: int
    grows: bool


def backlog(
    in_flight: Sequence[int],
    start_s: float,
    end_s: float,
    *,
    load_since_s: float,
    longest_s: float,
    offered_per_s: float,
) -> Backlog:
    """The backlog of a window; `in_flight` are the requests under way at the end of each second of the run.

    `load_since_s` is when the load began, `longest_s` how long nearly all requests took: for so long their number grows
    at any load.
    """
    steady_s = math.ceil(load_since_s + longest_s)
    from_s = max(math.ceil(start_s), steady_s)
    growth = _at(in_flight, end_s) - _at(in_flight, from_s)
    is_much = growth >= max(LEAST_GROWTH, GROWTH_SHARE * offered_per_s * (end_s - from_s))
    grows = end_s - from_s >= _LEAST_S and is_much and _is_steady(in_flight[steady_s : int(end_s)], growth)
    return Backlog(_at(in_flight, start_s), _at(in_flight, end_s), grows)


def _is_steady(samples: Sequence[int], growth: int) -> bool:
    """Whether the growth is that of all these seconds, and no chance."""
    if len(samples) >= BLOCKS:
        return trend(samples, len(samples)).grows
    return growth > _CHANCE * math.sqrt(max(1.0, sum(samples) / max(1, len(samples))))


def _at(in_flight: Sequence[int], time_s: float) -> int:
    if not in_flight or time_s < 1:
        return 0
    return in_flight[min(int(time_s), len(in_flight)) - 1]
