from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.mock.accounts.token_bucket import Level, Limit
from tests.support.mock_requests import NOW_NS, SECOND_NS

MINUTE_NS = 60 * SECOND_NS

LIMITS = st.builds(Limit, per_minute=st.integers(1, 999_999_999), burst=st.integers(1, 1000))
STEPS = st.lists(st.tuples(st.integers(0, 2 * MINUTE_NS) | st.integers(0, 100), st.integers(1, 1000)), max_size=30)
"""How long after the one before, and how much of the bucket, is asked for."""


@given(limit=LIMITS, steps=STEPS)
def test_bucket__never_gives_more_than_burst_and_refill(limit: Limit, steps: list[tuple[int, int]]) -> None:
    """In no span of time, counted in fractions."""
    now_ns, full_at, given_out = NOW_NS, 0, list[tuple[int, int]]()
    for gap_ns, amount in steps:
        now_ns += gap_ns
        if limit.wait_ns(full_at, now_ns, amount) == 0:
            full_at = limit.taken(full_at, now_ns, amount)
            given_out.append((now_ns, amount))
    for first in range(len(given_out)):
        total = 0
        for at_ns, amount in given_out[first:]:
            total += amount
            refilled = Fraction((at_ns - given_out[first][0]) * limit.per_minute, MINUTE_NS)
            assert total <= limit.burst + refilled


@given(limit=LIMITS, steps=STEPS)
def test_bucket__holds_what_flowed_in(limit: Limit, steps: list[tuple[int, int]]) -> None:
    """It lets in exactly what a bucket of fractions does, so it also gives no less than it may."""
    now_ns, full_at, held = NOW_NS, 0, Fraction(limit.burst)
    for gap_ns, amount in steps:
        now_ns += gap_ns
        held = min(Fraction(limit.burst), held + Fraction(gap_ns * limit.per_minute, MINUTE_NS))
        assert (limit.wait_ns(full_at, now_ns, amount) == 0) == (amount <= held)
        assert limit.level(full_at, now_ns).remaining == int(held)
        if amount <= held:
            held -= amount
            full_at = limit.taken(full_at, now_ns, amount)


@given(limit=LIMITS, steps=STEPS)
def test_wait__is_exact(limit: Limit, steps: list[tuple[int, int]]) -> None:
    """After it the amount is there, one nanosecond earlier it is not; an amount that never is has none."""
    now_ns, full_at = NOW_NS, 0
    for gap_ns, amount in steps:
        now_ns += gap_ns
        wait_ns = limit.wait_ns(full_at, now_ns, amount)
        assert (wait_ns is None) == (amount > limit.burst)
        if wait_ns is None:
            continue
        if wait_ns:
            assert limit.wait_ns(full_at, now_ns + wait_ns - 1, amount) == 1
        now_ns += wait_ns
        assert limit.wait_ns(full_at, now_ns, amount) == 0
        full_at = limit.taken(full_at, now_ns, amount)


@given(limit=LIMITS, taken=st.integers(1, 1000), later_ns=st.integers(0, MINUTE_NS))
def test_level__says_when_there_is_more(limit: Limit, taken: int, later_ns: int) -> None:
    """One more after the next, all of it when full, and neither a nanosecond earlier."""
    full_at = limit.taken(0, NOW_NS, min(taken, limit.burst))
    now_ns = NOW_NS + later_ns
    level = limit.level(full_at, now_ns)
    if level.full_ns == 0:
        assert level == Level(limit.burst, limit.burst, 0, 0)
        return
    assert limit.level(full_at, now_ns + level.next_ns).remaining > level.remaining
    assert limit.level(full_at, now_ns + level.next_ns - 1).remaining == level.remaining
    assert limit.level(full_at, now_ns + level.full_ns).full_ns == 0
    assert limit.level(full_at, now_ns + level.full_ns - 1).full_ns == 1


def test_level__by_hand() -> None:
    """Six per minute are one in ten seconds; three of four are taken, and four seconds passed."""
    limit = Limit(per_minute=6, burst=4)
    full_at = limit.taken(0, NOW_NS, 3)
    assert limit.level(full_at, NOW_NS + 4 * SECOND_NS) == Level(4, 1, 6 * SECOND_NS, 26 * SECOND_NS)
