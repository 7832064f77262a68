"""Drives LiteLLM, its provider `openai` pointed at another address."""

from __future__ import annotations

import os
from typing import Any

import litellm

from tests.clients.python.asking import Heard, Question, drive
from tests.clients.python.openai_sync import read_chunk, read_completion


def _ask(question: Question, heard: Heard) -> None:
    asked = {
        "model": f"openai/{os.environ['MOCK_MODEL']}",
        "api_base": os.environ["MOCK_BASE_URL"],
        "api_key": question.key,
        "messages": question.messages,
        "timeout": 20,
        **question.fields(),
    }
    if not question.stream:
        read_completion(litellm.completion(**asked), heard)
        return
    for chunk in litellm.completion(**asked, stream=True, stream_options={"include_usage": True}):
        read_chunk(_with_usage(chunk), heard)


def _with_usage(chunk: Any) -> Any:
    """The chunk with an attribute that OpenAI's always have, and LiteLLM's only when it has something to say."""
    if not hasattr(chunk, "usage"):
        chunk.usage = None
    return chunk


if __name__ == "__main__":
    drive("litellm", _ask)
