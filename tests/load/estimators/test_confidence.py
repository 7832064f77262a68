"""Intervals that assume no distribution."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.load.estimators.confidence import order_ranks


def chance_of(share: float, count: int, low: int | None, high: int | None) -> float:
    """P(the quantile lies between these samples): that at least `low` and fewer than `high` lie below it."""
    below = range(low or 0, count + 1 if high is None else high)
    return sum(math.comb(count, k) * share**k * (1 - share) ** (count - k) for k in below)


@given(st.sampled_from([0.5, 0.9, 0.95, 0.99]), st.integers(1, 300))
def test_ranks__hold_the_quantile_as_often_as_promised(share: float, count: int) -> None:
    """At least 99 % of the time, and not by being wider than a sample on each side."""
    low, high = order_ranks(share, count, 0.99)
    assert chance_of(share, count, low, high) >= 0.99 - 1e-9
    if low is not None:
        assert chance_of(share, count, None, low + 1) > 0.005
    if high is not None and high > 1:
        assert chance_of(share, count, high - 1, None) > 0.005


@pytest.mark.parametrize("count", [3_590, 3_610, 1_000_000])
def test_ranks_of_many__are_those_of_the_binomial(count: int) -> None:
    """Where the normal takes over, nothing jumps; of a million it takes no time."""
    low, high = order_ranks(0.5, count, 0.99)
    assert low is not None
    assert high is not None
    wide = 2.576 * math.sqrt(count) / 2
    assert count / 2 - low == pytest.approx(wide, abs=3)
    assert high - count / 2 == pytest.approx(wide, abs=3)


def test_ranks__hold_the_median_of_draws() -> None:
    """Of 400 samples of 100 exponential values about 4 miss ln 2."""
    chance = random.Random(1)  # noqa: S311 -- repeatable on purpose
    missed = 0
    for _ in range(400):
        values = sorted(chance.expovariate(1) for _ in range(100))
        low, high = order_ranks(0.5, 100, 0.99)
        assert low is not None
        assert high is not None
        missed += not values[low - 1] <= math.log(2) <= values[high - 1]
    assert missed <= 10
