"""Hooks for schemathesis: what one part of a request says of another, which no JSON Schema can tell it.

`schemathesis.toml` names this module, so that `schemathesis run spec/openapi.yaml` sends references that refer to
something: a chosen function that is declared, results of calls that were made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import schemathesis


@schemathesis.hook
def before_call(_context: Any, case: Any, **_options: Any) -> None:
    """Mends the references of a request that is meant to be valid."""
    if case.meta is not None and case.meta.generation.mode.is_positive and isinstance(case.body, dict):
        case.body = mended(case.body)


def mended(body: Mapping[str, Any]) -> dict[str, Any]:
    """The valid body with references that refer to something; a body without references as it is."""
    made = dict(body)
    choice, tools = made.get("tool_choice"), made.get("tools")
    if isinstance(choice, dict) and tools:
        made["tool_choice"] = {**choice, "function": {"name": tools[0]["function"]["name"]}}
    if isinstance(made.get("messages"), list) and made["messages"]:
        made["messages"] = list(_answered(made["messages"])) or [{"role": "user", "content": ""}]
    return made


def _answered(messages: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The messages with one result after each call, and without results of nothing."""
    for message in messages:
        if message["role"] != "tool":
            yield message
        for call in _calls(message):
            yield {"role": "tool", "content": "", "tool_call_id": call}


def _calls(message: Mapping[str, Any]) -> dict[str, None]:
    calls = message.get("tool_calls") if message["role"] == "assistant" else None
    return dict.fromkeys(call["id"] for call in calls or ())
