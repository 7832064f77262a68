"""The clients of these tests, as applications make them: with the vendors' addresses and nothing of ours."""

from __future__ import annotations

import asyncio
from types import ModuleType
from typing import Any

import httpx
import httpx2

NVIDIA = "https://integrate.api.nvidia.com/v1/chat/completions"
SEGMIND = "https://api.segmind.com/v1/mixtral-8x22b-instruct"
SEGMIND_OPENAI = "https://api.segmind.com/v1/mixtral-8x7b-instruct"
MODEL = "mistralai/mixtral-8x22b-instruct-v0.1"
BEARER = {"Authorization": "Bearer mock-valid"}
LIBRARIES = (httpx, httpx2)
NAMES = [library.__name__ for library in LIBRARIES]


def body(**fields: Any) -> dict[str, Any]:
    """A request's body."""
    return {"messages": [{"role": "user", "content": "tell me a joke on cats"}], "max_tokens": 8, **fields}


def ask(library: ModuleType, url: str = NVIDIA, *, on_loop: bool = False, **options: Any) -> Any:
    """The response to one request of a client that reads all of it."""
    options = {"json": body(), "headers": BEARER, "timeout": 20, **options}

    async def ask_on_loop() -> Any:
        async with library.AsyncClient() as client:
            return await client.post(url, **options)

    if on_loop:
        return asyncio.run(ask_on_loop())
    with library.Client() as client:
        return client.post(url, **options)


def parts(library: ModuleType, *, on_loop: bool = False, **options: Any) -> list[bytes]:
    """The parts in which a stream arrives."""
    options = {"json": body(stream=True), "headers": BEARER, "timeout": 20, **options}

    async def read_on_loop() -> list[bytes]:
        async with library.AsyncClient() as client, client.stream("POST", NVIDIA, **options) as response:
            return [part async for part in response.aiter_raw()]

    if on_loop:
        return asyncio.run(read_on_loop())
    with library.Client() as client, client.stream("POST", NVIDIA, **options) as response:
        return list(response.iter_raw())
