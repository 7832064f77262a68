from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.mock.accounts.pricing import Money, Price

AMOUNTS = st.decimals(min_value=0, max_value=999_999_999_999, places=12, allow_nan=False, allow_infinity=False)
TOKENS = st.integers(0, 100_000)


@given(credits_=AMOUNTS, price=st.builds(Price, AMOUNTS, AMOUNTS, AMOUNTS), asked=TOKENS, written=TOKENS)
def test_price__is_exact(credits_: Decimal, price: Price, asked: int, written: int) -> None:
    """Nothing is rounded, however small the price of a token and however many credits there are."""
    money = Money(credits_, price)
    prompt, completion = Fraction(price.per_1k_prompt_tokens), Fraction(price.per_1k_completion_tokens)
    expected = Fraction(price.per_call) + (prompt * asked + completion * written) / 1000
    assert Fraction(money.text(money.price(asked, written))) == expected
    assert Fraction(money.text(money.units(credits_))) == Fraction(credits_)


@pytest.mark.parametrize(
    ("credits_", "price", "text"),
    [
        ("1000000", Price(Decimal("0.0005")), "1000000.0000"),
        ("10.00", Price(Decimal("0.5")), "10.00"),
        ("7", Price(Decimal(2)), "7"),
        ("3", Price(per_1k_prompt_tokens=Decimal("0.1200")), "3.00000"),
        ("0", Price(), "0"),
    ],
)
def test_text__has_the_places_of_the_smallest_amount(credits_: str, price: Price, text: str) -> None:
    """So that every header of an account is written alike."""
    money = Money(Decimal(credits_), price)
    assert money.text(money.units(Decimal(credits_))) == text
