"""The official client, as its users use it; nothing of ours reads what it reads."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import httpx2
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from mixtral_contract.mock.testing.mocks import MixtralApi
from tests.mock.conftest import Start

MODEL = "mistralai/mixtral-8x22b-instruct-v0.1"
MESSAGES: Any = [{"role": "user", "content": "tell me a joke on cats"}]


def _client(address: str, key: str = "mock-valid", retries: int = 0) -> OpenAI:
    return OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=retries, timeout=20)


def test_completion__is_read(server: str) -> None:
    """Text, reason and counts arrive as attributes."""
    with _client(server) as client:
        made = client.chat.completions.create(model=MODEL, messages=MESSAGES)
    assert made.object == "chat.completion"
    assert "cats" in (made.choices[0].message.content or "")
    assert made.choices[0].finish_reason == "stop"
    assert made.usage is not None
    assert made.usage.total_tokens == made.usage.prompt_tokens + made.usage.completion_tokens


def test_stream__says_what_the_completion_says(server: str) -> None:
    """Chunk by chunk, one per token, with usage at the end because it was asked for."""
    with _client(server) as client:
        made = client.chat.completions.create(model=MODEL, messages=MESSAGES)
        chunks = list(
            client.chat.completions.create(
                model=MODEL, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
            )
        )
    texts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert "".join(text or "" for text in texts) == made.choices[0].message.content
    assert chunks[-1].choices == []
    assert chunks[-1].usage == made.usage
    assert made.usage is not None
    assert sum(bool(text) for text in texts) == made.usage.completion_tokens


def test_stream_helper__accumulates(server: str) -> None:
    """The SDK's own accumulator agrees with its create."""
    with _client(server) as client:
        made = client.chat.completions.create(model=MODEL, messages=MESSAGES)
        with client.chat.completions.stream(model=MODEL, messages=MESSAGES) as stream:
            final = stream.get_final_completion()
    assert final.choices[0].message.content == made.choices[0].message.content


def test_async_client__gets_the_same(server: str) -> None:
    """Whole and streamed, twenty at once."""

    async def ask() -> list[str]:
        async with AsyncOpenAI(base_url=f"{server}/v1", api_key="mock-valid", timeout=20) as client:
            stream = await client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True)
            texts = ["".join([chunk.choices[0].delta.content or "" async for chunk in stream])]
            calls = [client.chat.completions.create(model=MODEL, messages=MESSAGES) for _ in range(20)]
            return texts + [made.choices[0].message.content or "" for made in await asyncio.gather(*calls)]

    assert len(set(asyncio.run(ask()))) == 1


def test_client_in_process__needs_no_socket() -> None:
    """The SDK's own transport, with the vendor's address and nothing behind it."""

    async def ask() -> str | None:
        async with AsyncOpenAI(base_url="https://integrate.api.nvidia.com/v1", api_key="mock-valid") as client:
            made = await client.chat.completions.create(model=MODEL, messages=MESSAGES, max_tokens=5)
        return made.choices[0].finish_reason

    with MixtralApi():
        finish_reason = asyncio.run(ask())
    assert finish_reason == "length"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (405, openai.APIStatusError),
        (406, openai.APIStatusError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (502, openai.InternalServerError),
        (504, openai.InternalServerError),
    ],
)
def test_documented_status__raises_its_class(server: str, status: int, error: type[openai.APIStatusError]) -> None:
    """With the message, the type and the code of the envelope."""
    with _client(server) as client, pytest.raises(error) as raised:
        client.chat.completions.create(model=MODEL, messages=MESSAGES, extra_headers={"Prefer": f"code={status}"})
    assert type(raised.value) is error
    assert raised.value.status_code == status
    assert raised.value.type
    assert cast("dict[str, Any]", raised.value.body)["message"]


@pytest.mark.parametrize(
    ("key", "error", "code"),
    [
        ("wrong", openai.AuthenticationError, "invalid_api_key"),
        ("mock-forbidden", openai.PermissionDeniedError, "permission_denied"),
        ("mock-exhausted", openai.APIStatusError, "insufficient_quota"),
    ],
)
def test_key__raises_its_class(server: str, key: str, error: type[openai.APIStatusError], code: str) -> None:
    """With the code that client programs look for."""
    with _client(server, key) as client, pytest.raises(error) as raised:
        client.chat.completions.create(model=MODEL, messages=MESSAGES)
    assert raised.value.code == code


def test_malformed_field__is_named(server: str) -> None:
    """As param of the error."""
    with _client(server) as client, pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model=MODEL, messages=MESSAGES, temperature=2)
    assert raised.value.param == "temperature"


def test_rate_limit__is_waited_out_by_a_retry(start: Start) -> None:
    """Call on call, one is refused; the SDK comes back when Retry-After says, and is let in."""
    waits: list[str] = []
    counts: list[str] = []

    def note(response: httpx2.Response) -> None:
        counts.append(response.request.headers["x-stainless-retry-count"])
        waits.extend(filter(None, [response.headers.get("retry-after")]))

    http_client = httpx2.Client(event_hooks={"response": [note]})
    with OpenAI(base_url=f"{start()}/v1", api_key="mock-limited", max_retries=1, http_client=http_client) as client:
        while not waits:
            client.chat.completions.create(model=MODEL, messages=MESSAGES)
    assert counts[-2:] == ["0", "1"]
    assert waits == ["1"]


def test_segmind__is_reached_with_post(server: str) -> None:
    """Its URL ends with the model, which `chat.completions` cannot spell."""
    with _client(server) as client:
        answer = client.post("/mixtral-8x22b-instruct", body={"messages": MESSAGES}, cast_to=cast("Any", object))
    assert answer["model"] == "mixtral-8x22b-instruct"
