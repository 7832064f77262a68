"""The operation that a test of the service asks for."""

from __future__ import annotations

import pytest

from mixtral_contract.contract.openapi import Contract, Operation

DIALECTS = ("segmind", "segmind-openai", "nvidia")


@pytest.fixture(params=DIALECTS)
def operation(request: pytest.FixtureRequest, contract: Contract) -> Operation:
    """Each operation of the contract."""
    return contract.operations[request.param]
