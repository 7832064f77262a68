"""What several clauses want to see accepted, asked for in one request: for targets whose completions cost money.

A refusal is free and a completion is not. So a request that carries many lawful peculiarities at once is tried first:
when it is answered with a completion, each of them is accepted; when it is not, each clause asks on its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mixtral_contract.suite.http.exchange import Exchange

if TYPE_CHECKING:
    from mixtral_contract.suite.target.endpoint import Endpoint

DISPUTED = frozenset({("top_p", 0)})
"""Documented bounds that are inclusive on paper and excluded by widespread servers; REQ-10 records them."""

_TEXT = (
    'Say hello in one word. \U0001f408 \U00020bb7 "\\\b\f\n\r\t\u2028\u2029 \u05e9\u05dc\u05d5\u05dd \u202eabc \u0301'
)
_TURNS = [{"content": f"{turn}", "role": ("user", "assistant")[turn % 2]} for turn in range(6)]


@dataclass(frozen=True, slots=True)
class CombinedRequest:
    """One such request: how it is made, and the clauses that its acceptance proves."""

    options: Callable[[Endpoint], Mapping[str, Any]]
    clauses: frozenset[str]


def _peculiar(endpoint: Endpoint) -> Mapping[str, Any]:
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


def _least(endpoint: Endpoint) -> Mapping[str, Any]:
    """Every number at its minimum, no model, several stop sequences, and `stream` said to be false."""
    fields = endpoint.operation.request.properties
    said: dict[str, Any] = {"stream": False, "stop": ["###", "END"]}
    changes = {name: value for name, value in said.items() if name in fields}
    if "model" in endpoint.operation.defaults and endpoint.target.model is None:
        changes["model"] = ...
    return {"body": endpoint.body(**_bounds(endpoint, "minimum"), **changes)}


def _bounds(endpoint: Endpoint, keyword: str) -> dict[str, Any]:
    fields = endpoint.operation.request.properties.items()
    return {
        name: raw[keyword]
        for name, raw in fields
        if keyword in raw and "x-source" in raw and (name, raw[keyword]) not in DISPUTED
    }


def _ids(text: str) -> frozenset[str]:
    return frozenset(text.split())


TOGETHER: Mapping[str, CombinedRequest] = {
    "peculiar request": CombinedRequest(
        _peculiar,
        _ids("HTTP-06 HTTP-09 HTTP-24 HTTP-25 HTTP-27 AUT-07 REQ-03 REQ-04 REQ-09 REQ-11 REQ-15 REQ-18 REQ-21 REQ-22"),
    ),
    "least request": CombinedRequest(_least, _ids("REQ-08 REQ-09 REQ-11 STR-09")),
}
"""A clause that stands in several is proven by all of them."""


def proven(endpoint: Endpoint, clause: str) -> bool:
    """Whether the clause holds because every request that carries what it speaks of was answered with a completion."""
    names = [name for name, together in TOGETHER.items() if clause in together.clauses]
    if clause == "REQ-08" and endpoint.target.model is not None:
        return False
    return bool(names) and all(is_completion(endpoint.seen.together(name)) for name in names)


def is_completion(exchange: Exchange) -> bool:
    """Whether it is a whole answer, and no error behind a 200."""
    return exchange.status == 200 and isinstance(exchange.json, dict) and "choices" in exchange.json
