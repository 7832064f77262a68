"""Counts and times, kept without an object per step."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.mock.timing.token_times import EvenTimes, RecordedTimes, by_token, size, times

NS = st.integers(0, 2**62)
PAIRS = st.lists(st.tuples(st.integers(0, 2**31), NS), max_size=20)


def _are(steps: EvenTimes | RecordedTimes, pairs: list[tuple[int, int]]) -> None:
    assert list(steps) == pairs
    assert [steps[index] for index in range(-len(pairs), len(pairs))] == pairs + pairs
    assert steps[1:4] == pairs[1:4]
    assert (len(steps), bool(steps), steps == pairs) == (len(pairs), bool(pairs), True)
    assert list(times(steps)) == times(pairs) == [ns for _, ns in pairs]
    assert steps != [*pairs, (1, 1)]


@given(first_ns=NS, step_ns=st.integers(1, 10**12), made=st.integers(0, 30))
def test_beats__are_one_token_each_at_one_distance(first_ns: int, step_ns: int, made: int) -> None:
    """As a list of pairs would be."""
    _are(EvenTimes(first_ns, step_ns, made), [(index + 1, first_ns + index * step_ns) for index in range(made)])


@given(pairs=PAIRS)
def test_stamps__are_what_was_added(pairs: list[tuple[int, int]]) -> None:
    """One after the other, or all at first."""
    added = RecordedTimes()
    for count, at_ns in pairs:
        added.append(count, at_ns)
    _are(added, pairs)
    _are(RecordedTimes(pairs), pairs)


def test_size__is_what_they_occupy() -> None:
    """In a journal that is bounded in bytes."""
    many = RecordedTimes([(index, 10**18 + index) for index in range(1000)])
    assert 16_000 <= size(many) < 18_000
    assert size([(1, 1)] * 10) == 80
    assert size(EvenTimes(0, 1, 1000)) < 100


def test_by_token__gives_each_token_its_time() -> None:
    """Tokens that left together left at one time."""
    assert by_token([(1, 10), (4, 20), (5, 30)]) == [10, 20, 20, 20, 30]
    assert by_token(RecordedTimes([(2, 7)])) == [7, 7]
    assert by_token([]) == []
