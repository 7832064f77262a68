"""Conversations of a closed loop, whatever the answers hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.load.test_locust_command import run
from tests.support.scripted_stream_server import Script, ScriptedServer, Sleep, answer, usage

CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def saying(message: dict[str, Any]) -> Script:
    """An answer in one piece."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "tool_calls"}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage(3)}
    return [Sleep(0.05), answer("200 OK", json.dumps(body).encode())]


@pytest.mark.parametrize(
    ("message", "text"),
    [({"tool_calls": [CALL]}, "f{}"), ({"content": [{"type": "text", "text": "Hi."}]}, "Hi.")],
    ids=["call", "parts"],
)
def test_conversation__goes_on_after_any_answer(tmp_path: Path, message: dict[str, Any], text: str) -> None:
    """The second turn is sent, and holds what was said."""
    with ScriptedServer(lambda _: saying(message)) as server:
        ended = run(
            tmp_path, "--host", server.url, "--dialect", "segmind-openai", "-u", "1", "--turns", "2", "-t", "2s"
        )
        asked = [request.body["messages"] for request in server.requests]
    assert ended.summary["outcomes"]["ok"] == len(ended.requests) > 2
    assert [len(messages) for messages in asked[:4]] == [1, 3, 1, 3]
    assert asked[1][1] == {"role": "assistant", "content": text}


def test_conversation__begins_anew_after_an_answer_that_says_nothing(tmp_path: Path) -> None:
    """It failed: there is nothing to go on from, and nothing raises."""
    with ScriptedServer(lambda _: saying({"content": None})) as server:
        ended = run(
            tmp_path, "--host", server.url, "--dialect", "segmind-openai", "-u", "1", "--turns", "2", "-t", "4s"
        )
        asked = [request.body["messages"] for request in server.requests]
    assert ended.summary["outcomes"]["empty"] == len(ended.requests) > 1
    assert [len(messages) for messages in asked] == [1] * len(asked)


def test_prompts_without_a_user__begin_no_conversation(tmp_path: Path) -> None:
    """Each request is just its line."""
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"messages": [{"role": "system", "content": "Speak."}]}', encoding="utf-8")
    with ScriptedServer(lambda _: saying({"content": "a"})) as server:
        run(
            tmp_path,
            *("--host", server.url, "--dialect", "segmind-openai", "-u", "1", "--prompts", str(path), "-t", "2s"),
        )
        asked = [len(request.body["messages"]) for request in server.requests]
    assert len(asked) > 2
    assert set(asked) == {1}
