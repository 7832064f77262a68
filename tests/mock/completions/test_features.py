from __future__ import annotations

from typing import Any

import pytest

from mixtral_contract.mock.completions.features import UnanswerableError, called_functions, check, request_features

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
USER = {"role": "user", "content": "What is the weather in Paris?"}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "content": "x", "tool_call_id": "c1"}


def _tool(name: str, description: str | None = None) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "description": description}}


def _asked(**fields: Any) -> Any:
    made = request_features(fields)
    assert made is not None
    return made


def test_plain_question__demands_nothing() -> None:
    """So that it is answered the short way."""
    assert request_features({"messages": [USER], "temperature": 0.5, "tool_choice": "none"}) is None


@pytest.mark.parametrize(
    ("fields", "messages", "calls"),
    [
        ({}, [USER], True),
        ({"tool_choice": "auto"}, [USER], True),
        ({"tool_choice": "auto"}, [USER, CALLING, RESULT], False),
        ({}, [USER, {"role": "assistant", "content": "hi"}], False),
        ({"tool_choice": "none"}, [USER], False),
        ({"tool_choice": "required"}, [USER, CALLING, RESULT], True),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, [USER, CALLING, RESULT], True),
    ],
)
def test_auto__calls_until_there_is_a_result(fields: dict[str, Any], messages: list[Any], calls: bool) -> None:  # noqa: FBT001
    """A loop that executes what is called and asks again ends by itself."""
    assert _asked(tools=[_tool("f")], **fields).calls(messages) is calls


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("What is the weather in Paris?", ["get_weather"]),
        ("get_time and Get_Weather, please", ["get_weather", "get_time"]),
        ("What time is it?", ["get_time"]),
        ("call get_time, whatever car or bike she orders", ["get_time"]),
        ("hello", ["get_weather", "get_time", "buy"]),
        ("I want a new car", ["buy"]),
    ],
)
def test_suited_functions__share_words_with_the_question(said: str, names: list[str]) -> None:
    """A name that is said wins over words that are shared."""
    tools = [_tool("get_weather"), _tool("get_time"), _tool("buy", "Orders a car or a bike.")]
    assert [function.name for function in _asked(tools=tools).suited(said)] == names


def test_called_functions__come_last() -> None:
    """A loop in which a call is required each time gets to the function that takes the result."""
    asked = _asked(tools=[_tool("get_weather"), _tool("final_result")], tool_choice="required")
    weather, final = asked.functions
    assert asked.suited("the weather?") == (weather,)
    assert asked.suited("the weather?", {"get_weather"}) == (final,)
    assert asked.suited("get_weather and final_result", {"get_weather"}) == (final,)
    assert asked.suited("the weather?", {"get_weather", "final_result"}) == (weather,)


def test_called_functions__are_those_since_the_user_spoke() -> None:
    """The next question may want them again."""
    assert called_functions([USER, CALLING, RESULT]) == {"f"}
    assert called_functions([USER, CALLING, RESULT, USER]) == set()


@pytest.mark.parametrize(
    ("messages", "field"),
    [
        ([USER, RESULT], "messages.1.tool_call_id"),
        ([USER, CALLING, {**RESULT, "tool_call_id": "c2"}], "messages.2.tool_call_id"),
        ([USER, CALLING, RESULT, RESULT], "messages.3.tool_call_id"),
        ([USER, CALLING, RESULT, USER, RESULT], "messages.4.tool_call_id"),
        ([USER, CALLING, USER], "messages.1.tool_calls"),
        ([USER, CALLING], "messages.1.tool_calls"),
    ],
)
def test_loose_call_or_result__is_refused(messages: list[Any], field: str) -> None:
    """Every result answers a call right before it, and every call gets one."""
    with pytest.raises(UnanswerableError) as raised:
        check(messages, None)
    assert raised.value.field == field


@pytest.mark.parametrize(
    "messages",
    [
        [USER, CALLING, RESULT],
        [USER, CALLING, RESULT, USER],
        [USER, CALLING, RESULT, CALLING, RESULT],
        [USER, {**CALLING, "tool_calls": [CALL, {**CALL, "id": "c2"}]}, {**RESULT, "tool_call_id": "c2"}, RESULT],
        [USER, {"role": "assistant", "content": "hi", "tool_calls": None}, USER],
    ],
)
def test_calls_with_results__are_accepted(messages: list[Any]) -> None:
    """In any order of the results."""
    check(messages, None)


def test_undeclared_function__is_refused() -> None:
    """The message lists those that are."""
    asked = _asked(tools=[_tool("f"), _tool("g")], tool_choice={"type": "function", "function": {"name": "h"}})
    with pytest.raises(UnanswerableError, match="f, g, got 'h'") as raised:
        check([USER], asked)
    assert raised.value.field == "tool_choice"
