"""What several clauses want to see accepted, asked for in one request: for targets whose completions cost money.

A refusal is free and a completion is not. So a request that is unusual but valid in many ways at once is tried first.
When it is answered with a completion, each of them is accepted; when it is not, each clause asks on its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from mixtral_contract.contract.openapi import Operation
from mixtral_contract.suite.target.target import Target

DISPUTED = frozenset({("top_p", 0)})
"""Documented bounds that are inclusive on paper and excluded by widespread servers; REQ-10 records them."""

UNUSUAL = "unusual but valid request"
MINIMUMS = "request of all minimums"

_TEXT = (
    'Say hello in one word. \U0001f408 \U00020bb7 "\\\b\f\n\r\t\u2028\u2029 \u05e9\u05dc\u05d5\u05dd \u202eabc \u0301'
)
_TURNS = [{"content": f"{turn}", "role": ("user", "assistant")[turn % 2]} for turn in range(6)]


class RequestMaker(Protocol):
    """What makes the requests of one operation of a target: an endpoint."""

    @property
    def target(self) -> Target:
        """The server under test."""

    @property
    def operation(self) -> Operation:
        """What the contract says of the operation."""

    def body(self, **changes: Any) -> dict[str, Any]:
        """A short valid request; each change sets a field, or leaves it out when it is `...`."""

    def key_headers(self, key: str | None = None) -> dict[str, str]:
        """The header that carries the key, the valid one unless told."""


@dataclass(frozen=True, slots=True)
class CombinedRequest:
    """One such request: how it is made, and the clauses that its acceptance proves."""

    options: Callable[[RequestMaker], Mapping[str, Any]]
    clauses: frozenset[str]


def _unusual_but_valid(endpoint: RequestMaker) -> Mapping[str, Any]:
    """Numbers at their maximum, several turns, members backwards, spaced, escaped and in chunks, names in capitals."""
    operation = endpoint.operation
    body = endpoint.body(messages=[*_TURNS, {"content": _TEXT, "role": "user"}], **_bounds(endpoint, "maximum"))
    if "stop" in operation.request.properties:
        body["stop"] = "###"
    system = {"content": "Be brief.", "role": "system"}
    parts = {"content": [{"text": _TEXT, "type": "text"}], "role": "user"}
    # a system message and parts where the dialect documents them
    for messages in ([system, *body["messages"]], [*_TURNS, parts], [system, *_TURNS, parts]):
        if operation.request.is_valid({**body, "messages": messages}):
            body["messages"] = messages
    text = json.dumps(dict(reversed(body.items())), separators=(" ,\r\n", " :\t "))
    raw = text.replace('"messages"', '"\\u006dessages"').replace(" 1.0 ", " 10E-1 ")
    headers = {name.upper(): value.replace("Bearer", "bearer") for name, value in endpoint.key_headers().items()}
    return {
        "raw": f"\r\n\t {raw} \n".encode(),
        "key_headers": headers,
        "headers": {
            "Content-Type": "Application/JSON; charset=utf-8",
            "Expect": "100-continue",
            "Transfer-Encoding": "chunked",
        },
    }


def _all_minimums(endpoint: RequestMaker) -> Mapping[str, Any]:
    """Every number at its minimum, no model, several stop sequences, and `stream` said to be false."""
    fields = endpoint.operation.request.properties
    said: dict[str, Any] = {"stream": False, "stop": ["###", "END"]}
    changes = {name: value for name, value in said.items() if name in fields}
    if "model" in endpoint.operation.defaults and endpoint.target.model is None:
        changes["model"] = ...
    return {"body": endpoint.body(**_bounds(endpoint, "minimum"), **changes)}


def _bounds(endpoint: RequestMaker, keyword: str) -> dict[str, Any]:
    fields = endpoint.operation.request.properties.items()
    return {
        name: raw[keyword]
        for name, raw in fields
        if keyword in raw and "x-source" in raw and (name, raw[keyword]) not in DISPUTED
    }


def _ids(text: str) -> frozenset[str]:
    return frozenset(text.split())


COMBINED_REQUESTS: Mapping[str, CombinedRequest] = {
    UNUSUAL: CombinedRequest(
        _unusual_but_valid,
        _ids("HTTP-06 HTTP-09 HTTP-24 HTTP-25 HTTP-27 AUT-07 REQ-03 REQ-04 REQ-09 REQ-11 REQ-15 REQ-18 REQ-21 REQ-22"),
    ),
    MINIMUMS: CombinedRequest(_all_minimums, _ids("REQ-08 REQ-09 REQ-11 STR-09")),
}
"""A clause that stands in several is proven by all of them."""
