"""What a completion said, as text: what the next turn of a conversation repeats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from mixtral_contract.load.client.exchange import Exchange
from mixtral_contract.load.reading.completion import DONE
from mixtral_contract.primitives.sse import Decoder


def answer_text(exchange: Exchange, *, streamed: bool) -> str:
    """The text of a completion that was read without a fault; calls of tools as the JSON of their functions.

    Content may be a text, a list of parts, null or absent; what has no text adds none.
    """
    messages = list(_deltas(exchange) if streamed else _messages(orjson.loads(exchange.body())))
    said = "".join(_text(message.get("content")) for message in messages)
    return said or "".join(_calls(message.get("tool_calls")) for message in messages)


def _messages(answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from (choice["message"] for choice in answer["choices"])


def _deltas(exchange: Exchange) -> Iterator[Mapping[str, Any]]:
    for event in Decoder().feed(exchange.body()):
        if event.data.strip() == DONE:
            # what comes after the end is no part of the completion
            return
        yield from (choice["delta"] for choice in orjson.loads(event.data)["choices"])


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(_text(part.get("text") if isinstance(part, Mapping) else part) for part in content)
    return content if isinstance(content, str) else ""


def _calls(calls: Any) -> str:
    if not isinstance(calls, list):
        return ""
    functions = (call.get("function") for call in calls if isinstance(call, Mapping))
    return "".join(_function(each) for each in functions if isinstance(each, Mapping))


def _function(function: Mapping[str, Any]) -> str:
    """A call in text; in a stream its name comes first, and its arguments piece by piece."""
    return f"{_text(function.get('name'))}{_text(function.get('arguments'))}"
