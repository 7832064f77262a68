"""Answers to questions that ask for more than one free text, up to the wire."""

from __future__ import annotations

import itertools
from typing import Any

import jsonschema_rs
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.mock.completions.completion import whole
from mixtral_contract.mock.completions.generator import CompletionGenerator, completion_request
from mixtral_contract.mock.messages.messages import Reply
from mixtral_contract.mock.service.service import Service
from mixtral_contract.primitives.sse import Decoder
from mixtral_contract.primitives.tokenizer import tokenizer
from tests.support.mock_requests import NOW_NS, message_of, request, service

PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "note": {"type": "string", "minLength": 30, "pattern": "^[é日a-z]+$"}},
    "required": ["city", "note"],
    "additionalProperties": False,
}


def _tool(parameters: Any, name: str = "f") -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def _form(schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}


NAMES = ("get_weather", "get_time")
TOOLS = [_tool(PARAMETERS, name) for name in NAMES]
FORM = _form(PARAMETERS)
DEMANDS = st.sampled_from(
    [
        {"tools": TOOLS},
        {"tools": TOOLS, "tool_choice": "required"},
        {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "get_time"}}},
        {"tools": TOOLS, "tool_choice": "none"},
        {"response_format": FORM},
        {"response_format": {"type": "json_object"}},
        {},
    ]
)
BODIES = st.builds(
    lambda wanted, text, more: {"messages": [{"role": "user", "content": text}], **wanted, **more},
    DEMANDS,
    st.sampled_from(["hello", "get_weather and get_time in Paris", "日本?"]),
    st.fixed_dictionaries(
        {},
        optional={
            "n": st.integers(1, 5),
            "logprobs": st.booleans(),
            "max_tokens": st.integers(1, 60),
            "stop": st.sampled_from(["e", ["city", "}"], "\n"]),
            "seed": st.integers(0, 5),
        },
    ),
)


def _answered(contract: Contract, body: dict[str, Any], *, at: Service | None = None) -> Reply:
    return (at or service(contract)).answer(request(contract.operations["nvidia"], body), NOW_NS)


def _streamed(contract: Contract, body: dict[str, Any]) -> tuple[list[dict[str, Any]], Reply]:
    reply = _answered(contract, {**body, "stream": True, "stream_options": {"include_usage": True}})
    assert reply.frames is not None
    events = Decoder().feed(b"".join(reply.frames))
    assert events[-1].data == "[DONE]"
    return [orjson.loads(event.data) for event in events[:-1]], reply


def _joined(chunks: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """What a client that knows nothing of ours makes of a stream: choices by index."""
    choices: dict[int, dict[str, Any]] = {}
    for choice in itertools.chain.from_iterable(chunk["choices"] for chunk in chunks):
        made = choices.setdefault(choice["index"], {"content": "", "calls": {}, "ended": [], "tokens": []})
        delta = choice["delta"]
        made["content"] += delta.get("content") or ""
        for fragment in delta.get("tool_calls", ()):
            call = made["calls"].setdefault(fragment["index"], {"arguments": ""})
            call.update({key: value for key, value in fragment.items() if key in ("id", "type")})
            call.update({key: value for key, value in fragment["function"].items() if key == "name"})
            call["arguments"] += fragment["function"]["arguments"]
        made["tokens"] += (choice.get("logprobs") or {}).get("content") or []
        made["ended"] += [choice["finish_reason"]] if choice["finish_reason"] else []
    return choices


@settings(deadline=None, max_examples=150)
@given(body=BODIES)
def test_stream__says_what_the_whole_answer_says(contract: Contract, body: dict[str, Any]) -> None:
    """Texts, calls, reasons, log probabilities and usage, choice by choice; one frame per token of the longest one."""
    whole = _answered(contract, body).content
    chunks, reply = _streamed(contract, body)
    joined = _joined(chunks)
    assert sorted(joined) == [choice["index"] for choice in whole["choices"]] == list(range(body.get("n", 1)))
    for choice in whole["choices"]:
        made = joined[choice["index"]]
        calls = choice["message"].get("tool_calls", [])
        assert made["content"] == (choice["message"]["content"] or "")
        assert (choice["message"]["content"] is None) == bool(calls)
        assert [(call["name"], call["arguments"]) for call in made["calls"].values()] == [
            (call["function"]["name"], call["function"]["arguments"]) for call in calls
        ]
        assert made["ended"] == [choice["finish_reason"]]
        assert made["tokens"] == ((choice.get("logprobs") or {}).get("content") or [])
    assert chunks[-1]["usage"] == whole["usage"]
    assert reply.frames is not None
    assert reply.tokens == len(reply.frames)
    assert all(reply.frames)


@settings(deadline=None, max_examples=100)
@given(body=BODIES)
def test_answer__keeps_the_contract_and_its_limits(contract: Contract, body: dict[str, Any]) -> None:
    """The schema of answers and of events, max_tokens per choice, tokens as the tokenizer counts them."""
    success = contract.operations["nvidia"].success.media_types
    whole = _answered(contract, body).content
    assert list(success["application/json"].violations(whole)) == []
    event = success["text/event-stream"]
    chunk = type(event)(contract.document, event.raw["properties"]["data"]["anyOf"][1]["contentSchema"])
    for each in _streamed(contract, body)[0]:
        assert list(chunk.violations(each)) == []
    counts = [_tokens(choice) for choice in whole["choices"]]
    limit = body.get("max_tokens", 1024)
    # a text that a stop sequence cuts inside its last token may read as one token more than were made
    if max(counts) <= limit and "tool_calls" not in whole["choices"][0]["message"]:
        assert whole["usage"]["completion_tokens"] == sum(counts)
    assert whole["usage"]["completion_tokens"] <= limit * len(counts)
    for choice, count in zip(whole["choices"], counts, strict=True):
        if choice["finish_reason"] == "length" and not choice["message"].get("tool_calls"):
            assert count == limit


def _tokens(choice: dict[str, Any]) -> int:
    return tokenizer("v3").count(choice["message"]["content"] or "")


@pytest.mark.parametrize("dialect", ["nvidia", "segmind"])
@pytest.mark.parametrize("choice", ["auto", "required", {"type": "function", "function": {"name": "get_time"}}])
def test_call__is_of_a_declared_function_with_valid_arguments(contract: Contract, dialect: str, choice: Any) -> None:
    """Whatever the question; ids are never the same."""
    operation, at = contract.operations[dialect], service(contract)
    seen = set()
    for text in ("hello", "weather in Paris", "get_weather, get_time"):
        body = {"messages": [{"role": "user", "content": text}], "tools": TOOLS, "tool_choice": choice}
        made = at.answer(request(operation, body), NOW_NS).content["choices"][0]
        assert made["finish_reason"] == "tool_calls"
        for call in made["message"]["tool_calls"]:
            assert call["type"] == "function"
            assert call["function"]["name"] in NAMES
            assert jsonschema_rs.is_valid(PARAMETERS, orjson.loads(call["function"]["arguments"]))
            assert call["id"] not in seen
            seen.add(call["id"])


def test_parallel_calls__are_made_when_several_functions_are_named(contract: Contract) -> None:
    """One only when the client cannot take more."""
    body = {"messages": [{"role": "user", "content": "get_weather and get_time"}], "tools": TOOLS}
    both = _answered(contract, body).content["choices"][0]["message"]["tool_calls"]
    one = _answered(contract, {**body, "parallel_tool_calls": False}).content["choices"][0]["message"]["tool_calls"]
    assert [call["function"]["name"] for call in both] == ["get_weather", "get_time"]
    assert len(one) == 1


def test_agent__comes_to_an_end(contract: Contract) -> None:
    """Calls are answered once, then there is a text about what was asked."""
    at, messages = service(contract), [{"role": "user", "content": "What is the weather in Paris?"}]
    first = _answered(contract, {"messages": messages, "tools": TOOLS}, at=at).content["choices"][0]
    calls = first["message"]["tool_calls"]
    messages += [first["message"], *({"role": "tool", "content": "21", "tool_call_id": call["id"]} for call in calls)]
    second = _answered(contract, {"messages": messages, "tools": TOOLS}, at=at).content["choices"][0]
    assert (first["finish_reason"], second["finish_reason"]) == ("tool_calls", "stop")
    assert "Paris" in second["message"]["content"]


@pytest.mark.parametrize("form", [FORM, {"type": "json_object"}])
def test_form__is_kept(contract: Contract, form: Any) -> None:
    """The whole text is JSON of that schema."""
    for seed in range(20):
        body = {"messages": [{"role": "user", "content": "hello"}], "response_format": form, "seed": seed}
        made = orjson.loads(_answered(contract, body).content["choices"][0]["message"]["content"])
        assert isinstance(made, dict)
        assert form is not FORM or jsonschema_rs.is_valid(PARAMETERS, made)


def test_choices__differ_and_begin_with_the_only_one(contract: Contract) -> None:
    """As many as the contract admits; the first is what a question for one choice gets."""
    body = {"messages": [{"role": "user", "content": "tell me about cats"}]}
    one = _answered(contract, body).content["choices"][0]["message"]["content"]
    many = [choice["message"]["content"] for choice in _answered(contract, {**body, "n": 128}).content["choices"]]
    assert many[0] == one
    assert len(set(many)) == 128
    assert one == _answered(contract, {**body, "n": 1}).content["choices"][0]["message"]["content"]


def test_log_probabilities__are_those_of_the_text(contract: Contract) -> None:
    """Joined they are the text; each token is the first of its alternatives, which are no more than one together."""
    body = {"messages": [{"role": "user", "content": "日本 🙂 naïve"}], "logprobs": True, "top_logprobs": 20}
    choice = _answered(contract, body).content["choices"][0]
    entries = choice["logprobs"]["content"]
    assert "".join(entry["token"] for entry in entries) == choice["message"]["content"]
    for entry in entries:
        tops = entry["top_logprobs"]
        assert entry["bytes"] == list(entry["token"].encode())
        assert tops[0] == {name: entry[name] for name in ("token", "logprob", "bytes")}
        assert len({each["token"] for each in tops}) == 20
        assert [each["logprob"] for each in tops] == sorted((each["logprob"] for each in tops), reverse=True)
        assert all(each["logprob"] <= 0 for each in tops)
        assert sum(2.718281828 ** each["logprob"] for each in tops) <= 1.0001


@pytest.mark.parametrize("fields", [{}, {"n": 2}, {"logprobs": False}])
def test_log_probabilities__are_absent_unasked(contract: Contract, fields: dict[str, Any]) -> None:
    """Alternatives are empty when none are asked for."""
    body = {"messages": [{"role": "user", "content": "hello"}], **fields}
    assert all(choice.get("logprobs") is None for choice in _answered(contract, body).content["choices"])
    asked = _answered(contract, {**body, "logprobs": True}).content["choices"][0]["logprobs"]["content"]
    assert all(entry["top_logprobs"] == [] for entry in asked)


@settings(deadline=None, max_examples=30)
@given(body=BODIES)
def test_same_request__same_answer(contract: Contract, body: dict[str, Any]) -> None:
    """On another server of the same seed, but for the ids."""
    one, other = (_answered(contract, body).content for _ in range(2))
    for made in (one, other):
        made.pop("id")
        for choice in made["choices"]:
            for call in choice["message"].get("tool_calls", ()):
                call.pop("id")
    assert one == other


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": 7}}}]},
            "tools.0.function.parameters",
        ),
        (
            {"tools": [*TOOLS, {"type": "function", "function": {"name": "f", "parameters": {"enum": []}}}]},
            "tools.2.function.parameters",
        ),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "a", "schema": {"$ref": "http://a/b"}},
                }
            },
            "response_format.json_schema.schema",
        ),
        ({"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "nope"}}}, "tool_choice"),
        ({"tool_choice": "required"}, "tools"),
        ({"tools": []}, "tools"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools.0.function.name"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"n": 0}, "n"),
        ({"n": 129}, "n"),
        ({"top_logprobs": 2}, "logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
    ],
)
def test_what_cannot_be_answered__is_refused_by_name(contract: Contract, fields: dict[str, Any], param: str) -> None:
    """400, and the field that is wrong."""
    reply = _answered(contract, {"messages": [{"role": "user", "content": "get_weather"}], **fields})
    assert reply.status == 400
    assert reply.content["error"]["param"] == param
    assert param.rpartition(".")[2] in message_of(reply)


def test_dialect_without_tools__ignores_them(contract: Contract) -> None:
    """Whatever stands there: the page names messages only."""
    messages = [
        {"role": "user", "content": "hi", "tool_calls": 5},
        {"role": "assistant", "content": "hi", "tool_calls": [7]},
    ]
    body = {"messages": messages, "tools": 7, "n": 5, "logprobs": "yes"}
    made = service(contract).answer(request(contract.operations["segmind-openai"], body), NOW_NS)
    assert made.status == 200
    assert len(made.content["choices"]) == 1


@pytest.mark.parametrize("fields", [{}, {"n": 3}, {"n": 9}, {"logprobs": True}, {"tools": TOOLS}])
def test_scripted_text__is_what_every_choice_says(contract: Contract, fields: dict[str, Any]) -> None:
    """Whatever else was asked for."""
    operation, replies = contract.operations["nvidia"], CompletionGenerator(0, lambda: "chatcmpl-1")
    asked = completion_request(
        operation, operation.models[0], {"messages": [{"role": "user", "content": "hello"}], **fields}
    )
    made = whole(replies.completion(asked, replies.script(asked).saying(("as", " told"), asked), 1))
    assert [choice["message"]["content"] for choice in made["choices"]] == ["as told"] * fields.get("n", 1)


def test_call_cut_by_max_tokens__says_length(contract: Contract) -> None:
    """With as much of the arguments as there was room for, and as many tokens counted as allowed."""
    body = {"messages": [{"role": "user", "content": "hi"}], "tools": TOOLS}
    full = _answered(contract, body).content["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]
    for limit in range(1, 25):
        made = _answered(contract, {**body, "max_tokens": limit}).content
        (call,) = made["choices"][0]["message"]["tool_calls"]
        assert made["usage"]["completion_tokens"] == limit
        assert made["choices"][0]["finish_reason"] == "length"
        assert full.startswith(call["function"]["arguments"])
        assert call["function"]["arguments"] != full
