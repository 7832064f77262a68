"""What completions cost: prices, budgets, and the purse that a run pays from. Pure.

A budget holds because room is reserved before a request leaves, for the most that it can cost, and given back when it
is known what it did cost.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass

REQUESTS, USD, CREDITS = "requests", "usd", "credits"

_AMOUNT = r"(\d+(?:\.\d+)?|\.\d+)"
_BUDGET = re.compile(rf"{_AMOUNT}({REQUESTS}|{USD}|{CREDITS})")
_PART = re.compile(rf"{_AMOUNT}({USD}|{CREDITS})/(request|1[kM]-(?:prompt|output|tokens))")
_TOKENS = {"1k": 1e3, "1M": 1e6}
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Price:
    """What a completion costs in a unit (usd or credits): all parts added up; `source` says who says so, and when."""

    unit: str
    per_request: float = 0.0
    per_prompt_token: float = 0.0
    per_output_token: float = 0.0
    source: str = "--price"

    def cost(self, requests: float, prompt_tokens: float, output_tokens: float) -> float:
        """What so much costs."""
        return (
            requests * self.per_request + prompt_tokens * self.per_prompt_token + output_tokens * self.per_output_token
        )

    @property
    def depends_on_length(self) -> bool:
        """Whether longer completions cost more."""
        return bool(self.per_prompt_token or self.per_output_token)


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that a run may cost."""

    amount: float
    unit: str

    def __str__(self) -> str:
        return f"{self.amount:g} {self.unit}"


def parse_budget(text: str) -> Budget:
    """The budget that the text is: an amount with its unit.

    Raises: ArgumentTypeError for anything else.
    """
    found = _BUDGET.fullmatch(text.replace(" ", ""))
    if found is None or float(found[1]) <= 0:
        raise argparse.ArgumentTypeError(
            f"expected an amount with its unit: 5usd, 200credits or 1000requests, got {text!r}"
        )
    return Budget(float(found[1]), found[2])


def parse_price(text: str) -> Price:
    """The price that the text is: parts such as 0.0005usd/request or 0.6usd/1M-prompt, with commas between.

    Raises: ArgumentTypeError for anything else.
    """
    units, sums = set(), {"request": 0.0, "prompt": 0.0, "output": 0.0}
    for part in text.replace(" ", "").split(","):
        found = _PART.fullmatch(part)
        if found is None:
            raise argparse.ArgumentTypeError(
                f"expected 0.0005usd/request, or 0.6usd/1M-prompt,1.8usd/1M-output (also credits, 1k and 1M-tokens), "
                f"got {part!r}"
            )
        units.add(found[2])
        size, _, what = found[3].rpartition("-")
        for name in ("prompt", "output") if what == "tokens" else (what,):
            sums[name] += float(found[1]) / _TOKENS.get(size, 1.0)
    if len(units) > 1:
        raise argparse.ArgumentTypeError(f"expected one unit, got {' and '.join(sorted(units))}")
    return Price(units.pop(), sums["request"], sums["prompt"], sums["output"])


class Purse:
    """What is left of a budget while requests are under way.

    `worst` is the most that one request can cost. None is a price that nobody told: then requests go one at a time,
    until what the server says is left shows what one takes; when it says nothing the purse is closed after the first.
    `is_exact` False is a worst that holds only if the server does what it was asked. Then no more requests are under
    way than have ended, at least one, unless all fit at `ceiling`: what one costs that ends as late as it can.
    """

    def __init__(
        self, amount: float, worst: float | None, *, is_exact: bool = True, ceiling: float | None = None
    ) -> None:
        self.amount = amount
        self._is_exact = is_exact
        self._ceiling = ceiling
        self._ended = 0
        self.spent = 0.0
        self.closed_because: str | None = None
        self._worst = worst
        self._learns = worst is None
        self._under_way = 0
        self._left: float | None = None

    def reserve(self) -> bool:
        """Whether one more request surely fits beside those under way; if so, its room is taken."""
        if self.closed_because is not None:
            return False
        if self._worst is None:
            fits = not self._under_way and self.spent < self.amount
        else:
            fits = self._fits(self._under_way + 1) and self._is_tried(self._under_way + 1)
        self._under_way += fits
        return fits

    @property
    def is_empty(self) -> bool:
        """Whether not even one request fits, with nothing under way: no waiting will change that."""
        if self.closed_because is not None:
            return True
        return self.spent >= self.amount if self._worst is None else not self._fits(1)

    def release(self) -> None:
        """Gives the room of a request back that was not sent."""
        self._under_way -= 1

    def expect(self, worst: float) -> None:
        """Requests were seen to cost so much: those under way may, too."""
        if not self._learns and self._worst is not None:
            self._worst = max(self._worst, worst)

    def settle(self, cost: float | None, left: float | None = None) -> None:
        """A request has ended: `cost` None may have cost anything up to the worst, `left` is what the server says."""
        self._under_way -= 1
        self._ended += 1
        if not self._learns:
            self.spent += (self._worst or 0.0) if cost is None else cost
        elif left is not None:
            self._learn(left)
        elif self._left is None:
            self.closed_because = "the target does not say how many credits are left"

    def _learn(self, left: float) -> None:
        """What is left falls by what was spent; the first answer, which nothing precedes, is counted as the dearest."""
        if self._left is not None:
            fall = max(0.0, self._left - left)
            first = self._worst is None
            self._worst = max(self._worst or 0.0, fall)
            self.spent += 2 * fall if first else fall
        self._left = left if self._left is None else min(left, self._left)

    def _is_tried(self, requests: int) -> bool:
        """Whether as many may be under way at once, by what is known of the server."""
        if self._is_exact or requests <= max(1, self._ended):
            return True
        return self._ceiling is not None and self._holds(requests, max(self._ceiling, self._worst or 0.0))

    def _fits(self, requests: int) -> bool:
        return self._holds(requests, self._worst or 0.0)

    def _holds(self, requests: int, each: float) -> bool:
        return self.spent + requests * each <= self.amount * (1 + _ROUNDING)
