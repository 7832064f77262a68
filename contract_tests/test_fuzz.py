"""FUZZ: what no one wrote down: generated requests, and accounts in any order of calls. Free targets only."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from contract_tests.endpoint import Endpoint
from contract_tests.exchange import Exchange
from contract_tests.fuzz import Fuzz
from contract_tests.test_credits import remaining_credits
from contract_tests.verdict import NotRun, Outcome, Violation

_STEPS = 12
_RUNS = 4
_LONGEST_WAIT_S = 2
_MANY = 8


@pytest.mark.clause("FUZZ-01")
def test_generated_request__never_makes_it_fail(endpoint: Endpoint, fuzz: Fuzz) -> None:
    """Schemathesis draws them from the contract, lawful ones and others."""
    _nothing(fuzz.sweep(endpoint).failed)


@pytest.mark.clause("FUZZ-02")
def test_generated_request__gets_an_answer_of_the_contract(endpoint: Endpoint, fuzz: Fuzz) -> None:
    """Whatever it is: its status is documented, and a completion keeps its schema."""
    _nothing(fuzz.sweep(endpoint).departed)


@pytest.mark.clause("FUZZ-03")
def test_generated_request_that_the_contract_refuses__is_refused(endpoint: Endpoint, fuzz: Fuzz) -> None:
    """Anywhere in the body, not at its top alone."""
    _nothing(fuzz.sweep(endpoint).accepted)


@pytest.mark.clause("FUZZ-04")
def test_credits__fall_with_completions_alone(endpoint: Endpoint, fuzz: Fuzz) -> None:
    """In any order of calls: never negative, never up, never down for a refusal."""
    until_s = time.monotonic() + fuzz.seconds(endpoint, 0.25)
    _explore(lambda found: Credits(endpoint, found), until_s)


@pytest.mark.clause("FUZZ-05")
def test_limited_key__is_let_in_whenever_it_waited(endpoint: Endpoint, fuzz: Fuzz) -> None:
    """In any order of hurrying and waiting."""
    until_s = time.monotonic() + fuzz.seconds(endpoint, 0.25)
    if "limited" not in endpoint.target.keys:
        raise NotRun("no key given for an account that is limited")
    _explore(lambda found: Rate(endpoint, found, until_s), until_s)


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
        self._endpoint.ask(self._endpoint.body(), key_headers=self._endpoint.key_headers("not-a-key-of-anyone"))


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
            self._endpoint.line.pause(waited_s)
            exchange = self._ask()
            let_in = exchange.status == 200
            _note(self._found, let_in, f"200 after the {waited_s} s that were told", exchange.summary, exchange)
            self._told_s = None

    def _ask(self) -> Exchange:
        key = self._endpoint.target.keys["limited"]
        return self._endpoint.ask(self._endpoint.body(), key_headers=self._endpoint.key_headers(key))


def _explore(machine: Callable[[list[Outcome]], RuleBasedStateMachine], until_s: float) -> None:
    """Runs the machine until the time is over or it found something.

    What it finds is kept, not raised: hypothesis would try the same calls again, on an account that is no longer the
    same.
    """
    found: list[Outcome] = []
    number = 0
    while time.monotonic() < until_s and not found:
        number += 1
        limits = settings(
            max_examples=_RUNS,
            stateful_step_count=_STEPS,
            phases=[Phase.generate],
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        run_state_machine_as_test(seed(number)(lambda: machine(found)), settings=limits)  # type: ignore[arg-type]
    _nothing(found[0] if found else None)


def _note(found: list[Outcome], condition: object, expected: str, got: object, exchange: Exchange) -> None:
    if not condition:
        found.append(Violation(str(got), expected=expected, exchange=exchange))


def _nothing(found: Outcome | None) -> None:
    if found is not None:
        raise found
