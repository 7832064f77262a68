"""Routes of a test's own, beside the mock: for both libraries, with and without an event loop, on every host."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from types import ModuleType

import httpx
import pytest
from openai import OpenAI

from mixtral_contract.mock.testing.mocks import MixtralApi
from mixtral_contract.mock.testing.network.guard import UnmockedError
from tests.support.api_requests import LIBRARIES, NAMES, NVIDIA, ask

VENDOR = "https://integrate.api.nvidia.com/v1/embeddings"
OTHER = "https://other.example/v1/embeddings"
EMBEDDING = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "model": "e"}

over_each_library = pytest.mark.parametrize("library", LIBRARIES, ids=NAMES)
with_and_without_loop = pytest.mark.parametrize("on_loop", [False, True], ids=["sync", "async"])


@over_each_library
@with_and_without_loop
@pytest.mark.parametrize("url", [VENDOR, OTHER], ids=["vendor", "other"])
def test_route__answers(library: ModuleType, url: str, *, on_loop: bool) -> None:
    """Status, header fields and body; the route sees the request."""
    with MixtralApi() as api:
        route = api.router.post(url).respond(201, json=EMBEDDING, headers={"x-own": "yes"})
        answer = ask(library, url, on_loop=on_loop, json={"input": "x"})
        assert (answer.status_code, answer.json(), answer.headers["x-own"]) == (201, EMBEDDING, "yes")
        assert isinstance(answer, library.Response)
        assert json.loads(route.calls.last.request.content) == {"input": "x"}
        assert ask(library, on_loop=on_loop).status_code == 200
        api.assert_called(1)


def test_openai_sdk__embeds_and_chats_on_one_host() -> None:
    """As an application does that looks something up first."""
    with MixtralApi() as api, OpenAI(max_retries=0) as client:
        api.router.post(VENDOR).respond(json=EMBEDDING)
        assert client.embeddings.create(model="e", input="x", encoding_format="float").data[0].embedding == [0.5]
        assert client.chat.completions.create(
            model="mistralai/mixtral-8x22b-instruct-v0.1", messages=[{"role": "user", "content": "hello"}]
        ).choices


@over_each_library
@with_and_without_loop
def test_route_of_the_mocks_own_url__comes_first(library: ModuleType, *, on_loop: bool) -> None:
    """Who writes one means it."""
    with MixtralApi() as api:
        api.router.post(NVIDIA).respond(418)
        assert ask(library, on_loop=on_loop).status_code == 418
        api.assert_not_called()


@over_each_library
@with_and_without_loop
def test_error_of_a_route__is_one_of_the_library(library: ModuleType, *, on_loop: bool) -> None:
    """The application catches what it would catch."""
    with MixtralApi() as api:
        api.router.post(OTHER).mock(side_effect=httpx.ConnectTimeout("too late"))
        with pytest.raises(library.ConnectTimeout, match="too late"):
            ask(library, OTHER, on_loop=on_loop)


@over_each_library
@with_and_without_loop
def test_stream_of_a_route__comes_in_parts(library: ModuleType, *, on_loop: bool) -> None:
    """Sync and async ones."""

    class Parts(httpx.SyncByteStream, httpx.AsyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield from (b"one ", b"two")

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for part in self:
                yield part

    with MixtralApi() as api:
        api.router.post(OTHER).mock(side_effect=lambda _: httpx.Response(200, stream=Parts()))
        assert ask(library, OTHER, on_loop=on_loop).text == "one two"


@over_each_library
def test_route_that_does_not_match__lets_nothing_leave(library: ModuleType) -> None:
    """Another URL of the same host is stopped; one of a vendor's host is the mock's affair."""
    with MixtralApi(allow_unmatched=True, allow_unused=True) as api:
        api.router.post(OTHER).respond(200)
        with pytest.raises(UnmockedError):
            ask(library, "https://other.example/v1/else")
        assert ask(library, "https://integrate.api.nvidia.com/v1/else").status_code == 404


@over_each_library
def test_route_that_passes_through__reaches_its_host(library: ModuleType) -> None:
    """The guard of sockets lets it, too; that there is nobody is the network's word."""
    with MixtralApi() as api:
        api.router.post("http://127.0.0.2:1/").pass_through()
        with pytest.raises(library.ConnectError):
            ask(library, "http://127.0.0.2:1/")
        assert api.unanswered == []
