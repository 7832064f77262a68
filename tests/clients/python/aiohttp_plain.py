"""Drives aiohttp, as who uses no SDK does."""

from __future__ import annotations

import asyncio

import aiohttp

from tests.clients.python import events
from tests.clients.python.asking import Heard, Question, drive


async def _ask(session: aiohttp.ClientSession, question: Question, heard: Heard) -> None:
    async with session.post(**events.request(question), raise_for_status=True) as answer:
        if not question.stream:
            events.read_completion(await answer.json(), heard)
            return
        async for line in answer.content:
            events.read_line(line.decode(), heard)


async def _open() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20))


if __name__ == "__main__":
    with asyncio.Runner() as runner:
        opened = runner.run(_open())
        drive("aiohttp", lambda question, heard: runner.run(_ask(opened, question, heard)))
        runner.run(opened.close())
