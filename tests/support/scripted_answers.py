"""Scripted replies as one service answers them, and streams put together again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.mock.build import build
from mixtral_contract.mock.messages.messages import Reply
from mixtral_contract.primitives.sse import Decoder
from tests.support.mock_requests import NOW_NS, request

HELLO = [{"role": "user", "content": "hello"}]


def answered(contract: Contract, reply: Any, *, incident: str | None = None, **fields: Any) -> Reply:
    """What a request with these fields gets that says itself what it is answered with, and what befalls that."""
    operation = contract.operations["nvidia"]
    body = {"messages": HELLO, **fields}
    headers = {"x-mock-reply": orjson.dumps(reply).decode()}
    if incident is not None:
        headers["x-mock-incident"] = incident
    asked = request(operation, body, fields=headers)
    return build(contract, new_id=lambda: "chatcmpl-1").service.answer(asked, NOW_NS)


def chunks(reply: Reply) -> list[dict[str, Any]]:
    """The chunks of a stream, without its end and what is none."""
    return [orjson.loads(data) for data in data_of(reply) if data != "[DONE]"]


def data_of(reply: Reply) -> list[str]:
    """The data of every event of a stream."""
    assert reply.frames is not None, reply.content
    decoder = Decoder()
    return [event.data for event in decoder.feed(b"".join(reply.frames)) if event.data]


def joined(stream: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The choices that chunks add up to, as they stand in a whole answer."""
    made: dict[int, dict[str, Any]] = {}
    for chunk in stream:
        for part in chunk["choices"]:
            _add(made.setdefault(part["index"], _empty(part["index"])), part)
    return [made[index] for index in sorted(made)]


def _empty(index: int) -> dict[str, Any]:
    return {"index": index, "message": {"role": "assistant", "content": None}, "finish_reason": None}


def _add(choice: dict[str, Any], part: Mapping[str, Any]) -> None:
    message, delta = choice["message"], part["delta"]
    choice["finish_reason"] = part["finish_reason"] or choice["finish_reason"]
    for name in ("content", "reasoning_content", "refusal"):
        if delta.get(name) is not None:
            message[name] = (message.get(name) or "") + delta[name]
    for fragment in delta.get("tool_calls", ()):
        calls = message.setdefault("tool_calls", [])
        if fragment["index"] == len(calls):
            calls.append({name: fragment[name] for name in ("id", "type")} | {"function": {**fragment["function"]}})
        else:
            calls[fragment["index"]]["function"]["arguments"] += fragment["function"]["arguments"]
    if "logprobs" in part:
        entries = (part["logprobs"] or {}).get("content") or []
        stated = choice.setdefault("logprobs", {"content": [], "refusal": None})
        stated["content"] += entries
