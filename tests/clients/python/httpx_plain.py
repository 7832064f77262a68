"""Drives httpx, as who uses no SDK does."""

from __future__ import annotations

import httpx

from tests.clients.python import events
from tests.clients.python.asking import Heard, Question, drive

_client = httpx.Client(timeout=20)


def _ask(question: Question, heard: Heard) -> None:
    if not question.stream:
        answer = _client.post(**events.request(question))
        answer.raise_for_status()
        events.read_completion(answer.json(), heard)
        return
    with _client.stream("POST", **events.request(question)) as answer:
        answer.raise_for_status()
        for line in answer.iter_lines():
            events.read_line(line, heard)


if __name__ == "__main__":
    drive("httpx", _ask)
