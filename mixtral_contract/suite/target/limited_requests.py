"""Requests whose answer max_tokens cuts, or that can be asked again for the same text: what several clauses ask."""

from __future__ import annotations

from typing import Any

from mixtral_contract.suite.http.event_stream import Stream
from mixtral_contract.suite.http.exchange import Exchange
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.verdicts.text_limits import FEW, REPEATABLE

LONG_TASK = [{"role": "user", "content": "Count from one to two hundred in words."}]
"""A conversation whose answer fills any small limit."""


def repeatable(endpoint: Endpoint, **changes: Any) -> dict[str, Any]:
    """A body that gets the same text each time, as far as the dialect has fields for that."""
    fields = endpoint.operation.request.properties
    return endpoint.body(**changes, **{name: value for name, value in REPEATABLE.items() if name in fields})


def long_task(endpoint: Endpoint, max_tokens: int, **changes: Any) -> dict[str, Any]:
    """A body whose answer the limit cuts."""
    return endpoint.body(**changes, messages=LONG_TASK, max_tokens=max_tokens)


def cut_answer(endpoint: Endpoint) -> Exchange:
    """The answer to a long task that max_tokens cuts, asked for once by all who look at it."""
    return endpoint.once("cut answer", lambda: endpoint.complete(long_task(endpoint, FEW)))


def cut_stream(endpoint: Endpoint) -> Stream:
    """The same as a stream, asked for once by all who look at it."""
    return Stream(endpoint.once("cut stream", lambda: endpoint.complete(long_task(endpoint, FEW, stream=True))))
