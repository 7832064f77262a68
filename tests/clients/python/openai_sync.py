"""Drives openai for Python."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from openai import OpenAI

from tests.clients.python.asking import Heard, Question, drive


@cache
def _client(key: str) -> OpenAI:
    return OpenAI(base_url=os.environ["MOCK_BASE_URL"], api_key=key, timeout=20)


def _ask(question: Question, heard: Heard) -> None:
    create: Any = _client(question.key).chat.completions.create
    asked = {"model": os.environ["MOCK_MODEL"], "messages": question.messages, **question.fields()}
    if not question.stream:
        made = create(**asked)
        read_completion(made, heard)
        return
    for chunk in create(**asked, stream=True, stream_options={"include_usage": True}):
        read_chunk(chunk, heard)


def read_completion(made: Any, heard: Heard) -> None:
    """Takes in a ChatCompletion."""
    message = made.choices[0].message
    heard.say(message.content)
    heard.finish_reason = made.choices[0].finish_reason
    heard.usage = [made.usage.prompt_tokens, made.usage.completion_tokens]
    for index, call in enumerate(message.tool_calls or ()):
        heard.call(index, call.function.name, call.function.arguments)


def read_chunk(chunk: Any, heard: Heard) -> None:
    """Takes in a ChatCompletionChunk."""
    if chunk.usage is not None:
        heard.usage = [chunk.usage.prompt_tokens, chunk.usage.completion_tokens]
    for choice in chunk.choices:
        heard.say(choice.delta.content)
        heard.finish_reason = choice.finish_reason or heard.finish_reason
        for call in choice.delta.tool_calls or ():
            heard.call(call.index, call.function.name, call.function.arguments)


if __name__ == "__main__":
    drive("openai", _ask)
