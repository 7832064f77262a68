"""Conversations of a closed loop, whatever the answers hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.load.prompt_files.samples import MOONCAKE, SHAREGPT
from tests.load.test_locust_command import run
from tests.support.scripted_stream_server import Script, ScriptedServer, Sleep, answer, stream, usage

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


@pytest.mark.parametrize("load", [("-u", "1"), ("--arrivals", "constant:4")], ids=["closed", "open"])
def test_conversations_of_a_file__go_on_turn_by_turn(tmp_path: Path, load: tuple[str, ...]) -> None:
    """The answers between are the server's own, in a closed loop and where arrivals begin each conversation."""
    path = tmp_path / "prompts.json"
    path.write_text(SHAREGPT, encoding="utf-8")
    with ScriptedServer(lambda _: stream(3)) as server:
        ended = run(tmp_path, "--host", server.url, *load, "--prompts", str(path), "--turns", "2", "-t", "2s")
        asked = [[message["content"] for message in request.body["messages"]] for request in server.requests]
    assert ended.summary["outcomes"]["ok"] == len(ended.requests) > 3, ended.stderr
    assert ["Name three rivers."] in asked
    assert ["Name three rivers.", " a b c", "Which is the longest?"] in asked
    assert ["Go on."] in asked
    assert len({tuple(each) for each in asked}) == 3
    assert ended.summary["run"]["prompts"]["requests"] == 3
    assert "prompts: 2 of the form sharegpt, 3 turns" in ended.stderr


def test_trace__ends_when_its_last_conversation_has(tmp_path: Path) -> None:
    """Not with the last arrival: what follows an answer is asked, too."""
    path, trace = tmp_path / "prompts.json", tmp_path / "trace.jsonl"
    path.write_text(SHAREGPT, encoding="utf-8")
    trace.write_text('{"timestamp": 0, "input_length": 9, "output_length": 9}', encoding="utf-8")
    with ScriptedServer(lambda _: stream(3)) as server:
        ended = run(
            tmp_path,
            *("--host", server.url, "--arrivals", f"trace:{trace}", "--prompts", str(path), "--turns", "2"),
            *("--think-time", "300ms", "-t", "20s"),
        )
        asked = [len(request.body["messages"]) for request in server.requests]
    assert asked == [1, 3], ended.stderr
    assert ended.summary["window"]["duration_s"] < 10


def test_times_of_prompts__are_when_they_are_asked(tmp_path: Path) -> None:
    """Each at its own time, and the run ends with the last."""
    path = tmp_path / "prompts.jsonl"
    path.write_text(MOONCAKE.replace("3000", "300").replace("3500", "350"), encoding="utf-8")
    with ScriptedServer(lambda _: stream(3)) as server:
        ended = run(
            tmp_path,
            *("--host", server.url, "--arrivals", "trace", "--prompts", str(path), "-t", "20s"),
        )
        asked = [request.body["max_tokens"] for request in server.requests]
    assert asked == [26, 52, 5], ended.stderr
    assert ended.summary["window"]["duration_s"] < 10


def test_made_conversations__go_on_in_an_open_loop(tmp_path: Path) -> None:
    """Each arrival begins one; its further turns are due when they have been thought about."""
    with ScriptedServer(lambda _: stream(3)) as server:
        ended = run(
            tmp_path,
            *("--host", server.url, "--arrivals", "constant:5", "--turns", "3", "--think-time", "50ms", "-t", "2s"),
        )
        sizes = [len(request.body["messages"]) for request in server.requests]
    assert ended.summary["outcomes"]["ok"] == len(ended.requests), ended.stderr
    assert set(sizes) == {1, 3, 5}
    assert ended.summary["dropped"] == 0
