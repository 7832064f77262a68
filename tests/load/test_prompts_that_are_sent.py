"""What a run sends: a trace's lengths, a conversation's turns."""

from __future__ import annotations

import json
from pathlib import Path

from tests.load.test_locust_command import run, timed
from tests.support.scripted_stream_server import (
    ScriptedServer,
    stream,
)


def test_trace__is_played_with_its_lengths(tmp_path: Path) -> None:
    """Twice as fast as it was recorded."""
    trace = tmp_path / "trace.jsonl"
    rows = [{"timestamp": 400 * index, "input_length": 20 + index, "output_length": 5 + index} for index in range(5)]
    trace.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with ScriptedServer(timed) as server:
        ended = run(tmp_path, "--host", server.url, "--arrivals", f"trace:{trace}", "--speed", "2", "-t", "2s")
        asked = sorted(request.body["max_tokens"] for request in server.requests)
    assert ended.code == 0, ended.stderr
    assert [line["due_s"] for line in sorted(ended.requests, key=lambda line: float(line["due_s"]))] == [
        0.0,
        0.2,
        0.4,
        0.6,
        0.8,
    ]
    assert asked == [5, 6, 7, 8, 9]


def test_conversation__carries_what_was_said(tmp_path: Path) -> None:
    """Three turns: one, three and five messages, the answers between them as the server gave them; then a new one."""
    with ScriptedServer(lambda _: stream(3)) as server:
        ended = run(tmp_path, "--host", server.url, "-u", "1", "--turns", "3", "--think-time", "50ms", "-t", "2s")
        asked = [request.body["messages"] for request in server.requests]
    assert ended.code == 0, ended.stderr
    assert [len(messages) for messages in asked[:4]] == [1, 3, 5, 1]
    first, second, third = asked[:3]
    assert (second[:1], third[:3]) == (first, second)
    assert {message["content"] for message in (second[1], third[3])} == {" a b c"}
    assert asked[3] != first
