"""Prices, budgets, and the purse."""

from __future__ import annotations

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.load.costs.pricing import Budget, Price, Purse, parse_budget, parse_price


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("5usd", Budget(5.0, "usd")),
        ("0.5 usd", Budget(0.5, "usd")),
        ("200credits", Budget(200.0, "credits")),
        ("1000requests", Budget(1000.0, "requests")),
    ],
)
def test_budget__is_an_amount_with_its_unit(text: str, budget: Budget) -> None:
    """Whoever reads it knows what is meant."""
    assert parse_budget(text) == budget


@pytest.mark.parametrize("text", ["5", "usd", "0usd", "-1usd", "5eur", "1e3usd", "5 $", "", "nanusd"])
def test_budget__refuses_anything_else(text: str) -> None:
    """A number alone could be anything."""
    with pytest.raises(argparse.ArgumentTypeError, match="an amount with its unit"):
        parse_budget(text)


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("0.5usd/request", 1.0),
        ("2usd/1k-prompt", 6.0),
        ("3credits/1M-output", 0.012),
        ("2usd/1k-prompt,1usd/1k-output", 10.0),
        ("1usd/1k-tokens,1usd/request", 9.0),
    ],
)
def test_price__adds_up_its_parts(text: str, cost: float) -> None:
    """Of 2 requests with 3,000 prompt tokens and 4,000 tokens together."""
    assert parse_price(text).cost(2, 3000, 4000) == pytest.approx(cost)


@pytest.mark.parametrize("text", ["1usd", "1usd/token", "1/request", "1usd/request,", "1usd/10k-prompt", ""])
def test_price__refuses_anything_else(text: str) -> None:
    """With an example of what is right."""
    with pytest.raises(argparse.ArgumentTypeError, match=r"0\.0005usd/request"):
        parse_price(text)


def test_price__is_in_one_unit() -> None:
    """Nobody says what a credit is in dollars."""
    with pytest.raises(argparse.ArgumentTypeError, match="one unit, got credits and usd"):
        parse_price("1usd/1k-prompt,1credits/request")


def test_mean_price__does_not_depend_on_length() -> None:
    """So that lengths need no largest one."""
    assert not Price("usd", per_request=1.0).depends_on_length
    assert Price("usd", per_output_token=1.0).depends_on_length


@given(
    amount=st.floats(0.1, 100),
    worst=st.floats(0.01, 10),
    moves=st.lists(st.tuples(st.booleans(), st.floats(0, 1)), max_size=200),
)
def test_purse__is_never_overdrawn(amount: float, worst: float, moves: list[tuple[bool, float]]) -> None:
    """Whatever leaves and ends when, and costs up to the worst."""
    purse = Purse(amount, worst)
    under_way = 0
    for begins, share in moves:
        if begins:
            under_way += purse.reserve()
        elif under_way:
            under_way -= 1
            purse.settle(share * worst)
        assert purse.spent + under_way * worst <= amount * 1.0000001


@given(
    excess=st.floats(1, 100),
    amount=st.floats(1, 500),
    moves=st.lists(st.booleans(), max_size=200),
)
def test_purse__holds_though_each_request_costs_more_than_it_should(
    excess: float, amount: float, moves: list[bool]
) -> None:
    """Whatever leaves and ends when: no more is spent, unless one such request alone is too dear."""
    purse = Purse(amount, 1.0, is_exact=False)
    under_way = 0
    for begins in moves:
        if begins:
            under_way += purse.reserve()
        elif under_way:
            under_way -= 1
            purse.expect(excess)
            purse.settle(excess)
        assert purse.spent + under_way * excess <= max(amount, excess) * 1.0000001


def test_purse_of_a_bound_that_was_only_asked_for__begins_with_one() -> None:
    """No more at once than have ended; all at once where they fit, however late the server ends them."""
    purse = Purse(1000.0, 1.0, is_exact=False)
    assert [purse.reserve(), purse.reserve()] == [True, False]
    for _ in range(2):
        purse.settle(1.0)
        purse.reserve()
    assert [purse.reserve(), purse.reserve()] == [True, False]
    assert [Purse(1000.0, 1.0, is_exact=False, ceiling=1000.0).reserve() for _ in range(2)] == [True, True]
    purse = Purse(1000.0, 1.0, is_exact=False, ceiling=500.0)
    assert [purse.reserve() for _ in range(3)] == [True, True, False]


def test_purse__waits_for_those_under_way_before_it_is_empty() -> None:
    """They may cost less than the worst, and leave room for another."""
    purse = Purse(2.0, 1.0)
    assert [purse.reserve() for _ in range(3)] == [True, True, False]
    assert not purse.is_empty
    purse.settle(0.5)
    assert not purse.reserve()
    purse.settle(0.5)
    assert purse.reserve()
    purse.settle(None)
    assert purse.spent == 2.0
    assert purse.is_empty


def test_released_room__is_free_again() -> None:
    """A request that was dropped costs nothing."""
    purse = Purse(1.0, 1.0)
    assert purse.reserve()
    purse.release()
    assert purse.reserve()


def test_unknown_price__is_learned_from_what_is_left() -> None:
    """One request at a time until two answers show what one takes; then as many as fit."""
    purse = Purse(10.0, None)
    assert [purse.reserve(), purse.reserve()] == [True, False]
    purse.settle(None, left=50.0)
    assert [purse.reserve(), purse.reserve()] == [True, False]
    purse.settle(None, left=48.0)
    assert purse.spent == 4.0
    assert [purse.reserve() for _ in range(4)] == [True, True, True, False]


def test_unknown_price__ends_the_run_when_the_target_does_not_tell() -> None:
    """Nothing would ever stop it otherwise."""
    purse = Purse(10.0, None)
    assert purse.reserve()
    purse.settle(None)
    assert purse.is_empty
    assert not purse.reserve()
    assert purse.closed_because == "the target does not say how many credits are left"
