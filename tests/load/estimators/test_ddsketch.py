"""The sketch: how near its percentiles are, and that sketches add up."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.load.estimators.ddsketch import RELATIVE_ERROR, Sketch

VALUES = st.one_of(st.just(0.0), st.floats(min_value=1e-6, max_value=1e9))


def sketch_of(values: list[float]) -> Sketch:
    """The sketch of these values."""
    sketch = Sketch()
    for value in values:
        sketch.add(value)
    return sketch


@given(st.lists(VALUES, min_size=1, max_size=200), st.sampled_from([1, 50, 90, 95, 99, 100]))
def test_percentile__is_near_the_sample_of_that_rank(values: list[float], percent: int) -> None:
    """Nearest rank, within the stated error."""
    expected = sorted(values)[max(1, math.ceil(percent * len(values) / 100)) - 1]
    found = sketch_of(values).percentile(percent)
    assert found == pytest.approx(expected, rel=RELATIVE_ERROR * 1.000001, abs=0)


@given(st.lists(VALUES, max_size=100), st.lists(VALUES, max_size=100))
def test_merge__is_the_sketch_of_all_values(left: list[float], right: list[float]) -> None:
    """Nothing tells whether values were counted in one process or in two."""
    merged = sketch_of(left)
    merged.merge(sketch_of(right))
    whole = sketch_of(left + right)
    assert merged.buckets() == whole.buckets()
    assert (merged.count, merged.zeros, merged.minimum, merged.maximum) == (
        whole.count,
        whole.zeros,
        whole.minimum,
        whole.maximum,
    )
    assert merged.total == pytest.approx(whole.total)


@given(st.lists(VALUES, max_size=50))
def test_wire__brings_the_sketch_back(values: list[float]) -> None:
    """What went through JSON gives the same answers."""
    sketch = sketch_of(values)
    again = Sketch.from_wire(json.loads(json.dumps(sketch.to_wire())))
    assert again.to_wire() == sketch.to_wire()
    assert again.percentile(50) == sketch.percentile(50)


def test_empty_sketch__has_no_values() -> None:
    """No sample is None, not 0."""
    assert Sketch().percentile(50) is None
    assert Sketch().mean is None


def test_mean_and_extremes__are_exact() -> None:
    """Only percentiles are approximations."""
    sketch = sketch_of([1.5, 2.5, 11.0])
    assert (sketch.mean, sketch.minimum, sketch.maximum) == (5.0, 1.5, 11.0)


def test_count__stands_for_so_many_values() -> None:
    """Three zeros at once are three zeros; none at all is nothing."""
    sketch = sketch_of([4.0])
    sketch.add(0.0, 3)
    sketch.add(8.0, 0)
    assert (sketch.count, sketch.zeros, sketch.percentile(75), sketch.maximum) == (4, 3, 0.0, 4.0)


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_value__must_be_a_time(value: float) -> None:
    """A negative or endless time is a bug of the caller."""
    with pytest.raises(ValueError, match="not negative"):
        Sketch().add(value)
    sketch = Sketch()
    with pytest.raises(ValueError, match="not negative"):
        sketch.add_all([1.0, value, 2.0])
    assert sketch.count == 0


@given(values=st.lists(st.floats(0, 1e9)), before=st.lists(st.floats(0, 1e9)))
def test_all_at_once__are_as_one_by_one(values: list[float], before: list[float]) -> None:
    """To the same sketch."""
    single, together = sketch_of([*before, *values]), sketch_of(before)
    together.add_all(values)
    assert together.total == pytest.approx(single.total)
    assert {**together.to_wire(), "total": 0} == {**single.to_wire(), "total": 0}
