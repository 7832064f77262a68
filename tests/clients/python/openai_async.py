"""Drives openai for Python, the asynchronous client."""

from __future__ import annotations

import asyncio
import os
from functools import cache
from typing import Any

from openai import AsyncOpenAI

from tests.clients.python.asking import Heard, Question, drive
from tests.clients.python.openai_sync import read_chunk, read_completion


@cache
def _client(key: str) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=os.environ["MOCK_BASE_URL"], api_key=key, timeout=20)


async def _ask(question: Question, heard: Heard) -> None:
    create: Any = _client(question.key).chat.completions.create
    asked = {"model": os.environ["MOCK_MODEL"], "messages": question.messages, **question.fields()}
    if not question.stream:
        read_completion(await create(**asked), heard)
        return
    async for chunk in await create(**asked, stream=True, stream_options={"include_usage": True}):
        read_chunk(chunk, heard)


if __name__ == "__main__":
    with asyncio.Runner() as runner:
        drive("openai", lambda question, heard: runner.run(_ask(question, heard)))
