from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from mixtral_contract.suite.client.client import TargetClient
from mixtral_contract.suite.http.exchange import Exchange, Request
from mixtral_contract.suite.verdicts.verdict import Inconclusive

POST = Request("POST", "http://127.0.0.1:1/v1/chat/completions", body=b"{}")


def _transport(status: int | None, log: list[Request] | None = None, ending: str = "complete") -> Any:
    def send(requests: Sequence[Request], *, timeout_s: float = 30.0, **_how: Any) -> list[Exchange]:
        assert timeout_s > 0
        if log is not None:
            log.extend(requests)
        return [Exchange(request, status, ending=ending) for request in requests]

    return send


@pytest.mark.parametrize("status", [None, 200])
def test_silence__ends_the_run_after_two_in_a_row(status: int | None) -> None:
    """Whether nothing came, or a head and then nothing."""
    log: list[Request] = []
    client = TargetClient(_transport(status, log, ending="timeout"))
    for _ in range(2):
        client.send("nvidia", [POST])
    with pytest.raises(Inconclusive, match="no more is asked"):
        client.send("nvidia", [POST])
    assert len(log) == 2


def test_silence__ends_the_run_after_six_in_all() -> None:
    """A server that hangs on every second request does not hold a run up for hours."""
    statuses = iter([200, None] * 50)
    sent = []

    def send(requests: Sequence[Request], *, timeout_s: float = 30.0, **_how: Any) -> list[Exchange]:
        assert timeout_s > 0
        status = next(statuses)
        sent.append(status)
        return [Exchange(request, status, ending="complete" if status else "timeout") for request in requests]

    client = TargetClient(send)
    for _ in range(11):
        client.send("nvidia", [POST])
    client.send("nvidia", [POST])
    with pytest.raises(Inconclusive):
        client.send("nvidia", [POST])
    assert sent.count(None) == 6
