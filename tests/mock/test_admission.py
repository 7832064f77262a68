from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mock_server.admission import PRICE, Account, Admission, Standing
from tests.mock.asking import NOW_NS, SECOND_NS


@given(burst=st.integers(1, 5), refill_s=st.integers(1, 3), gaps=st.lists(st.integers(0, 4 * SECOND_NS), max_size=40))
def test_rate__never_lets_more_in_than_burst_and_refill(burst: int, refill_s: int, gaps: list[int]) -> None:
    """In no span of time more than the burst and one per refill."""
    standing = Standing(Account("k", "", burst=burst, refill_s=refill_s))
    now_ns, admitted = NOW_NS, list[int]()
    for gap_ns in gaps:
        now_ns += gap_ns
        if standing.wait_ns(now_ns) == 0:
            admitted.append(now_ns)
    for first in range(len(admitted)):
        for last in range(first, len(admitted)):
            span_ns = admitted[last] - admitted[first]
            assert last - first + 1 <= burst + span_ns // (refill_s * SECOND_NS)


@given(burst=st.integers(1, 5), gaps=st.lists(st.integers(0, 2 * SECOND_NS), min_size=1, max_size=20))
def test_rate__wait_is_exact(burst: int, gaps: list[int]) -> None:
    """After the wait the call is let in, one nanosecond earlier it is not."""
    standing = Standing(Account("k", "", burst=burst))
    now_ns = NOW_NS
    for gap_ns in gaps:
        now_ns += gap_ns
        wait_ns = standing.wait_ns(now_ns)
        if wait_ns:
            assert standing.wait_ns(now_ns + wait_ns - 1) == 1
            now_ns += wait_ns
            assert standing.wait_ns(now_ns) == 0


def test_unlimited_account__never_waits() -> None:
    """Only a key with a burst has a limit."""
    standing = Standing(Account("k", ""))
    assert all(standing.wait_ns(NOW_NS) == 0 for _ in range(100))


def test_credits__are_exact_and_never_below_nothing() -> None:
    """Ten thousand prices are five credits, to the last digit."""
    standing = Standing(Account("k", "", credits=Decimal("5.0002")))
    for _ in range(10_000):
        assert standing.solvent
        standing.charge()
    assert standing.credits == Decimal("0.0002")
    assert not standing.solvent
    standing.charge()
    assert standing.credits == 0
    assert Decimal("0.0005") == PRICE


def test_find__takes_the_first_known_key() -> None:
    """Unknown ones beside it do not matter."""
    admission = Admission([Account("a", ""), Account("b", "")])
    found = admission.find(["x", "b", "a"])
    assert found is not None
    assert found.account.key == "b"
    assert admission.find(["x", ""]) is None


def test_builtin_accounts__have_distinct_keys() -> None:
    """A key means one account."""
    keys = sorted(account for account in Admission()._standings)
    assert keys == ["mock-exhausted", "mock-forbidden", "mock-limited", "mock-valid"]
    assert all(first != second for first, second in pairwise(keys))
