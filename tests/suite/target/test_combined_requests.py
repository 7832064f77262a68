from __future__ import annotations

from collections.abc import Iterator

import pytest

from mixtral_contract.contract import clauses
from mixtral_contract.contract.openapi import Contract
from mixtral_contract.suite.client.client import TargetClient
from mixtral_contract.suite.target.combined_requests import COMBINED_REQUESTS
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.target.target import Target, choose, running

CONTRACT = Contract.load()
CLAUSES = clauses.load()


def _endpoint(mock: Target, dialect: str) -> Endpoint:
    return Endpoint(mock, CONTRACT.operations[dialect], TargetClient(frugal=True))


@pytest.fixture(scope="module")
def honest_mock() -> Iterator[Target]:
    """The mock as it is."""
    with running(choose(CONTRACT)) as mock:
        yield mock


@pytest.mark.parametrize("dialect", CONTRACT.operations)
def test_clauses_asked_together__are_proven_by_a_good_server(honest_mock: Target, dialect: str) -> None:
    """Each of them that applies, with two completions at most."""
    endpoint = _endpoint(honest_mock, dialect)
    named = {clause for request in COMBINED_REQUESTS.values() for clause in request.clauses} & CLAUSES.keys()
    applying = [clause for clause in named if CLAUSES[clause].applies(CONTRACT.operations[dialect])]
    assert all(endpoint.seen.proves(clause) for clause in applying)
    assert endpoint.client.log.since(0)[1] <= 2


@pytest.mark.parametrize(
    "clause", sorted({clause for request in COMBINED_REQUESTS.values() for clause in request.clauses} & CLAUSES.keys())
)
def test_clause_asked_together__is_not_proven_by_a_server_that_breaks_it(clause: str) -> None:
    """Its own test is run then."""
    dialect = next(name for name, each in CONTRACT.operations.items() if CLAUSES[clause].applies(each))
    with running(choose(CONTRACT), options=("--break", clause)) as mock:
        assert not _endpoint(mock, dialect).seen.proves(clause)
