from __future__ import annotations

import json
from typing import Any

import pytest

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.suite.generation.schema_oracle import Oracle
from mixtral_contract.suite.http.exchange import Exchange, Request

ORACLE = Oracle(Contract.load())
ANSWER: dict[str, Any] = {
    "id": "x",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
CHUNK = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []}


def _departures(body: bytes, media_type: str = "application/json") -> list[str]:
    headers = (("Content-Type", media_type),)
    return ORACLE.departures("nvidia", Exchange(Request("POST", "http://x"), 200, headers, ((1, body),)))


def test_good_answer__has_no_departure() -> None:
    """Fields that no document names are tolerated."""
    assert _departures(json.dumps({**ANSWER, "system_fingerprint": None}).encode()) == []


@pytest.mark.parametrize(
    ("change", "departures"),
    [({"object": "completion"}, 1), ({"id": 7, "created": "now"}, 1), ({"choices": []}, 1), ({"usage": None}, 1)],
)
def test_bad_answer__departs(change: dict[str, Any], departures: int) -> None:
    """One departure or several, each in one line."""
    found = _departures(json.dumps({**ANSWER, **change}).encode())
    assert len(found) >= departures
    assert all("\n" not in line for line in found)


@pytest.mark.parametrize(
    ("events", "departs"),
    [
        ([json.dumps(CHUNK), "[DONE]"], False),
        ([json.dumps({**CHUNK, "id": 7}), "[DONE]"], True),
        ([json.dumps({**CHUNK, "choices": [{"index": 0, "delta": {"content": 7}}]})], True),
        (["{"], True),
    ],
)
def test_stream__is_judged_event_by_event(events: list[str], departs: bool) -> None:  # noqa: FBT001  an expectation
    """Each event's data is a chunk, or [DONE]."""
    raw = "".join(f"data: {data}\n\n" for data in events).encode()
    assert bool(_departures(raw, "text/event-stream; charset=utf-8")) is departs
