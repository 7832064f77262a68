"""A stand-in for a target that keeps the contract, in this process: what a run would ask can be counted without it.

It answers from the contract alone and says as little as a clause needs to go on asking; nothing is sent anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from mixtral_contract.contract.openapi import EVENT_STREAM, JSON, Contract, Operation
from mixtral_contract.primitives.base_url import BaseUrl
from mixtral_contract.suite.http.exchange import Exchange, Request
from mixtral_contract.suite.target.target import Target

_WORDS = [" One", " two", " three", " four", " five", " six", " seven", " eight"]
_USAGE = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}
_CALL = {"id": "call-1", "type": "function", "function": {"name": "any", "arguments": "{}"}}
_GAP_NS = 10_000_000


class FakeTarget:
    """The stand-in for a target, with the operations of its dialects at its address."""

    def __init__(self, contract: Contract, target: Target) -> None:
        address, keys = BaseUrl.parse(target.base_url or ""), target.keys
        spoken = [contract.operations[dialect] for dialect in target.dialects]
        self._operations = {address.target(target.path(operation)): operation for operation in spoken}
        self._roles = {key: role for role, key in keys.items()}
        self._clock_ns = 0
        self._serial = 0

    def __call__(self, requests: Sequence[Request], *, timeout_s: float = 30.0, **_how: Any) -> list[Exchange]:
        """An answer to each request, at once."""
        return [self._answer(request, timeout_s) for request in requests]

    def pause(self, seconds: float) -> None:
        """Lets its own time pass."""
        self._clock_ns += round(seconds * 1e9)

    def _answer(self, request: Request, _timeout_s: float) -> Exchange:
        operation = self._operations.get(urlsplit(request.url).path)
        if operation is None:
            some = next(iter(self._operations.values()))
            return self._refusal(request, some, "unknown-url", 404)
        if request.method != operation.method:
            return self._refusal(request, operation, "wrong-method", 405)
        role = self._role(request, operation)
        if role != "valid":
            return self._refusal(request, operation, *_ROLES[role])
        body = _parsed(request.body) if _is_json(request) else None
        if body is None or not operation.request.is_valid(body) or not _fits_together(body):
            return self._refusal(request, operation, "invalid-request", 400)
        if body.get("model") not in (None, *(model.name for model in operation.models)):
            return self._refusal(request, operation, "unknown-model", 404)
        return self._completion(request, body, streamed=operation.streams and body.get("stream") is True)

    def _role(self, request: Request, operation: Operation) -> str:
        sent = {name.lower(): value for name, value in request.headers}
        found = (credential.key(sent.get(credential.header, "")) for credential in operation.credentials)
        key = next(filter(None, found), None)
        if "valid" not in self._roles.values():
            return "valid"
        return "nobody" if key is None else self._roles.get(key, "stranger")

    def _refusal(self, request: Request, operation: Operation, condition: str, otherwise: int) -> Exchange:
        response = operation.response_for(condition)
        status = response.status if response else otherwise
        return self._exchange(request, status, [json.dumps({"error": condition}).encode()])

    def _completion(self, request: Request, body: Mapping[str, Any], *, streamed: bool) -> Exchange:
        self._serial += 1
        head = {"id": f"dry-run-{self._serial}", "created": 0, "model": "dry-run"}
        if streamed:
            chunks = [_chunk(head, {"delta": {"role": "assistant", "content": word}}) for word in _WORDS]
            chunks.append(_chunk(head, {"delta": {}, "finish_reason": "length"}) + b"data: [DONE]\n\n")
            return self._exchange(request, 200, chunks, EVENT_STREAM)
        choice = {"index": 0, **_said(body)}
        whole = {**head, "object": "chat.completion", "choices": [choice], "usage": _USAGE}
        return self._exchange(request, 200, [json.dumps(whole).encode()])

    def _exchange(self, request: Request, status: int, pieces: list[bytes], media_type: str = JSON) -> Exchange:
        times_ns = [self._clock_ns + _GAP_NS * (index + 1) for index in range(len(pieces))]
        sent_ns, self._clock_ns = self._clock_ns, times_ns[-1]
        headers = (("Content-Type", media_type), ("x-remaining-credits", "1"), ("Retry-After", "1"))
        return Exchange(
            request,
            status,
            headers,
            tuple(zip(times_ns, pieces, strict=True)),
            sent_ns=sent_ns,
            head_ns=times_ns[0],
            end_ns=times_ns[-1],
        )


_ROLES = {
    "nobody": ("missing-key", 401),
    "stranger": ("wrong-key", 401),
    "exhausted": ("no-credits", 402),
    "forbidden": ("forbidden", 403),
    "limited": ("rate-limited", 429),
}


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None


def _no_constant(name: str) -> None:
    raise ValueError(f"expected JSON, got {name}")


def _is_json(request: Request) -> bool:
    said = next((value for name, value in request.headers if name.lower() == "content-type"), "")
    return said.partition(";")[0].strip().lower() == JSON


def _said(body: Mapping[str, Any]) -> dict[str, Any]:
    """The message of a choice and how it ended, with the calls or the log probabilities that were asked for."""
    message = {"role": "assistant", "content": "".join(_WORDS)}
    if body.get("tool_choice") not in (None, "auto", "none"):
        return {"message": {**message, "tool_calls": [_CALL]}, "finish_reason": "tool_calls"}
    logprobs = {"content": [{"token": word, "logprob": -1.0} for word in _WORDS]} if body.get("logprobs") else None
    return {"message": message, "finish_reason": "length", "logprobs": logprobs}


def _fits_together(body: Mapping[str, Any]) -> bool:
    """Whether one part of the body speaks only of what another one has, which a schema cannot say."""
    declared = [tool["function"]["name"] for tool in body.get("tools") or ()]
    choice = body.get("tool_choice")
    named = choice["function"]["name"] in declared if isinstance(choice, dict) else True
    made = {call["id"] for message in body["messages"] for call in message.get("tool_calls") or ()}
    results = {message.get("tool_call_id") for message in body["messages"] if message["role"] == "tool"}
    return named and results <= made and bool(body.get("logprobs") or not body.get("top_logprobs"))


def _chunk(head: Mapping[str, Any], choice: Mapping[str, Any]) -> bytes:
    choices = [{"index": 0, "finish_reason": None, **choice}]
    whole = {**head, "object": "chat.completion.chunk", "choices": choices, "usage": _USAGE}
    return b"data: " + json.dumps(whole).encode() + b"\n\n"
