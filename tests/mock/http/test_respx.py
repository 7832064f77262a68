"""respx in a test's own hands: its routes hand their requests to the mock, which replaces nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
import respx

from mixtral_contract.mock.testing.mocks import MixtralApi
from tests.support.api_requests import BEARER, NVIDIA, SEGMIND, ask


@pytest.mark.parametrize("on_loop", [False, True], ids=["sync", "async"])
def test_real_urls__are_answered_in_process(*, on_loop: bool) -> None:
    """An application keeps the vendors' addresses; respx hands its requests to the mock, and no socket is opened."""
    router = MixtralApi(strict_keys=True).router
    handler: Any = router.async_handler if on_loop else router.handler
    with respx.mock(assert_all_called=True) as own:
        own.route(host="integrate.api.nvidia.com").mock(side_effect=handler)
        own.route(host="api.segmind.com").mock(side_effect=handler)
        nvidia = ask(httpx, NVIDIA, on_loop=on_loop, headers=BEARER)
        segmind = ask(httpx, SEGMIND, on_loop=on_loop, headers={"x-api-key": "wrong"})
    assert nvidia.json()["choices"][0]["message"]["content"]
    assert segmind.status_code == 401


def test_stream__reaches_a_client_of_respx() -> None:
    """Event by event, as without respx."""

    async def read() -> list[bytes]:
        async with httpx.AsyncClient() as client:
            json = {"messages": [{"role": "user", "content": "hello"}], "stream": True}
            async with client.stream("POST", NVIDIA, json=json, headers=BEARER) as response:
                return [part async for part in response.aiter_raw()]

    with respx.mock() as own:
        own.route(host="integrate.api.nvidia.com").mock(side_effect=MixtralApi().router.async_handler)
        received = asyncio.run(read())
    assert b"".join(received).endswith(b"data: [DONE]\n\n")
