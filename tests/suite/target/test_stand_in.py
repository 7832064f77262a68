from __future__ import annotations

import pytest

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.suite.client.client import TargetClient
from mixtral_contract.suite.http.exchange import Request
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.target.stand_in import FakeTarget
from mixtral_contract.suite.target.target import MOCK_KEYS, Target
from mixtral_contract.suite.verdicts.verdict import Inconclusive

CONTRACT = Contract.load()
TARGET = Target("x", "http://127.0.0.1:1", ("nvidia",), MOCK_KEYS)
POST = Request("POST", "http://127.0.0.1:1/v1/chat/completions", body=b"{}")


def test_stand_in__answers_as_the_contract_says() -> None:
    """So that a dry run asks what a run on a good server would ask."""
    endpoint = Endpoint(TARGET, CONTRACT.operations["nvidia"], TargetClient(FakeTarget(CONTRACT, TARGET)))
    seen = endpoint.seen
    assert (seen.answer.status, seen.no_key.status, seen.malformed.status, seen.unknown_url.status) == (
        200,
        401,
        400,
        404,
    )
    assert seen.wrong_method.status == 405
    assert seen.stream.text.startswith(" One two")
    with pytest.raises(Inconclusive, match="got 429"):
        endpoint.ask(endpoint.body(), key_headers=endpoint.key_headers("mock-limited"))


def test_pause__takes_the_stand_in_no_time() -> None:
    """Who waits as long as it was told waits no time in a dry run, and only its own clock moves."""
    stand_in = FakeTarget(CONTRACT, TARGET)
    before = stand_in([POST])[0]
    stand_in.pause(86_400)
    assert stand_in([POST])[0].sent_ns - before.end_ns >= 86_400 * 10**9
