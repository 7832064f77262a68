"""What a stream does otherwise than it should, by name."""

from __future__ import annotations

from typing import Any

from mixtral_contract.contract.openapi import Contract
from tests.support.scripted_answers import answered, chunks

CALLS = [{"name": "get_weather", "arguments": {"city": "Paris"}}, {"name": "book", "arguments": {"nights": 2}}]


def _odd(contract: Contract, reply: Any, **oddities: str) -> list[dict[str, Any]]:
    whole = reply if isinstance(reply, dict) else {"parts": reply}
    return chunks(answered(contract, {**whole, "oddities": oddities}, stream=True))


def _fragments(stream: list[dict[str, Any]]) -> list[dict[str, Any]]:
    deltas = [choice["delta"] for chunk in stream for choice in chunk["choices"]]
    return [call for delta in deltas for call in delta.get("tool_calls", ())]


def test_tool_index__is_the_same_or_missing(contract: Contract) -> None:
    """In every fragment."""
    assert {call["index"] for call in _fragments(_odd(contract, {"tool_calls": CALLS}, tool_index="same"))} == {0}
    assert not any("index" in call for call in _fragments(_odd(contract, {"tool_calls": CALLS}, tool_index="missing")))


def test_tool_id__is_in_each_fragment_or_in_none(contract: Contract) -> None:
    """With the function's name in each."""
    each = _fragments(_odd(contract, {"tool_calls": CALLS}, tool_id="each"))
    assert {(call["id"], call["function"]["name"]) for call in each} == {
        ("call_10000", "get_weather"),
        ("call_10001", "book"),
    }
    assert all("id" in call and "name" in call["function"] for call in each)
    assert not any("id" in call for call in _fragments(_odd(contract, {"tool_calls": CALLS}, tool_id="missing")))


def test_tool_fragments__alternate_or_are_one(contract: Contract) -> None:
    """Each call whole with its last token."""
    numbers = [
        call["index"] for call in _fragments(_odd(contract, {"tool_calls": CALLS}, tool_fragments="interleaved"))
    ]
    assert numbers[:6] == [0, 1, 0, 1, 0, 1]
    whole = _fragments(_odd(contract, {"tool_calls": CALLS}, tool_fragments="whole"))
    assert [call["function"] for call in whole] == [
        {"name": "get_weather", "arguments": '{"city":"Paris"}'},
        {"name": "book", "arguments": '{"nights":2}'},
    ]


def test_tool_arguments__are_an_object(contract: Contract) -> None:
    """In a stream and whole."""
    stream = _fragments(_odd(contract, {"tool_calls": CALLS}, tool_arguments="object"))
    assert [call["function"]["arguments"] for call in stream] == [{"city": "Paris"}, {"nights": 2}]
    whole = answered(contract, {"tool_calls": CALLS, "oddities": {"tool_arguments": "object"}}).content
    calls = whole["choices"][0]["message"]["tool_calls"]
    assert [call["function"]["arguments"] for call in calls] == [{"city": "Paris"}, {"nights": 2}]


def test_role__is_in_each_chunk_or_in_none(contract: Contract) -> None:
    """The last one too."""
    assert all(chunk["choices"][0]["delta"]["role"] == "assistant" for chunk in _odd(contract, ["a b"], role="each"))
    assert not any("role" in chunk["choices"][0]["delta"] for chunk in _odd(contract, ["a b"], role="missing"))


def test_first_choices__are_empty(contract: Contract) -> None:
    """With what Azure's filter says, or without."""
    assert _odd(contract, ["a"], first_choices="empty")[0]["choices"] == []
    first, *_ = _odd(contract, ["a"], first_choices="filtered")
    assert first["choices"] == []
    assert first["prompt_filter_results"][0]["prompt_index"] == 0


def test_finish_reason__is_with_content_or_said_twice(contract: Contract) -> None:
    """And nowhere else."""
    reasons = [chunk["choices"][0]["finish_reason"] for chunk in _odd(contract, ["a b"], finish_reason="with-content")]
    assert reasons == [None, None, "stop"]
    reasons = [chunk["choices"][0]["finish_reason"] for chunk in _odd(contract, ["a b"], finish_reason="twice")]
    assert reasons == [None, None, None, "stop", "stop"]


def test_deltas__are_one(contract: Contract) -> None:
    """The whole text, at its last token."""
    texts = [chunk["choices"][0]["delta"].get("content") for chunk in _odd(contract, ["a b c"], deltas="whole")]
    assert texts == ["", "a b c", None]


def test_usage__is_in_each_chunk_with_the_finish_or_missing(contract: Contract) -> None:
    """Whether it is asked for or not."""
    each = [chunk["usage"]["completion_tokens"] for chunk in _odd(contract, ["a b"], usage="each")]
    assert each == [1, 1, 2, 2]
    with_finish = [chunk.get("usage") for chunk in _odd(contract, ["a b"], usage="with-finish")]
    assert [counts and counts["completion_tokens"] for counts in with_finish] == [None, None, None, 2]
    missing = answered(
        contract, {"text": "a", "oddities": {"usage": "missing"}}, stream=True, stream_options={"include_usage": True}
    )
    assert not any("usage" in chunk for chunk in chunks(missing))
    assert "usage" not in answered(contract, {"text": "a", "oddities": {"usage": "missing"}}).content
