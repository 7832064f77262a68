"""A sample of pairs: fair, small, and the same however its parts were merged."""

from __future__ import annotations

import json
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.load.estimators.bottom_k_sample import MOST, Sample


def sample(numbers: Sequence[int], worker: int = 0) -> Sample:
    """A worker's requests of these numbers, each with its number twice."""
    made = Sample()
    for number in numbers:
        made.add(worker, number, number, number / 2)
    return made


@given(st.integers(0, 3 * MOST), st.integers(0, 3 * MOST))
def test_sample__does_not_depend_on_how_it_was_merged(first: int, second: int) -> None:
    """Deltas of a worker, passed on as JSON, add up to what it would have kept by itself."""
    merged = Sample()
    for part in (range(first), range(first, first + second)):
        merged.merge(Sample.from_wire(json.loads(json.dumps(sample(part).to_wire()))))
    whole = sample(range(first + second))
    assert merged.points() == whole.points()
    assert merged.count == whole.count == first + second
    assert len(whole.points()) == min(MOST, first + second)


def test_sample__is_fair() -> None:
    """Of 20,000 requests of two workers each tenth of the numbers, and each worker, has about its share."""
    merged = sample(range(10_000))
    merged.merge(sample(range(10_000, 20_000), worker=1))
    tenths = [0] * 10
    for x, _ in merged.points():
        tenths[int(x) // 2000] += 1
    # 50 are expected in each; six standard deviations are 40
    assert all(10 <= count <= 90 for count in tenths)
