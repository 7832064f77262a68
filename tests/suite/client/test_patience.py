"""Waiting as a target asks to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.suite.client.client import TargetClient
from mixtral_contract.suite.client.patience import MOST_S, Patience
from mixtral_contract.suite.http.exchange import Exchange, Request
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.target.target import Target
from mixtral_contract.suite.verdicts.verdict import Inconclusive

NOW = dt.datetime(2026, 12, 1, 12, tzinfo=dt.UTC)
POST = Request("POST", "http://x", body=b"{}")


def answer(status: int, retry_after: str | None = None) -> Exchange:
    """An answer that asks to wait, or does not."""
    return Exchange(POST, status, () if retry_after is None else (("Retry-After", retry_after),))


@pytest.mark.parametrize(
    ("exchange", "wait_s"),
    [
        (answer(429, "2"), 2),
        (answer(503, "Tue, 01 Dec 2026 12:00:05 GMT"), 5),
        (answer(429), None),
        (answer(429, "soon"), None),
        (answer(429, "0"), None),
        (answer(429, "61"), None),
        (answer(200, "2"), None),
        (answer(500, "2"), None),
    ],
)
def test_wait__is_what_the_target_says(exchange: Exchange, wait_s: float | None) -> None:
    """Seconds or a date, of who is busy, and no longer than a run waits."""
    assert Patience(now=lambda: NOW).take(exchange) == wait_s


def test_patience__ends() -> None:
    """With its seconds, or after three waits in vain."""
    taken = Patience(5)
    assert [taken.take(answer(429, "2")) for _ in range(3)] == [2, 2, None]
    vain = Patience()
    for _ in range(3):
        assert vain.take(answer(429, "1")) == 1
        vain.learn(answer(429, "1"))
    assert vain.take(answer(429, "1")) is None


def endpoint(answers: Iterator[Exchange], waited: list[float], **options: Any) -> Endpoint:
    """An endpoint with these answers."""

    def send(requests: Sequence[Request], **_: Any) -> list[Exchange]:
        return [next(answers) for _ in requests]

    client = TargetClient(send, pause=waited.append, **options)
    target = Target("x", "http://x", ("nvidia",), {"valid": "k"})
    return Endpoint(target, Contract.load().operations["nvidia"], client)


@pytest.mark.parametrize("frugal", [False, True])
def test_busy_target__is_asked_once_more(frugal: bool) -> None:  # noqa: FBT001  a case's input
    """After the time that it named; who looks at refusals for its rate gets the first."""
    waited: list[float] = []
    asked = endpoint(iter([answer(429, "2"), answer(200), answer(429, "3")]), waited, frugal=frugal)
    assert asked.ask({}).status == 200
    assert asked.ask({"n": 1}, busy_is_answer=True).status == 429
    assert waited == [2]


def test_target_that_stays_busy__is_told_with_the_way_out() -> None:
    """--rpm, which asks more slowly."""
    asked = endpoint(iter([answer(429, "2"), answer(429, "2")]), [])
    with pytest.raises(Inconclusive, match="--rpm N asks more slowly"):
        asked.ask({})
    assert MOST_S == 60
