"""What an answer said, as the next turn repeats it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mixtral_contract.load.reading.answer_text import answer_text
from mixtral_contract.load.reading.completion import read_completion
from mixtral_contract.load.reading.outcome import Outcome
from tests.support.load_records import exchange
from tests.support.scripted_stream_server import DONE, event, usage

CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
PARTS = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "x"}}, {"type": "text", "text": "b"}]
STOP = event(finish="stop")
USAGE = event(usage=usage(1))


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": "a"}, "a"),
        ({"content": None}, ""),
        ({}, ""),
        ({"content": ""}, ""),
        ({"content": PARTS}, "ab"),
        ({"content": ["a", {"text": None}, 7]}, "a"),
        ({"content": {"text": "a"}}, ""),
        ({"content": 7}, ""),
        ({"tool_calls": [CALL]}, 'f{"a": 1}'),
        ({"content": None, "tool_calls": [CALL, CALL]}, 'f{"a": 1}f{"a": 1}'),
        ({"content": "a", "tool_calls": [CALL]}, "a"),
        ({"tool_calls": None}, ""),
        ({"tool_calls": [7, {"function": None}, {"function": {"arguments": {"a": 1}}}]}, ""),
    ],
)
def test_answer__is_said_again(message: dict[str, Any], text: str) -> None:
    """Whole, and as the delta of a stream."""
    body = {"choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}]}
    whole = exchange(json.dumps(body).encode(), content_type="application/json")
    assert read_completion(whole, streamed=False).outcome.is_answer
    assert answer_text(whole, streamed=False) == text
    streamed = exchange(event({"role": "assistant"}), event(message), STOP, USAGE, DONE)
    assert read_completion(streamed, streamed=True).outcome.is_answer
    assert answer_text(streamed, streamed=True) == text


@pytest.mark.parametrize("end", [DONE, b"data: [DONE] \n\n", b"data: [DONE]", b"", DONE + b"data: garbage\n\n"])
def test_stream__is_said_again_whatever_its_end(end: bytes) -> None:
    """A call comes in pieces; what follows the end is no part of it."""
    pieces = [event({"tool_calls": [{"index": 0, "function": part}]}) for part in ({"name": "f"}, {"arguments": "{}"})]
    answer = exchange(*pieces, STOP, USAGE + end)
    assert read_completion(answer, streamed=True).outcome is Outcome.OK
    assert answer_text(answer, streamed=True) == "f{}"
