"""What a caller of a plain HTTP client does with an answer: the few lines that everybody writes once more."""

from __future__ import annotations

import json
import os
from typing import Any

from tests.clients.python.asking import Heard, Question

_DATA = "data: "


def request(question: Question) -> dict[str, Any]:
    """URL, headers and body, by the names that plain clients give them."""
    body = {"model": os.environ["MOCK_MODEL"], "messages": question.messages, **question.fields()}
    if question.stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    url = os.environ["MOCK_BASE_URL"] + "/chat/completions"
    return {"url": url, "headers": {"Authorization": f"Bearer {question.key}"}, "json": body}


def read_completion(made: dict[str, Any], heard: Heard) -> None:
    """Takes in the body of a whole answer."""
    _read_usage(made, heard)
    choice = made["choices"][0]
    heard.say(choice["message"]["content"])
    heard.finish_reason = choice["finish_reason"]
    for index, call in enumerate(choice["message"].get("tool_calls") or ()):
        heard.call(index, call["function"]["name"], call["function"]["arguments"])


def read_line(line: str, heard: Heard) -> None:
    """Takes in a line of a stream."""
    if not line.startswith(_DATA) or line.removeprefix(_DATA).strip() == "[DONE]":
        return
    chunk = json.loads(line.removeprefix(_DATA))
    _read_usage(chunk, heard)
    for choice in chunk["choices"]:
        delta = choice["delta"]
        heard.say(delta.get("content"))
        heard.finish_reason = choice["finish_reason"] or heard.finish_reason
        for call in delta.get("tool_calls") or ():
            heard.call(call["index"], call["function"].get("name"), call["function"].get("arguments"))


def _read_usage(answer: dict[str, Any], heard: Heard) -> None:
    if usage := answer.get("usage"):
        heard.usage = [usage["prompt_tokens"], usage["completion_tokens"]]
