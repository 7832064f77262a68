"""The vendors' addresses, answered in this process: over httpx and httpx2, with and without an event loop."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import httpx
import httpx2
import pytest
import requests
import respx

from mixtral_contract.mock.testing.mocks import MixtralApi
from mixtral_contract.mock.testing.network.guard import UnmockedError
from mixtral_contract.mock.timing.token_times import by_token
from mixtral_contract.primitives.sse import Decoder
from tests.support.api_requests import (
    BEARER,
    LIBRARIES,
    NAMES,
    NVIDIA,
    SEGMIND,
    SEGMIND_OPENAI,
    ask,
    body,
    parts,
)

over_each_library = pytest.mark.parametrize("library", LIBRARIES, ids=NAMES)
with_and_without_loop = pytest.mark.parametrize("on_loop", [False, True], ids=["sync", "async"])


@over_each_library
@with_and_without_loop
def test_vendors_urls__are_answered(library: ModuleType, *, on_loop: bool) -> None:
    """Each dialect by its own server, with the key where it is read."""
    with MixtralApi() as api:
        answers = [
            ask(library, NVIDIA, on_loop=on_loop),
            ask(library, SEGMIND, on_loop=on_loop, headers={"x-api-key": "mock-valid"}),
            ask(library, SEGMIND_OPENAI, on_loop=on_loop),
        ]
        dialects = [request.dialect for request in api.requests]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert all(answer.json()["choices"][0]["message"]["content"] for answer in answers)
    assert dialects == ["nvidia", "segmind", "segmind-openai"]


def test_no_socket__is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer needs no network at all."""

    def refuse(*_: Any) -> None:
        raise OSError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    with MixtralApi():
        assert [ask(library).status_code for library in LIBRARIES] == [200, 200]


@over_each_library
def test_network__is_given_back(library: ModuleType) -> None:
    """Nothing of the mock is left behind, also when the test failed."""
    before = library.HTTPTransport.handle_request, library.AsyncHTTPTransport.handle_async_request, socket.getaddrinfo
    with pytest.raises(KeyError), MixtralApi():
        raise KeyError
    after = library.HTTPTransport.handle_request, library.AsyncHTTPTransport.handle_async_request, socket.getaddrinfo
    assert before == after
    assert not respx.mocks.HTTPCoreMocker.routers


@over_each_library
@with_and_without_loop
def test_stream__comes_part_by_part_and_never_early(library: ModuleType, *, on_loop: bool) -> None:
    """Each token on its own, none before it is due; what the parts say is what an unpaced stream says."""
    with MixtralApi() as api:
        whole = b"".join(parts(library, on_loop=on_loop))
        api.pace(ttft_ms=20, itl_ms=50)
        since = time.monotonic()
        paced = parts(library, on_loop=on_loop)
        took_s = time.monotonic() - since
        entry = api.mock.journal.entries()[-1]
    assert took_s >= 0.020 + 7 * 0.050
    assert 1 < len(paced) <= 8  # tokens that are late leave together
    assert all(at_ns >= due_ns for at_ns, due_ns in zip(by_token(entry.sent), by_token(entry.dues), strict=True))
    assert _texts(b"".join(paced)) == _texts(whole)


def _texts(stream: bytes) -> list[str]:
    import orjson  # noqa: PLC0415

    events = [event.data for event in Decoder().feed(stream)]
    assert events.pop() == "[DONE]"
    choices = [choice for event in events for choice in orjson.loads(event)["choices"]]
    return [choice["delta"].get("content") or "" for choice in choices]


@over_each_library
@with_and_without_loop
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("incident", "error", "message"),
    [
        ("cut:by=rst", "ReadError", "reset by peer"),
        ("cut:by=fin", "RemoteProtocolError", "peer closed connection without sending complete message body"),
        ("cut:by=chunk", "RemoteProtocolError", "peer closed connection without sending complete message body"),
        ("hangup:by=fin", "RemoteProtocolError", "Server disconnected without sending a response"),
        ("hangup:by=rst", "ReadError", "reset by peer"),
    ],
)
def test_lost_connection__raises_what_a_socket_would(
    library: ModuleType, incident: str, error: str, message: str, *, on_loop: bool, stream: bool
) -> None:
    """By the library's own class, so that the application catches what it would catch."""
    with MixtralApi() as api:
        api.next(incident)
        with pytest.raises(getattr(library, error), match=message):
            ask(library, on_loop=on_loop, json=body(stream=stream))
        assert [request.end for request in api.requests] == ["cut"]


@over_each_library
def test_cut_stream__gives_the_good_events_first(library: ModuleType) -> None:
    """They arrived before the connection was lost."""
    got: list[bytes] = []
    with MixtralApi(itl_ms=1) as api:
        api.next("cut", after=4)
        with (
            pytest.raises(library.RemoteProtocolError),
            library.Client() as client,
            client.stream("POST", NVIDIA, json=body(stream=True), headers=BEARER) as response,
        ):
            got.extend(response.iter_raw())
    assert b"".join(got).count(b"data: ") == 4


@over_each_library
@with_and_without_loop
@pytest.mark.parametrize("incident", ["stall:after=2,ms=3600000", "delay:ms=3600000"])
def test_silence__is_given_up_at_the_read_timeout(library: ModuleType, incident: str, *, on_loop: bool) -> None:
    """An hour of silence costs a test no more than its client is willing to wait, and not less."""
    with MixtralApi() as api:
        api.next(incident)
        since = time.monotonic()
        with pytest.raises(library.ReadTimeout) as held:
            ask(library, on_loop=on_loop, json=body(stream=True), timeout=0.05)
        assert 0.05 <= time.monotonic() - since < 20
        # seen to while somebody still holds the exception, and with it the reading
        assert [request.end for request in api.requests] == ["client-left"]
    del held


@over_each_library
@pytest.mark.parametrize(("off", "error"), [(10, True), (-10, False)])
def test_wrong_length__is_believed(library: ModuleType, off: int, *, error: bool) -> None:
    """Announced longer, the answer never ends well; announced shorter, its end is missing."""
    with MixtralApi() as api:
        api.next("content-length", off=off)
        if error:
            with pytest.raises(library.RemoteProtocolError, match="complete message body"):
                ask(library)
        else:
            answer = ask(library)
            assert not answer.content.endswith(b"}")
            assert len(answer.content) == int(answer.headers["content-length"])


@over_each_library
def test_client_that_leaves__is_seen_to(library: ModuleType) -> None:
    """A stream that is closed amid its tokens ends there."""
    with MixtralApi(itl_ms=3_600_000) as api:
        with (
            library.Client() as client,
            client.stream("POST", NVIDIA, json=body(stream=True), headers=BEARER) as answer,
        ):
            assert next(answer.iter_raw())
        assert [request.end for request in api.requests] == ["client-left"]


def test_cancelled_task__leaves() -> None:
    """A coroutine that is cancelled while it waits does not go on being served."""

    async def ask_and_cancel() -> None:
        async with httpx2.AsyncClient() as client:
            await asyncio.wait_for(client.post(NVIDIA, json=body(), headers=BEARER, timeout=None), 0.05)

    with MixtralApi(ttft_ms=3_600_000) as api:
        with pytest.raises(TimeoutError):
            asyncio.run(ask_and_cancel())
        assert [request.end for request in api.requests] == ["client-left"]


@over_each_library
def test_path_of_another_vendor__is_unknown(library: ModuleType) -> None:
    """The mock knows which server has which path: a wrong base URL shows in the test, not in production."""
    with MixtralApi(allow_unmatched=True) as api:
        answer = ask(library, "https://api.segmind.com/v1/chat/completions")
        plain = ask(library, NVIDIA.replace("https", "http"))
        assert [request.condition for request in api.requests] == ["unknown-url", "unknown-url"]
    assert (answer.status_code, plain.status_code) == (404, 404)
    assert "expected it at https://integrate.api.nvidia.com" in answer.json()["error"]["message"]


@over_each_library
@with_and_without_loop
def test_other_host__is_not_reached(library: ModuleType, *, on_loop: bool) -> None:
    """Nothing leaves for the network by accident, and the test hears of it even if the application does not."""
    with (
        pytest.raises(AssertionError, match=r"POST https://example\.com/  → stopped") as heard,
        MixtralApi(),
        pytest.raises(UnmockedError, match=r"POST https://example\.com/: expected a host that is mocked"),
    ):
        ask(library, "https://example.com/?key=secret", on_loop=on_loop)
    assert "secret" not in str(heard.value)


@over_each_library
@with_and_without_loop
@pytest.mark.parametrize(
    ("host", "passthrough"),
    [
        ("127.0.0.1", []),
        pytest.param(
            "127.0.0.2",
            ["127.0.0.2"],
            marks=pytest.mark.skipif(sys.platform != "linux", reason="needs 127.0.0.2: Linux"),
        ),
    ],
)
def test_host_that_is_let_through__is_reached(
    library: ModuleType, host: str, passthrough: list[str], *, on_loop: bool
) -> None:
    """One of this machine always is, another by name; nothing of it is in the journal."""
    with socket.create_server((host, 0)) as listening, MixtralApi(passthrough=passthrough) as api:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nhere")

        answering = threading.Thread(target=answer, daemon=True)
        answering.start()
        got = ask(library, f"http://{host}:{listening.getsockname()[1]}/", on_loop=on_loop)
        answering.join()
        api.assert_not_called()
    assert got.text == "here"


def test_routes_of_the_test__stand_beside_the_mock() -> None:
    """Whether they are added to the mock's router or to one of the test's own."""
    with MixtralApi() as api, respx.mock(assert_all_called=False) as router:
        api.router.get("https://weather.example/").respond(text="sunny")
        router.get("https://news.example/").respond(text="none")
        assert httpx.get("https://weather.example/").text == "sunny"
        assert httpx.get("https://news.example/").text == "none"
        assert ask(httpx).status_code == 200


def test_other_client__is_told_what_to_take() -> None:
    """One that opens sockets of its own would reach the real endpoint: it is stopped where it looks up the address."""
    with (
        pytest.raises(AssertionError, match=r"a connection to integrate\.api\.nvidia\.com:443"),
        MixtralApi(),
        pytest.raises(UnmockedError, match="take mixtral_server"),
    ):
        requests.post(NVIDIA, json=body(), timeout=20)


@over_each_library
def test_innermost_mock__answers(library: ModuleType) -> None:
    """A mock for one test inside one for all of them."""
    with MixtralApi() as outer, MixtralApi() as inner:
        ask(library)
        assert (len(outer.requests), len(inner.requests)) == (0, 1)


def test_threads_and_a_loop__are_served_at_once() -> None:
    """One mock, four threads and twenty coroutines: every answer is whole, and all of them are in the journal."""

    async def ask_together() -> list[Any]:
        async with httpx2.AsyncClient(headers=BEARER) as client:
            calls = [client.post(NVIDIA, json=body(stream=bool(number % 2))) for number in range(20)]
            return list(await asyncio.gather(*calls))

    with MixtralApi(itl_ms=1) as api, ThreadPoolExecutor(4) as threads:
        waiting = [threads.submit(ask, LIBRARIES[number % 2]) for number in range(20)]
        answers = asyncio.run(ask_together())
        answers += [each.result() for each in waiting]
        got = api.requests
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 40  # each has an id of its own
    assert [request.end for request in got] == ["complete"] * 40


def test_batching_engine__holds_its_slots() -> None:
    """A profile of a node lets a second call wait for its turn, in another thread too."""
    with MixtralApi(engine="mixtral-8x7b") as api, ThreadPoolExecutor(2) as threads:
        answers = [each.result() for each in [threads.submit(ask, httpx) for _ in range(2)]]
        took_s = [request.took_s or 0 for request in api.requests]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert min(took_s) > 0.001


def test_head_request__has_no_body() -> None:
    """As over a socket: the length is announced and not sent."""
    with MixtralApi(allow_unmatched=True):
        answer = httpx.head(NVIDIA)
    assert answer.status_code == 405
    assert int(answer.headers["content-length"]) > 0
    assert answer.content == b""


def test_long_body__is_refused() -> None:
    """Beyond the limit it is not read."""
    with MixtralApi() as api:
        answer = ask(httpx, content=b" " * (api.mock.limits.body_bytes + 1), json=None)
    assert answer.status_code == 413


def test_long_prompt__is_answered() -> None:
    """However many tokens it has."""
    with MixtralApi():
        answer = ask(httpx, json={"messages": [{"role": "user", "content": "cat " * 20_000}]})
    assert answer.json()["usage"]["prompt_tokens"] > 15_000


def test_models__are_listed() -> None:
    """What an SDK asks beside completions is answered too."""
    with MixtralApi():
        listed = httpx.get("https://integrate.api.nvidia.com/v1/models", headers=BEARER).json()
    assert listed["object"] == "list"
