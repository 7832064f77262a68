"""Intervals against what is known of them."""

from __future__ import annotations

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.load.estimators.bootstrap import interval, mean_draws, percentile_draws
from mixtral_contract.load.estimators.confidence import wilson


def _chance(seed: int = 1) -> random.Random:
    return random.Random(seed)  # noqa: S311 -- repeatable on purpose


def test_interval__of_a_mean_is_that_of_theory() -> None:
    """Of 400 values with deviation 1: 1.96 / 20 to both sides."""
    chance = _chance()
    values = [chance.gauss(10, 1) for _ in range(400)]
    low, high = interval(mean_draws(values, chance, draws=2000), 0.95)
    assert high - low == pytest.approx(2 * 1.96 / 20, rel=0.1)
    assert low < statistics.fmean(values) < high


def test_interval__covers_the_truth_as_often_as_it_says() -> None:
    """The median of an exponential distribution, 200 runs of 60 s with 10 requests each: 95 %, give or take chance."""
    chance = _chance(5)
    truth, covered = 0.6931471805599453, 0
    for _ in range(200):
        blocks = [[chance.expovariate(1) for _ in range(10)] for _ in range(60)]
        low, high = interval(percentile_draws(blocks, 50, chance, draws=200), 0.95)
        covered += low <= truth <= high
    assert 178 <= covered <= 200


def test_blocks__that_hang_together_make_it_wider() -> None:
    """Requests of one second that are all alike are one sample, not ten."""
    chance = _chance()
    alike = [[value] * 10 for value in (chance.random() for _ in range(30))]
    apart = [[chance.random() for _ in range(10)] for _ in range(30)]

    def width(blocks: list[list[float]]) -> float:
        low, high = interval(percentile_draws(blocks, 50, chance), 0.95)
        return high - low

    assert width(alike) > 2 * width(apart)


@given(st.lists(st.lists(st.floats(0, 1e6), min_size=1, max_size=5), min_size=1, max_size=8), st.floats(1, 99))
def test_draws__are_values_of_the_run(blocks: list[list[float]], percent: float) -> None:
    """Nothing is made up between them."""
    values = {value for block in blocks for value in block}
    assert set(percentile_draws(blocks, percent, _chance(), draws=20)) <= values


def test_same_seed__same_interval() -> None:
    """A comparison can be repeated."""
    blocks = [[float(index), float(index * 2)] for index in range(20)]
    assert percentile_draws(blocks, 90, _chance(3)) == percentile_draws(blocks, 90, _chance(3))


@pytest.mark.parametrize("blocks", [[], [[], []]])
def test_no_value__is_no_interval(blocks: list[list[float]]) -> None:
    """And is said so."""
    with pytest.raises(ValueError, match="expected values, got none"):
        percentile_draws(blocks, 50, _chance())
    with pytest.raises(ValueError, match="expected values, got none"):
        mean_draws([], _chance())


@pytest.mark.parametrize(
    ("successes", "trials", "expected"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), table I, method 3
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_wilson__is_as_published(successes: int, trials: int, expected: tuple[float, float]) -> None:
    """To four digits."""
    assert wilson(successes, trials, 0.95) == pytest.approx(expected, abs=0.0001)


def test_wilson__without_a_trial_knows_nothing() -> None:
    """From none to all."""
    assert wilson(0, 0, 0.95) == (0.0, 1.0)
    assert wilson(5, 5, 0.95)[1] == 1.0
