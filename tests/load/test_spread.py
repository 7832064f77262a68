"""Percentiles and whether they can be relied on."""

from __future__ import annotations

import pytest

from load._spread import FLOORS, spread
from tests.load.test_sketch import sketch_of


@pytest.mark.parametrize(("percent", "floor"), FLOORS.items())
def test_percentile__is_enough_from_its_floor_on(percent: int, floor: int) -> None:
    """One sample less, and it is marked."""
    assert spread(sketch_of([1.0] * floor))["enough"][f"p{percent}"]
    assert not spread(sketch_of([1.0] * (floor - 1)))["enough"][f"p{percent}"]


def test_spread__of_hand_computed_values() -> None:
    """1 to 100: nearest rank, exact mean and extremes."""
    found = spread(sketch_of([float(value) for value in range(1, 101)]))
    assert (found["n"], found["mean"], found["min"], found["max"]) == (100, 50.5, 1.0, 100.0)
    assert [found[name] for name in ("p50", "p90", "p95", "p99")] == pytest.approx([50, 90, 95, 99], rel=0.001)


def test_spread__without_samples_has_no_values() -> None:
    """None, not 0."""
    found = spread(sketch_of([]))
    assert found["n"] == 0
    assert all(found[name] is None for name in ("mean", "min", "p50", "p90", "p95", "p99", "max"))
