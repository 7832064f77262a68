from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.mock.timing.engine import Engine, Generation, Load, Overload, Pace, Steady

MS = 1_000_000
TIMES = st.just(0) | st.integers(0, 500 * MS)
PACES = st.builds(Pace, ttft_ns=TIMES, itl_ns=TIMES)


class _Told:
    """A generation that notes how many tokens were due whenever it was told."""

    def __init__(self, tokens: int, *, together: bool = False) -> None:
        self.due: list[int] = []
        self.begun = self.promised = 0
        self.refused: list[Overload] = []
        self.generation = Generation(
            tokens=tokens,
            prompt_tokens=10,
            begin=self._begin,
            deliver=self._deliver,
            refuse=self.refused.append,
            together=together,
        )

    def _begin(self) -> None:
        assert not self.due, "a turn begins before its first token is due"
        self.begun += 1

    def _deliver(self) -> None:
        if self.generation.due:
            self.due.append(self.generation.due)
        else:
            self.promised += 1


def _run(engine: Engine, until_ns: int) -> list[int]:
    """Lets the engine pass from deadline to deadline; the deadlines."""
    passes = []
    while engine.next_ns is not None and engine.next_ns <= until_ns:
        passes.append(engine.next_ns)
        engine.release(engine.next_ns)
    return passes


def test_tokens__are_due_at_absolute_deadlines() -> None:
    """At start + ttft + k * itl, however late the pass before was."""
    engine, told = Engine(Pace(100 * MS, 10 * MS)), _Told(5)
    engine.start(told.generation, 0, 0)
    assert engine.next_ns == 100 * MS
    engine.release(127 * MS)  # three tokens were due when the loop came around
    assert told.due == [3]
    assert engine.next_ns == 130 * MS
    assert _run(engine, 1000 * MS) == [130 * MS, 140 * MS]
    assert told.due == [3, 4, 5]


@given(pace=PACES, tokens=st.integers(1, 30), passes=st.lists(st.integers(0, 200 * MS), max_size=30))
def test_token__never_leaves_early_and_never_stays_when_due(pace: Pace, tokens: int, passes: list[int]) -> None:
    """Whenever the engine looks, exactly the tokens whose deadline has come are due."""
    engine, told = Engine(pace), _Told(tokens)
    now_ns = 0
    engine.start(told.generation, 0, 0)
    for step_ns in passes:
        now_ns += step_ns
        engine.release(now_ns)
        assert told.generation.due == sum(pace.due_ns(0, index) <= now_ns for index in range(tokens))
    assert told.due == sorted(set(told.due))


@given(pace=PACES, tokens=st.integers(1, 30))
def test_together__is_delivered_once_with_the_last_token(pace: Pace, tokens: int) -> None:
    """A whole answer leaves when its last token would have."""
    engine, told = Engine(pace), _Told(tokens, together=True)
    engine.start(told.generation, 0, 0)
    last_ns = pace.due_ns(0, tokens - 1)
    engine.release(last_ns - 1)
    assert told.due == ([tokens] if last_ns == 0 else [])
    engine.release(last_ns)
    assert told.due == [tokens]
    assert engine.next_ns is None


def test_instant__is_delivered_before_start_returns() -> None:
    """Without a pace nothing waits."""
    engine, told = Engine(Pace()), _Told(7)
    engine.start(told.generation, 5, 5)
    assert told.due == [7]
    assert engine.next_ns is None


def test_late_start__keeps_the_deadlines_of_the_request() -> None:
    """Time that went into reading the request is part of the time to the first token."""
    engine, told = Engine(Pace(100 * MS, 10 * MS)), _Told(4)
    engine.start(told.generation, 0, 115 * MS)
    assert told.due == [2]
    assert engine.next_ns == 120 * MS


@given(
    pace=PACES,
    starts=st.lists(st.tuples(st.integers(0, 50 * MS), st.integers(0, 30 * MS)), min_size=1, max_size=20),
    passes=st.lists(st.integers(0, 300 * MS), max_size=20),
)
def test_tokens_of_many__leave_in_the_order_of_their_deadlines(
    pace: Pace, starts: list[tuple[int, int]], passes: list[int]
) -> None:
    """In whatever order they began, and however late a pass comes."""
    engine, delivered = Engine(pace), list[int]()
    told, now_ns = [_Told(8) for _ in starts], 0
    for one, (wait_ns, late_ns) in zip(told, starts, strict=True):
        now_ns += wait_ns
        engine.release(now_ns)
        engine.start(one.generation, max(0, now_ns - late_ns), now_ns)

    for one in told:

        def deliver(one: _Told = one, tell: Callable[[], None] = one.generation.deliver) -> None:
            delivered.append(pace.due_ns(one.generation.start_ns, len(one.generation.dues) - len(late(one))))
            tell()

        def late(one: _Told) -> list[int]:
            return [ns for _, ns in one.generation.dues if ns >= before_ns]

        one.generation.deliver = deliver
    for step_ns in passes:
        before_ns, now_ns = now_ns + 1, now_ns + step_ns
        delivered.clear()
        engine.release(now_ns)
        assert delivered == sorted(delivered)
        dues = [pace.due_ns(one.generation.start_ns, k) for one in told for k in range(8)]
        assert engine.next_ns == min((ns for ns in dues if ns > now_ns), default=None)


def test_late_pass__leaves_the_work_of_the_next_ones_as_it_was() -> None:
    """A thousand streams behind by many steps are in two runs, not in a thousand."""
    engine, streams = Steady(Pace(20 * MS, 20 * MS)), [_Told(1000) for _ in range(1000)]
    for number, one in enumerate(streams):
        one.generation.start_ns = number * 20_000
        engine.start(one.generation, one.generation.start_ns)
    for now_ns in (210 * MS, 2_531 * MS, 2_533 * MS, 2_577 * MS):
        engine.release(now_ns)
        assert len(engine._runs) <= 2
    assert {one.due[-1] - (2_577 * MS - one.generation.start_ns) // (20 * MS) for one in streams} == {0}


def test_cancelled__is_told_nothing_more() -> None:
    """A client that left costs nothing."""
    engine, told, other = Engine(Pace(0, MS)), _Told(5), _Told(5)
    engine.start(other.generation, 0, 0)
    engine.start(told.generation, 0, 0)  # behind the other in the queue
    engine.cancel(told.generation, 0)
    _run(engine, 10 * MS)
    assert told.due == [1]
    assert other.due == [1, 2, 3, 4, 5]
    assert engine.next_ns is None


def test_turn__begins_before_the_first_token_is_due() -> None:
    """Whoever waits for tokens is told of the turn, and once more, with nothing due, to promise them."""
    engine, told = Engine(Pace(10 * MS, MS)), _Told(2)
    engine.start(told.generation, 0, 0)
    assert (told.begun, told.promised, told.due) == (1, 1, [])
    _run(engine, 20 * MS)
    assert (told.begun, told.promised, told.due) == (1, 1, [1, 2])
    assert told.generation.dues == [(1, 10 * MS), (2, 11 * MS)]
    assert not told.refused


def test_cancel_while_delivering__ends_it() -> None:
    """The one who is told may say that it was enough."""
    engine = Engine(Pace(0, MS))
    told = _Told(3)
    generation = told.generation
    generation.deliver = lambda: engine.cancel(generation, 0) if generation.due else None
    engine.start(generation, 0, 0)
    assert engine.next_ns is None


def test_one_pass__serves_all_that_are_due() -> None:
    """A hundred streams of one deadline are one pass."""
    engine, streams = Engine(Pace(10 * MS, 10 * MS)), [_Told(2) for _ in range(100)]
    for told in streams:
        engine.start(told.generation, 0, 0)
    engine.release(10 * MS)
    assert [told.due for told in streams] == [[1]] * 100


@given(
    pace=PACES,
    tokens=st.integers(1, 30),
    together=st.booleans(),
    passes=st.lists(st.integers(0, 200 * MS), max_size=30),
)
def test_late_passes__change_no_deadline(pace: Pace, tokens: int, passes: list[int], *, together: bool) -> None:
    """Whenever the engine looks, every token was due when the pace says."""
    engine, told = Engine(pace), _Told(tokens, together=together)
    now_ns = 0
    engine.start(told.generation, 0, 0)
    for step_ns in passes:
        now_ns += step_ns
        engine.release(now_ns)
    engine.release(3600 * 1000 * MS)
    dues = {at_ns: due for due, at_ns in told.generation.dues}
    every = [tokens - 1] if together else range(tokens)
    assert dues == {pace.due_ns(0, index): index + 1 for index in every}
    assert len(told.generation.dues) == len(dues)


def test_replaced_pace__is_that_of_all_who_come_later() -> None:
    """Those under way keep their deadlines; the old model goes when they are done."""
    engine, before, after = Engine(Pace(10 * MS, 10 * MS)), _Told(3), _Told(3)
    engine.start(before.generation, 0, 0)
    engine.replace(Pace(1 * MS, 1 * MS))
    engine.start(after.generation, 0, 0)
    assert engine.load == Load(2, 0, 0.0)
    _run(engine, 100 * MS)
    assert before.generation.dues == [(1, 10 * MS), (2, 20 * MS), (3, 30 * MS)]
    assert after.generation.dues == [(1, 1 * MS), (2, 2 * MS), (3, 3 * MS)]
    assert len(engine._models) == 1


def test_cancelled_under_a_replaced_pace__is_gone() -> None:
    """Whichever model had it."""
    engine, told = Engine(Pace(10 * MS, 10 * MS)), _Told(3)
    engine.start(told.generation, 0, 0)
    engine.replace(Pace())
    engine.cancel(told.generation, 0)
    assert engine.next_ns is None
    assert engine.load == Load(0, 0, 0.0)


def test_failing_delivery__holds_up_nobody() -> None:
    """The others of the pass are delivered in the next, and it goes on itself, with the same deadlines."""
    engine, failing, other = Engine(Pace(10 * MS, 10 * MS)), _Told(2), _Told(2)
    engine.start(failing.generation, 0, 0)
    engine.start(other.generation, 0, 0)

    def fail() -> None:
        raise ZeroDivisionError

    failing.generation.deliver = fail
    with pytest.raises(ZeroDivisionError):
        engine.release(10 * MS)
    engine.release(11 * MS)
    assert other.generation.dues == [(1, 10 * MS)]
    assert other.due == [1]
    failing.generation.deliver = failing._deliver
    engine.release(20 * MS)
    assert failing.generation.dues == [(1, 10 * MS), (2, 20 * MS)]
    assert failing.due == [2]


def test_request_made_by_a_delivery__is_taken_in() -> None:
    """A pipelined request starts inside the delivery of the one before."""
    engine, first, second = Engine(Pace(10 * MS, 0)), _Told(1), _Told(1)
    first.generation.deliver = lambda: (
        engine.start(second.generation, 10 * MS, 10 * MS) if first.generation.finished else None
    )
    engine.start(first.generation, 0, 0)
    assert _run(engine, 100 * MS) == [10 * MS, 20 * MS]
    assert second.due == [1]
