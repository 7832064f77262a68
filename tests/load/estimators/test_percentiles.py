"""Percentiles and whether they can be relied on."""

from __future__ import annotations

import pytest

from mixtral_contract.load.estimators.percentiles import FLOORS, highest, name, percentiles_of
from tests.load.estimators.test_ddsketch import sketch_of


@pytest.mark.parametrize(("percent", "floor"), FLOORS.items())
def test_percentile__is_enough_from_its_floor_on(percent: float, floor: int) -> None:
    """One sample less, and there is none, but a reason."""
    enough, few = percentiles_of(sketch_of([1.0] * floor)), percentiles_of(sketch_of([1.0] * (floor - 1)))
    assert (enough[name(percent)], few[name(percent)]) == (1.0, None)
    assert name(percent) not in enough["too_few"]
    assert few["too_few"][name(percent)] == floor


def test_spread__of_hand_computed_values() -> None:
    """1 to 1000: nearest rank, exact mean and extremes."""
    found = percentiles_of(sketch_of([float(value) for value in range(1, 1001)]))
    assert (found["n"], found["mean"], found["min"], found["max"]) == (1000, 500.5, 1.0, 1000.0)
    assert [found[name] for name in ("p50", "p90", "p95", "p99")] == pytest.approx([500, 900, 950, 990], rel=0.001)


def test_spread__without_samples_has_no_values() -> None:
    """None, not 0."""
    found = percentiles_of(sketch_of([]))
    assert found["n"] == 0
    assert all(found[name] is None for name in ("mean", "min", "p50", "p90", "p95", "p99", "max"))


def test_interval__is_that_of_the_order_statistics() -> None:
    """The median of 1 to 1000 at 99 %: between the 460th and the 541st, as tables of the binomial say."""
    low, high = percentiles_of(sketch_of([float(value) for value in range(1, 1001)]))["intervals"]["p50"]
    assert low == pytest.approx(460, abs=1.5)
    assert high == pytest.approx(541, abs=1.5)


def test_censored_values__are_lower_bounds() -> None:
    """Of 20 requests 12 took 1 ms; 8 were cut off after 5 ms, so that p50 is known, and p90 of 100 is at least 5."""
    known = percentiles_of(sketch_of([1.0] * 12), sketch_of([5.0] * 8))
    assert (known["n"], known["censored"], known["p50"], known["mean"], known["max"]) == (12, 8, 1.0, 1.0, 1.0)
    assert known["at_least"] == []
    bounded = percentiles_of(sketch_of([1.0] * 60), sketch_of([5.0] * 40))
    assert bounded["p90"] == pytest.approx(5, rel=0.001)
    assert bounded["at_least"] == ["p90"]


def test_censored_early__leaves_no_percentile_sure() -> None:
    """What was cut off at once may have taken any time."""
    assert percentiles_of(sketch_of([1.0] * 12), sketch_of([0.5]))["at_least"] == ["p50"]


@pytest.mark.parametrize(("count", "found"), [(10, None), (11, "p50"), (64, "p90"), (130, "p95"), (7000, "p99")])
def test_highest_percentile__is_one_that_the_samples_carry(count: int, found: str | None) -> None:
    """For those who judge by the worst that is known."""
    assert highest(percentiles_of(sketch_of([1.0] * count))) == found
