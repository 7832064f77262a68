"""Whether a server keeps up, from the requests under way in each second."""

from __future__ import annotations

import math
import random

import pytest

from mixtral_contract.load.counts.backlog import backlog


@pytest.mark.parametrize(
    ("rate_per_s", "served_per_s", "start_s", "end_s", "grows"),
    [
        (22, 18, 0, 30, True),
        (22, 18, 20, 30, True),
        (22, 18, 60, 70, True),
        (20, 19, 30, 90, True),
        (18, 22, 20, 30, False),
        (18, 22, 0, 60, False),
        (18, 18.1, 20, 60, False),
    ],
)
def test_overload__is_found_behind_any_warmup(
    rate_per_s: float,
    served_per_s: float,
    start_s: float,
    end_s: float,
    grows: bool,  # noqa: FBT001
) -> None:
    """A server that does one request after the other, offered evenly spaced ones."""
    ends_s, free_s = [], 0.0
    for index in range(round(rate_per_s * end_s)):
        free_s = max(free_s, index / rate_per_s) + 1 / served_per_s
        ends_s.append(free_s)
    in_flight, longest_s = _observed(rate_per_s, ends_s, start_s, end_s)
    found = backlog(in_flight, start_s, end_s, load_since_s=0, longest_s=longest_s, offered_per_s=rate_per_s)
    assert found.grows == grows
    assert found.at_end == in_flight[int(end_s) - 1]


def test_slow_server_that_keeps_up__is_not_blamed() -> None:
    """Answers of 5 s at random times, 20 a second: about a hundred under way, never the same number."""
    blamed = 0
    for seed in range(200):
        chance = random.Random(seed)  # noqa: S311 -- repeatable on purpose
        due_s = [0.0]
        while due_s[-1] < 40:
            due_s.append(due_s[-1] + chance.expovariate(20))
        ends_s = [each + chance.uniform(4, 6) for each in due_s]
        in_flight = [
            sum(due < second <= end for due, end in zip(due_s, ends_s, strict=True)) for second in range(1, 41)
        ]
        blamed += backlog(in_flight, 10, 40, load_since_s=0, longest_s=5.9, offered_per_s=20).grows
    assert blamed <= 4


def test_load_of_a_later_stage__is_judged_from_its_beginning() -> None:
    """What earlier stages had under way is another load."""
    in_flight = [1] * 10 + [5] * 10 + [20] * 20
    assert not backlog(in_flight, 22, 40, load_since_s=20, longest_s=0.5, offered_per_s=40).grows


def _observed(rate_per_s: float, ends_s: list[float], start_s: float, end_s: float) -> tuple[list[int], float]:
    """The requests under way at the end of each second, and how long nearly all of the window took."""
    due_s = [index / rate_per_s for index in range(len(ends_s))]
    pairs = list(zip(due_s, ends_s, strict=True))
    in_flight = [sum(due < second <= end for due, end in pairs) for second in range(1, math.floor(end_s) + 1)]
    took_s = sorted(end - due for due, end in pairs if due >= start_s)
    return in_flight, took_s[int(0.95 * len(took_s))]
