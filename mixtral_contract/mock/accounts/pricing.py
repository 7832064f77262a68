"""What a completion costs, exactly: money as a whole number of an account's own smallest unit, never a fraction.

The unit is one in the last place that the account's credits and prices have, those per 1,000 tokens divided, so that
nothing is ever rounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Price:
    """What is paid for one completion, in credits: all parts are added up."""

    per_call: Decimal = _NOTHING
    per_1k_prompt_tokens: Decimal = _NOTHING
    per_1k_completion_tokens: Decimal = _NOTHING


class Money:
    """Counts credits and prices in whole units."""

    def __init__(self, credits_: Decimal, price: Price) -> None:
        prompt_token = price.per_1k_prompt_tokens.normalize().scaleb(-3)
        completion_token = price.per_1k_completion_tokens.normalize().scaleb(-3)
        parts = [part for part in (credits_, price.per_call, prompt_token, completion_token) if part]
        self._places = max((_places(part) for part in parts), default=0)
        self._unit = 10**self._places
        self._call = self.units(price.per_call)
        self._prompt_token, self._completion_token = self.units(prompt_token), self.units(completion_token)

    def units(self, amount: Decimal) -> int:
        """An amount of credits as a number of units."""
        return int(amount.scaleb(self._places))

    def price(self, prompt_tokens: int, completion_tokens: int) -> int:
        """The price of one completion, in units."""
        return self._call + prompt_tokens * self._prompt_token + completion_tokens * self._completion_token

    def text(self, units: int) -> str:
        """A number of units as a decimal number of credits, always with the same number of places."""
        if not self._places:
            return str(units)
        whole, rest = divmod(units, self._unit)
        return f"{whole}.{rest:0{self._places}d}"


def _places(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    assert isinstance(exponent, int), "only a number that is finite is an amount"
    return max(0, -exponent)
