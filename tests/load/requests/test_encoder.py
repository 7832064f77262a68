"""The bytes of a request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mixtral_contract.load.requests.encoder import RequestWriter
from mixtral_contract.load.requests.generator import ChatRequest
from tests.load.settings.test_settings import settings


def written(tmp_path: Path, host: str, **changes: Any) -> tuple[list[str], dict[str, Any]]:
    """Head lines and body of a request with the key `sesame`."""
    request = RequestWriter(settings(tmp_path, host, **changes), "sesame").write(
        ChatRequest([{"role": "user", "content": "héllo"}], 9)
    )
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode("ascii").split("\r\n")
    assert f"content-length: {len(body)}" in lines
    return lines, json.loads(body)


def test_nvidia__streams_and_asks_for_usage(tmp_path: Path) -> None:
    """Every field that the contract documents and a measurement needs."""
    lines, body = written(tmp_path, "http://127.0.0.1:8000/base/")
    assert lines[0] == "POST /base/v1/chat/completions HTTP/1.1"
    assert {"host: 127.0.0.1:8000", "authorization: Bearer sesame", "accept: text/event-stream"} <= set(lines)
    assert body == {
        "model": "mistralai/mixtral-8x22b-instruct-v0.1",
        "messages": [{"role": "user", "content": "héllo"}],
        "max_tokens": 9,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize(
    ("dialect", "credential"), [("segmind", "x-api-key: sesame"), ("segmind-openai", "authorization: Bearer sesame")]
)
def test_segmind__gets_only_what_it_documents(tmp_path: Path, dialect: str, credential: str) -> None:
    """No stream, no max_tokens, no model: the key goes where the dialect wants it."""
    lines, body = written(tmp_path, "http://localhost", dialect=dialect)
    assert {credential, "accept: application/json", "host: localhost"} <= set(lines)
    assert body == {"messages": [{"role": "user", "content": "héllo"}]}


def test_model__is_the_one_asked_for(tmp_path: Path) -> None:
    """A local deployment has names of its own."""
    assert written(tmp_path, "http://localhost", model="my/mixtral")[1]["model"] == "my/mixtral"
