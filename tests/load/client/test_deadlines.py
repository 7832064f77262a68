"""Deadlines by themselves, at times that a test says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.load.client.deadlines import Deadlines


def fired(deadlines: Deadlines, now_ns: int) -> int:
    """How many are due by then; each is called."""
    count = 0
    while (call := deadlines.pop_due(now_ns)) is not None:
        call()
        count += 1
    return count


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=300), st.integers(0, 50))
def test_deadlines__are_called_in_order_once_and_not_early(planned: list[tuple[int, bool]], now_ns: int) -> None:
    """Those that are due and not cancelled, the earliest first."""
    deadlines, called = Deadlines(), list[int]()
    made = [
        (deadlines.add(at_ns, lambda at_ns=at_ns: called.append(at_ns)), cancelled)  # type: ignore[misc]
        for at_ns, cancelled in planned
    ]
    for deadline, cancelled in made:
        if cancelled:
            deadlines.cancel(deadline)
    fired(deadlines, now_ns)
    kept = sorted(at_ns for at_ns, cancelled in planned if not cancelled)
    assert called == [at_ns for at_ns in kept if at_ns <= now_ns]
    assert deadlines.next_ns() == next((at_ns for at_ns in kept if at_ns > now_ns), None)
    assert fired(deadlines, now_ns) == 0


def test_cancelled_deadlines__do_not_pile_up() -> None:
    """A request ends long before its time-out: ten thousand of them leave nothing behind."""
    deadlines = Deadlines()
    for _ in range(10_000):
        deadlines.cancel(deadlines.add(10**12, lambda: None))
    assert len(deadlines) == 0
    assert len(deadlines._heap) < 200


def test_past_deadline__can_be_cancelled() -> None:
    """Whoever ends when its time is over takes its time-out back all the same."""
    deadlines = Deadlines()
    first = deadlines.add(1, lambda: None)
    deadlines.add(2, lambda: None)
    assert fired(deadlines, 1) == 1
    deadlines.cancel(first)
    assert len(deadlines) == 1
