"""FUZZ: what no one wrote down: generated requests, and accounts in any order of calls. Free targets only."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from mixtral_contract.suite.generation.fuzzing import Fuzz
from mixtral_contract.suite.generation.state_machines import Credits, Rate
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.verdicts.verdict import NotRun, Outcome

_STEPS = 12
_RUNS = 4


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


def _nothing(found: Outcome | None) -> None:
    if found is not None:
        raise found
