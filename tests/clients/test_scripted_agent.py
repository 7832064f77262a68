"""An agent of three turns, scripted over HTTP, run by every client: two calls side by side, a handoff, a failure."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.clients.client import CLIENTS, Client, Driver, driving
from tests.clients.conftest import Needed
from tests.clients.outcome import controlling

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": "x",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
    for name in ("get_weather", "find_hotel", "transfer_to_booking")
]
SCRIPT = {
    "when": {"tools": ["get_weather", "find_hotel"]},
    "says": [
        {
            "tool_calls": [
                {"name": "get_weather", "arguments": {"city": "Paris"}},
                {"name": "find_hotel", "arguments": {"city": "Rome"}},
            ]
        },
        {"tool_calls": [{"name": "transfer_to_booking", "arguments": {"city": "Paris"}}]},
        ["Booking a", {"error": {"message": "overloaded", "code": 503}}],
        "Booked: two nights at the Ritz.",
    ],
}
CALLED = [
    ["get_weather", {"city": "Paris"}],
    ["find_hotel", {"city": "Rome"}],
    ["transfer_to_booking", {"city": "Paris"}],
]


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_agent__is_run_by_every_client(client: Client, address: str, installed: Needed) -> None:
    """Each calls what it is told to call, learns of the failure, and ends with the text."""
    if not client.ours:
        installed(client.language)
    with controlling(address) as mock, driving(client, address) as driver:
        mock.post("/replies", json=SCRIPT).raise_for_status()
        called, failed, text = _run(driver)
        (spoke,) = mock.get("/replies").json()["replies"]
    assert (called, text) == (CALLED, "Booked: two nights at the Ritz.")
    assert failed
    assert spoke["said"] == 4


def _run(driver: Driver) -> tuple[list[Any], bool, str]:
    """What was called, whether a turn failed, and the text of the last one; a turn that fails is asked for again."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Book me a hotel in Paris"}]
    called: list[Any] = []
    failed = False
    for _ in range(6):
        heard = driver.ask({"messages": messages, "key": "mock-valid", "stream": True, "tools": TOOLS})
        if heard["error"] or heard["finish_reason"] is None:
            failed = True
        elif not heard["calls"]:
            return called, failed, heard["text"]
        else:
            _answer(messages, heard["calls"], len(called))
            called += [[name, json.loads(arguments)] for name, arguments in heard["calls"]]
    return called, failed, ""


def _answer(messages: list[dict[str, Any]], calls: list[list[str]], number: int) -> None:
    """Adds the calls and their results to the conversation."""
    written = [
        {"id": f"call_{number + index}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for index, (name, arguments) in enumerate(calls)
    ]
    messages.append({"role": "assistant", "content": "", "tool_calls": written})
    messages += [{"role": "tool", "tool_call_id": call["id"], "content": "done"} for call in written]
