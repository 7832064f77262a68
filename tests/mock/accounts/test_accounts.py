from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.mock.accounts.accounts import ACCOUNTS, PRICE, UNLIMITED, Account, Accounts, AccountState, longest
from mixtral_contract.mock.accounts.pricing import Price
from mixtral_contract.mock.accounts.token_bucket import Limit
from tests.support.mock_requests import NOW_NS, SECOND_NS

LIMITS = st.none() | st.builds(Limit, per_minute=st.integers(1, 100_000), burst=st.integers(1, 500))
CALLS = st.lists(st.tuples(st.integers(0, 90 * SECOND_NS), st.integers(1, 300)), max_size=25)
"""How long after the one before, and of how many tokens, a call is."""


def _ten(price: str = "0.5", credits_: str = "10") -> Account:
    return Account("k", "n", credits=Decimal(credits_), price=Price(Decimal(price)))


@given(requests=LIMITS, tokens=LIMITS, calls=CALLS)
def test_wait__is_that_of_both_limits(
    requests: Limit | None, tokens: Limit | None, calls: list[tuple[int, int]]
) -> None:
    """After it the call gets in, one nanosecond earlier it does not."""
    standing = AccountState(Account("k", "n", requests=requests, tokens=tokens))
    now_ns = NOW_NS
    for gap_ns, amount in calls:
        now_ns += gap_ns
        wait_ns = standing.take(now_ns, amount).wait_ns
        if wait_ns:
            assert standing.take(now_ns + wait_ns - 1, amount).wait_ns == 1
            now_ns += wait_ns
            assert standing.take(now_ns, amount).wait_ns == 0


@given(requests=LIMITS, tokens=LIMITS, calls=CALLS)
def test_refused_call__takes_nothing(
    requests: Limit | None, tokens: Limit | None, calls: list[tuple[int, int]]
) -> None:
    """A standing that is asked for too much again and again stands like one that is not."""
    account = Account("k", "n", requests=requests, tokens=tokens)
    pestered, left_alone = AccountState(account), AccountState(account)
    now_ns = NOW_NS
    for gap_ns, amount in calls:
        now_ns += gap_ns
        quota = pestered.take(now_ns, amount)
        if quota.wait_ns == 0:
            assert left_alone.take(now_ns, amount) == quota
    later_ns = now_ns + SECOND_NS
    assert pestered.take(later_ns, 1) == left_alone.take(later_ns, 1)


def test_longest_wait__is_never_if_one_is() -> None:
    """None stands for a wait without end."""
    assert longest([]) == 0
    assert longest([3, 0, 7]) == 7
    assert longest([3, None, 7]) is None


@given(credits_=st.integers(0, 50), prices=st.lists(st.integers(0, 30), max_size=20))
def test_credits__fall_by_what_is_charged_and_never_below_nothing(credits_: int, prices: list[int]) -> None:
    """What the rest does not pay takes nothing of it."""
    standing = AccountState(_ten("1", str(credits_)))
    rest = credits_
    for price in prices:
        assert standing.affords(price) == (price <= rest)
        left = standing.charge(price)
        assert left == (rest - price if price <= rest else None)
        rest = rest if left is None else left
        assert standing.left == rest >= 0


def test_ten_thousand_prices__are_five_credits() -> None:
    """To the last digit."""
    standing = AccountState(_ten(str(PRICE), "5.0002"))
    for _ in range(10_000):
        assert standing.charge(standing.price(10, 10)) is not None
    assert standing.remaining(standing.left) == "0.0002"
    assert standing.charge(standing.price(10, 10)) is None
    assert standing.remaining(standing.left) == "0.0002"


def test_unlimited_credits__pay_everything() -> None:
    """And show one number for ever."""
    standing = AccountState(Account("k", "n", price=Price(Decimal(2 * 10**9))))
    price = standing.price(1, 1)
    left = standing.charge(price)
    assert standing.text(price) == "2000000000"
    assert standing.affords(price)
    assert left is not None
    assert standing.remaining(left) == UNLIMITED


def test_find__takes_the_first_known_key() -> None:
    """Unknown ones beside it do not matter."""
    admission = Accounts([Account("a", "1"), Account("b", "2")])
    found = admission.find(["x", "b", "a"], NOW_NS)
    assert found is not None
    assert found.account.key == "b"
    assert admission.find(["x", ""], NOW_NS) is None


def test_find__takes_a_valid_key_before_an_expired_one() -> None:
    """Whichever comes first; an expired one alone is found too, so that it can be called by its name."""
    admission = Accounts([Account("old", "1", valid_until_ns=NOW_NS), Account("new", "2", valid_until_ns=NOW_NS + 1)])
    for keys, expected in ((["old", "new"], "new"), (["new", "old"], "new"), (["x", "old"], "old")):
        found = admission.find(keys, NOW_NS)
        assert found is not None
        assert found.account.key == expected


@pytest.mark.parametrize(
    ("account", "dialect", "model", "may"),
    [
        (Account("k", "n"), "nvidia", "m", True),
        (Account("k", "n", models=frozenset(["nvidia"])), "nvidia", "m", True),
        (Account("k", "n", models=frozenset(["m"])), "nvidia", "m", True),
        (Account("k", "n", models=frozenset(["m", "segmind"])), "nvidia", "other", False),
        (Account("k", "n", models=frozenset(["m"]), forbidden=True), "nvidia", "m", False),
    ],
)
def test_models__may_be_named_themselves_or_by_dialect(account: Account, dialect: str, model: str, may: bool) -> None:  # noqa: FBT001  a column
    """A key that is forbidden everything has none."""
    assert account.may_use(dialect, model) is may
    assert account.restricted or may


def test_builtin_accounts__have_keys_and_names_of_their_own() -> None:
    """The documented ones, and no name is a key."""
    keys, names = [account.key for account in ACCOUNTS], [account.name for account in ACCOUNTS]
    assert keys == ["mock-valid", "mock-exhausted", "mock-forbidden", "mock-limited"]
    assert len({*keys, *names}) == 8


def test_account__does_not_show_its_key() -> None:
    """Wherever one is printed, in a log or a failed test."""
    assert "sk-secret" not in repr(Account("sk-secret", "team"))
