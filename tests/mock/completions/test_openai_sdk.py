"""The official client on what is more than a text: it joins fragments, parses and checks by its own rules."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai import OpenAI
from openai.lib.streaming.chat import ChatCompletionStreamState
from pydantic import BaseModel

MODEL = "mistralai/mixtral-8x22b-instruct-v0.1"
MESSAGES: Any = [{"role": "user", "content": "What is the weather in Paris?"}]
TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "unit": {"enum": ["C", "F"]}},
                "required": ["city", "unit"],
                "additionalProperties": False,
            },
        },
    }
]


class Place(BaseModel):
    """What the text is parsed into."""

    name: str
    population: int
    twins: list[Place]
    mayor: str | None


@pytest.fixture
def client(server: str) -> Any:
    """The official client."""
    with OpenAI(base_url=f"{server}/v1", api_key="mock-valid", max_retries=0, timeout=20) as made:
        yield made


def test_tool_call__is_read_whole_and_streamed(client: OpenAI) -> None:
    """The SDK's own accumulator joins the fragments to the call of the whole answer."""
    made = client.chat.completions.create(model=MODEL, messages=MESSAGES, tools=TOOLS)
    state = ChatCompletionStreamState()
    for chunk in client.chat.completions.create(model=MODEL, messages=MESSAGES, tools=TOOLS, stream=True):
        state.handle_chunk(chunk)
    messages = made.choices[0].message, state.get_final_completion().choices[0].message
    ones, others = ([call.function for call in said.tool_calls or () if call.type == "function"] for said in messages)
    assert made.choices[0].finish_reason == "tool_calls"
    assert made.choices[0].message.content is None
    assert [(one.name, one.arguments) for one in ones] == [(other.name, other.arguments) for other in others]
    assert set(json.loads(ones[0].arguments)) == {"city", "unit"}


def test_agent_loop__ends(client: OpenAI) -> None:
    """The message goes back as the SDK has it, the result after it, and a text comes."""
    first = client.chat.completions.create(model=MODEL, messages=MESSAGES, tools=TOOLS).choices[0].message
    assert first.tool_calls
    results = [{"role": "tool", "tool_call_id": call.id, "content": "21"} for call in first.tool_calls]
    for said in (first, first.model_dump()):
        conversation: Any = [*MESSAGES, said, *results]
        second = client.chat.completions.create(model=MODEL, messages=conversation, tools=TOOLS).choices[0]
        assert second.finish_reason == "stop"
        assert second.message.content


@pytest.mark.parametrize("prompt", ["what is the weather in Paris?", "weather Rome", "go", "hello"])
def test_agent_loop_with_required_calls__ends(client: OpenAI, prompt: str) -> None:
    """As with structured output, which one of the functions takes."""
    tools: Any = [
        {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
        for name in ("get_weather", "get_news", "final_result")
    ]
    messages: Any = [{"role": "user", "content": prompt}]
    called: list[str] = []
    while "final_result" not in called:
        message = (
            client.chat.completions.create(
                model=MODEL, messages=messages, tools=tools, tool_choice="required", parallel_tool_calls=False
            )
            .choices[0]
            .message
        )
        calls: Any = message.tool_calls
        (call,) = calls
        called.append(call.function.name)
        messages += [message, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
        assert len(called) <= len(tools)


def test_choices__are_read_whole_and_streamed(client: OpenAI) -> None:
    """Two texts, by index."""
    made = client.chat.completions.create(model=MODEL, messages=MESSAGES, n=2)
    state = ChatCompletionStreamState()
    for chunk in client.chat.completions.create(model=MODEL, messages=MESSAGES, n=2, stream=True):
        state.handle_chunk(chunk)
    texts = [choice.message.content for choice in made.choices]
    assert len(set(texts)) == 2
    assert [choice.message.content for choice in state.get_final_completion().choices] == texts


def test_log_probabilities__are_read_whole_and_streamed(client: OpenAI) -> None:
    """As attributes, and added up by the accumulator."""
    asked: Any = {"model": MODEL, "messages": MESSAGES, "logprobs": True, "top_logprobs": 2}
    made = client.chat.completions.create(**asked).choices[0]
    state = ChatCompletionStreamState()
    for chunk in client.chat.completions.create(**asked, stream=True):
        state.handle_chunk(chunk)
    streamed = state.get_final_completion().choices[0]
    assert made.logprobs is not None
    assert made.logprobs.content is not None
    assert "".join(entry.token for entry in made.logprobs.content) == made.message.content
    assert all(len(entry.top_logprobs) == 2 for entry in made.logprobs.content)
    assert streamed.logprobs is not None
    assert streamed.logprobs.content == made.logprobs.content


def test_form__is_parsed_into_a_model(client: OpenAI) -> None:
    """A recursive pydantic model, through the SDK's strict schema."""
    made = client.chat.completions.parse(model=MODEL, messages=MESSAGES, response_format=Place).choices[0].message
    assert isinstance(made.parsed, Place)


def test_arguments__are_parsed_by_the_sdk(client: OpenAI) -> None:
    """A strict function of the SDK's own making."""
    import openai  # noqa: PLC0415  the helper has the name of a module here

    tools: Any = [openai.pydantic_function_tool(Place, name="note")]
    made = client.chat.completions.parse(model=MODEL, messages=MESSAGES, tools=tools).choices[0].message
    assert made.tool_calls
    assert isinstance(made.tool_calls[0].function.parsed_arguments, Place)


def test_json_object__is_json(client: OpenAI) -> None:
    """Any object."""
    made = client.chat.completions.create(model=MODEL, messages=MESSAGES, response_format={"type": "json_object"})
    assert isinstance(json.loads(made.choices[0].message.content or ""), dict)
