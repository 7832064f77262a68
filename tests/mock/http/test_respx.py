from __future__ import annotations

import asyncio

import httpx
import respx
from respx.handlers import ASGIHandler

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.mock.build import build
from mixtral_contract.mock.http.asgi import App

BODY = {"messages": [{"role": "user", "content": "hello"}]}


async def _ask(url: str, headers: dict[str, str]) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.post(url, json=BODY, headers=headers)


def test_real_urls__are_answered_in_process() -> None:
    """An application keeps the vendors' addresses; respx hands its requests to the mock, and no socket is opened."""
    handler = ASGIHandler(App(build(Contract.load())))
    with respx.mock(assert_all_called=True) as router:
        router.route(host="integrate.api.nvidia.com").mock(side_effect=handler)
        router.route(host="api.segmind.com").mock(side_effect=handler)
        nvidia = asyncio.run(
            _ask("https://integrate.api.nvidia.com/v1/chat/completions", {"Authorization": "Bearer mock-valid"})
        )
        segmind = asyncio.run(_ask("https://api.segmind.com/v1/mixtral-8x22b-instruct", {"x-api-key": "wrong"}))
    assert nvidia.json()["choices"][0]["message"]["content"]
    assert segmind.status_code == 401
