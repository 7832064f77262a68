"""What a clause's test is given: the endpoint that it judges, the oracle, the fuzz tier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest

from mixtral_contract.suite.client.budget import CompletionBudget, RateLimiter
from mixtral_contract.suite.client.client import IN_ALL, TargetClient, over_the_wire
from mixtral_contract.suite.generation.fuzzing import Fuzz
from mixtral_contract.suite.generation.schema_oracle import Oracle
from mixtral_contract.suite.session.settings import Settings
from mixtral_contract.suite.session.stash import CLIENT, SETTINGS
from mixtral_contract.suite.target import target
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.target.stand_in import FakeTarget

_NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(scope="session")
def running_target(request: pytest.FixtureRequest) -> Iterator[target.Target]:
    """The target, started if it is the mock."""
    chosen = request.config.stash[SETTINGS]
    if chosen.dry_run:
        yield replace(chosen.target, base_url=chosen.target.base_url or _NOWHERE)
        return
    try:
        with target.running(chosen.target, request.config.getoption("--spec")) as running:
            yield running
    except target.TargetError as error:
        pytest.exit(str(error), returncode=2)


@pytest.fixture(scope="session")
def endpoints(request: pytest.FixtureRequest, running_target: target.Target) -> dict[str, Endpoint]:
    """The target's dialects by name, with one client; what one test has seen the next one need not ask again."""
    chosen = request.config.stash[SETTINGS]
    client = request.config.stash[CLIENT] = _client(chosen, running_target)
    found = {
        dialect: Endpoint(running_target, chosen.contract.operations[dialect], client)
        for dialect in running_target.dialects
    }
    next(iter(found.values())).greet()
    return found


def _client(chosen: Settings, running: target.Target) -> TargetClient:
    frugal = running.paid or chosen.budget is not None
    if chosen.dry_run:
        stand_in = FakeTarget(chosen.contract, running)
        return TargetClient(stand_in, frugal=frugal, pause=stand_in.pause)
    return TargetClient(
        partial(over_the_wire, most_bytes=chosen.most_bytes),
        most_bytes=IN_ALL * chosen.most_bytes,
        budget=CompletionBudget(chosen.budget),
        rate_limiter=RateLimiter(chosen.rpm),
        timeout_s=chosen.timeout_s,
        frugal=frugal,
    )


@pytest.fixture(scope="session")
def endpoint(request: pytest.FixtureRequest, endpoints: dict[str, Endpoint]) -> Endpoint:
    """The dialect that the clause is judged on."""
    return endpoints[request.param]


@pytest.fixture(scope="session")
def oracle(request: pytest.FixtureRequest) -> Oracle:
    """schemathesis, over the contract of this run."""
    return Oracle(request.config.stash[SETTINGS].contract)


@pytest.fixture(scope="session")
def fuzz(request: pytest.FixtureRequest, oracle: Oracle) -> Fuzz:
    """The fuzz tier, with the time that was given for it."""
    return Fuzz(oracle, request.config.stash[SETTINGS].fuzz_s)
