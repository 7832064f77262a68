"""Sequences of requests that hypothesis draws: an account's credits, and a key's limit."""

from __future__ import annotations

import time

from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from mixtral_contract.suite.http.exchange import Exchange
from mixtral_contract.suite.target.endpoint import Endpoint, not_busy
from mixtral_contract.suite.target.shared_answers import WRONG_KEY
from mixtral_contract.suite.verdicts.header_values import remaining_credits
from mixtral_contract.suite.verdicts.verdict import Outcome, Violation

_MANY = 8
_LONGEST_WAIT_S = 2


class Credits(RuleBasedStateMachine):
    """One account: what is left of it after each call, and what one call costs."""

    def __init__(self, endpoint: Endpoint, found: list[Outcome]) -> None:
        super().__init__()
        self._endpoint = endpoint
        self._found = found
        first, second = (remaining_credits(endpoint.complete()) for _ in range(2))
        self._left, self._price = second, first - second

    @rule()
    def complete(self) -> None:
        """A completion costs what it cost before, whatever was refused meanwhile."""
        exchange = self._endpoint.complete()
        left = remaining_credits(exchange)
        _note(self._found, left >= 0, "credits that are not negative", left, exchange)
        _note(self._found, left <= self._left, f"at most {self._left}", left, exchange)
        _note(self._found, self._left - left <= self._price, f"a price of {self._price}", self._left - left, exchange)
        self._left = left

    @rule()
    def send_a_malformed_body(self) -> None:
        """Which is refused."""
        self._endpoint.ask(self._endpoint.body(messages=7))

    @rule()
    def send_many_malformed_bodies(self) -> None:
        """One after the other."""
        for _ in range(_MANY):
            self.send_a_malformed_body()

    @rule()
    def ask_for_nothing(self) -> None:
        """With the key, but with GET."""
        self._endpoint.ask(method="GET", headers={"Content-Type": ""})

    @rule()
    def send_a_wrong_key(self) -> None:
        """Which is another account's business."""
        self._endpoint.ask(self._endpoint.body(), key_headers=self._endpoint.key_headers(WRONG_KEY))


class Rate(RuleBasedStateMachine):
    """One key with a limit: what it was told at the last refusal."""

    def __init__(self, endpoint: Endpoint, found: list[Outcome], until_s: float) -> None:
        super().__init__()
        self._endpoint = endpoint
        self._found = found
        self._until_s = until_s
        self._told_s: int | None = None

    @rule()
    def ask(self) -> None:
        """It is let in, or told when to come back."""
        exchange = self._ask()
        known = exchange.status in (200, 429)
        _note(self._found, known, "200 or 429", exchange.summary, exchange)
        wait = exchange.header("retry-after") or ""
        told = exchange.status == 429 and wait.isascii() and wait.isdecimal()
        self._told_s = int(wait) if told else None

    @rule()
    def hurry(self) -> None:
        """Many calls without a pause."""
        for _ in range(_MANY):
            self.ask()

    @precondition(lambda self: self._told_s is not None and self._told_s <= _LONGEST_WAIT_S)
    @rule()
    def wait_as_told(self) -> None:
        """After which it is let in."""
        waited_s = self._told_s or 0
        if time.monotonic() + waited_s < self._until_s:
            self._endpoint.client.pause(waited_s)
            exchange = self._ask()
            let_in = exchange.status == 200
            _note(self._found, let_in, f"200 after the {waited_s} s that were told", exchange.summary, exchange)
            self._told_s = None

    def _ask(self) -> Exchange:
        headers = self._endpoint.key_headers(self._endpoint.target.keys["limited"])
        exchange = self._endpoint.ask(self._endpoint.body(), key_headers=headers, busy_is_answer=True)
        return exchange if exchange.status == 429 else not_busy(exchange)


def _note(found: list[Outcome], condition: object, expected: str, got: object, exchange: Exchange) -> None:
    if not condition:
        found.append(Violation(str(got), expected=expected, exchange=exchange))
