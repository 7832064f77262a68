"""The official client as an application makes it, with nothing but what it reads from the environment."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from mixtral_contract.mock.testing.mocks import MixtralApi, MixtralServer
from tests.support.api_requests import MODEL, NVIDIA, body

MESSAGES: Any = [{"role": "user", "content": "tell me a joke on cats"}]

on_each = pytest.mark.parametrize("kind", [MixtralApi, MixtralServer])


def _create(client: OpenAI) -> str:
    return client.chat.completions.create(model=MODEL, messages=MESSAGES).choices[0].message.content or ""


@on_each
def test_refused_then_answered__is_retried_by_the_sdk(kind: type[MixtralApi | MixtralServer]) -> None:
    """One line for the incident, none for the rest: the SDK comes back when it was told to."""
    with kind() as api, OpenAI() as client:
        api.next("429", retry_after=1)
        assert "cats" in _create(client)
        first, second = api.requests
        api.assert_called(2)
        api.assert_no_retry_storm()
        api.assert_no_complaints()
    assert (first.status, first.retry_after_s, second.status) == (429, 1, 200)
    assert second.at_s - first.at_s >= 1


@on_each
def test_stream__is_read(kind: type[MixtralApi | MixtralServer]) -> None:
    """Chunk by chunk, to its end."""
    with kind(itl_ms=1) as api, OpenAI() as client:
        api.reply("Why did the cat sit on the computer?")
        chunks = list(client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True))
        requests = api.requests
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "Why did the cat sit on the computer?"
    assert [(request.stream, request.end) for request in requests] == [(True, "complete")]


@on_each
def test_async_client__is_answered(kind: type[MixtralApi | MixtralServer]) -> None:
    """Whole and streamed, several at once."""

    async def talk() -> list[str]:
        async with kind() as api, AsyncOpenAI() as client:
            api.reply("Hello.")
            stream = await client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True)
            texts = ["".join([chunk.choices[0].delta.content or "" async for chunk in stream])]
            calls = [client.chat.completions.create(model=MODEL, messages=MESSAGES) for _ in range(5)]
            texts += [made.choices[0].message.content or "" for made in await asyncio.gather(*calls)]
            api.assert_called(6)
        return texts

    assert asyncio.run(talk()) == ["Hello."] * 6


def test_cut_stream__raises_to_the_application() -> None:
    """As over a socket."""
    with MixtralApi() as api, OpenAI() as client:
        api.next("cut", after=3)
        stream = client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True)
        with pytest.raises(openai.APIConnectionError) as raised:
            list(stream)
    assert "peer closed connection" in str(raised.value.__cause__)


def test_stall__is_a_timeout() -> None:
    """The SDK retries it; what the application waits is its own timeout, not the stall."""
    since = time.monotonic()
    with MixtralApi() as api, OpenAI(timeout=0.05, max_retries=1) as client:
        api.next("stall", after=0, ms=3_600_000)
        api.next("stall", after=0, ms=3_600_000)
        with pytest.raises(openai.APITimeoutError):
            _create(client)
        api.assert_called(2)
    assert time.monotonic() - since < 60


@pytest.mark.parametrize(
    ("key", "error"),
    [
        ("wrong", openai.AuthenticationError),
        ("mock-forbidden", openai.PermissionDeniedError),
        ("mock-exhausted", openai.APIStatusError),
    ],
)
def test_key_of_the_application__is_judged(key: str, error: type[openai.APIStatusError]) -> None:
    """One that it sends by itself stays what it is."""
    with MixtralApi(strict_keys=True), OpenAI(api_key=key) as client, pytest.raises(error):
        _create(client)


def test_client_of_a_module__goes_on_working(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made before the mock began, with the real key of the environment: that counts as valid while the mock runs."""
    monkeypatch.setenv("OPENAI_API_KEY", "nvapi-a-real-one")
    with OpenAI(base_url="https://integrate.api.nvidia.com/v1") as client, MixtralApi() as api:
        assert _create(client)
        assert [request.account for request in api.requests] == ["environment-1"]
        assert "nvapi" not in repr(api.requests)


def test_other_base_url__is_stopped() -> None:
    """The SDK wraps what stopped it; the mock still tells the test."""
    with (
        pytest.raises(AssertionError, match=r"https://api\.openai\.com/v1/chat/completions"),
        MixtralApi(),
        OpenAI(base_url="https://api.openai.com/v1", max_retries=0) as client,
        pytest.raises(openai.APIConnectionError),
    ):
        _create(client)


@on_each
def test_key_of_the_application__is_taken(
    kind: type[MixtralApi | MixtralServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that it names itself, and one that the test sets; neither is shown."""
    with kind() as mock:
        with OpenAI(api_key="sk-in-the-code") as client:
            assert _create(client)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-test")
        with OpenAI() as client:
            assert client.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": "my key is sk-of-the-test"}]
            )
        assert [request.account for request in mock.requests] == ["application-1", "application-2"]
        assert "sk-" not in repr([request.body for request in mock.requests])
        with pytest.raises(AssertionError, match="in the body"):
            mock.assert_no_key_leaked()


def test_no_key__is_refused_all_the_same() -> None:
    """An application that forgets its key is told."""
    with MixtralApi() as api, httpx.Client() as client:
        assert client.post(NVIDIA, json=body()).status_code == 401
        assert [request.account for request in api.requests] == [None]
