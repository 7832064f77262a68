"""An agent of three turns, with two calls side by side, a handoff and a failure in the middle: scripted three ways."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import yaml
from openai import OpenAI

from mixtral_contract.mock.testing.mocks import MixtralApi, MixtralServer
from mixtral_contract.mock.testing.scenario import Scenario
from mixtral_contract.testing import error, pause, tool_call

MODEL = "mistralai/mixtral-8x22b-instruct-v0.1"
TOOLS: Any = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("get_weather", "find_hotel", "transfer_to_booking")
]
SAID = [
    'get_weather {"city": "Paris"}',
    'find_hotel {"city": "Paris", "nights": 2}',
    'transfer_to_booking {"hotel": "Ritz"}',
    "failed: overloaded",
    "Booked: two nights at the Ritz.",
]


def run_agent(client: OpenAI) -> list[str]:
    """Asks, calls what it is told to call, and asks again, also after a failure; what was said, in short."""
    messages: Any = [{"role": "user", "content": "Book me a hotel in Paris"}]
    said: list[str] = []
    while True:
        try:
            with client.chat.completions.stream(model=MODEL, messages=messages, tools=TOOLS) as stream:
                message = stream.get_final_completion().choices[0].message
        except openai.APIError as failure:
            said.append(f"failed: {failure.message}")
            continue
        messages.append(message.to_dict())
        if not message.tool_calls:
            return [*said, message.content or ""]
        for call in message.tool_calls:
            arguments = json.dumps(json.loads(call.function.arguments))
            said.append(f"{call.function.name} {arguments}")
            messages.append({"role": "tool", "tool_call_id": call.id, "content": "done"})


def in_python(mock: Scenario) -> None:
    """Ten lines."""
    mock.reply(
        [
            "Let me see",
            pause(0.01),
            tool_call("get_weather", city="Paris"),
            tool_call("find_hotel", city="Paris", nights=2),
        ],
        {"tool_calls": [("transfer_to_booking", {"hotel": "Ritz"})]},
        ["Booking", error("overloaded", code=503)],
        "Booked: two nights at the Ritz.",
        tools=["get_weather"],
    )


IN_YAML = """\
fixtures:
  - when: {tools: [get_weather]}
    says:
      - [Let me see, {pause: 0.01}, {tool_call: {name: get_weather, arguments: {city: Paris}}},
         {tool_call: {name: find_hotel, arguments: {city: Paris, nights: 2}}}]
      - tool_calls: [{name: transfer_to_booking, arguments: {hotel: Ritz}}]
      - [Booking, {error: {message: overloaded, code: 503}}]
      - "Booked: two nights at the Ritz."
"""


def over_http(mock: MixtralServer) -> None:
    """The same data, as JSON."""
    (script,) = yaml.safe_load(IN_YAML)["fixtures"]
    httpx.post(f"{mock.url}/_mock/replies", json=script).raise_for_status()


@pytest.mark.parametrize("kind", [MixtralApi, MixtralServer])
def test_agent__is_scripted_in_python(kind: Callable[[], MixtralApi | MixtralServer]) -> None:
    """In process and on a socket."""
    with kind() as mock:
        in_python(mock)
        assert run_agent(OpenAI(max_retries=0)) == SAID
        mock.assert_called(4)


def test_agent__is_scripted_in_yaml(tmp_path: Path) -> None:
    """In a file of fixtures."""
    path = tmp_path / "agent.yaml"
    path.write_text(IN_YAML, encoding="utf-8")
    with MixtralApi(fixtures=path) as mock:
        assert run_agent(OpenAI(max_retries=0)) == SAID
        mock.assert_called(4)


def test_agent__is_scripted_over_http() -> None:
    """As from any other language."""
    with MixtralServer() as mock:
        over_http(mock)
        assert run_agent(OpenAI(max_retries=0)) == SAID
        mock.assert_called(4)


def test_agent__is_scripted_by_what_came_before() -> None:
    """By the tool results, the turn and who is asked, rather than by the number of the call."""
    with MixtralApi() as mock:
        mock.reply(tool_calls=[("find_hotel", {"city": "Paris"})], turn=1)
        mock.reply(tool_calls=[("transfer_to_booking", {})], tool_result={"name": "find_hotel", "content": "done"})
        mock.reply("Booked.", tool_result={"name": "transfer_to_booking"})
        assert run_agent(OpenAI(max_retries=0))[-1] == "Booked."


def test_agent__is_scripted_by_turns() -> None:
    """Each turn is met by the answers before it, calls included."""
    with MixtralApi() as mock:
        mock.reply(turns=[{"tool_calls": [("find_hotel", {"city": "Paris"})]}, "Booked."], when="Paris")
        assert run_agent(OpenAI(max_retries=0)) == ['find_hotel {"city": "Paris"}', "Booked."]
