from __future__ import annotations

import asyncio
from typing import Any

import httpx
import httpx2
import pytest

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.mock.build import build
from mixtral_contract.mock.http.asgi import App
from mixtral_contract.mock.timing.engine import Pace
from mixtral_contract.primitives.sse import Decoder

URL = "http://mock/v1/chat/completions"
HEADERS = {"Authorization": "Bearer mock-valid"}
BODY = {"messages": [{"role": "user", "content": "hello"}]}
STREAM = b'{"messages": [{"role": "user", "content": "hello"}], "stream": true, "max_tokens": 20}'
HOUR_NS = 3600 * 10**9


def _scope(**changes: Any) -> dict[str, Any]:
    headers = [(b"authorization", b"Bearer mock-valid"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "query_string": b"", "headers": headers}
    return {**scope, **changes}


def _drive(app: App, scope: dict[str, Any], *received: dict[str, Any]) -> list[dict[str, Any]]:
    """What the application sends when it gets these messages and the client then stays."""
    sent: list[Any] = []

    async def drive() -> None:
        messages = iter(received)

        async def receive() -> dict[str, Any]:
            for message in messages:
                return message
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Any) -> None:
            sent.append(message)

        await asyncio.wait_for(app(scope, receive, send), 20)

    asyncio.run(drive())
    return sent


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_client_in_process__gets_the_answers_of_the_service(contract: Contract, library: Any) -> None:
    """Whole, streamed, refused, over either httpx."""
    app = App(build(contract))

    async def ask(method: str, body: Any) -> Any:
        async with library.AsyncClient(transport=library.ASGITransport(app=app), headers=HEADERS) as client:
            return await client.request(method, URL, json=body)

    requests = [("POST", BODY), ("POST", {**BODY, "stream": True}), ("POST", {"messages": []}), ("HEAD", None)]
    whole, streamed, refused, other = (asyncio.run(ask(*arguments)) for arguments in requests)
    assert whole.json()["object"] == "chat.completion"
    assert [event.data for event in Decoder().feed(streamed.content)][-1] == "[DONE]"
    assert refused.status_code == 400
    assert (other.status_code, other.headers["allow"], other.content) == (405, "POST", b"")


def test_long_body__is_answered(contract: Contract) -> None:
    """Read in another thread."""

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=App(build(contract)))) as client:
            body = {"messages": [{"role": "user", "content": "cat " * 20_000}]}
            return await client.post(URL, json=body, headers=HEADERS)

    assert asyncio.run(ask()).json()["usage"]["prompt_tokens"] > 15_000


def test_paced_stream__is_sent_to_its_end(contract: Contract) -> None:
    """However many messages it takes, the last one and only that one says that it is."""
    app = App(build(contract, pace=Pace(itl_ns=1_000_000)))
    start, *pieces = _drive(app, _scope(), {"type": "http.request", "body": STREAM})
    assert start["status"] == 200
    assert b"".join(piece["body"] for piece in pieces).endswith(b"data: [DONE]\n\n")
    assert [piece["more_body"] for piece in pieces] == [True] * (len(pieces) - 1) + [False]


def test_disconnect__ends_the_paced_stream(contract: Contract) -> None:
    """The role and the first token went out; a client that goes is not waited for, though the next is an hour away."""
    app = App(build(contract, pace=Pace(itl_ns=HOUR_NS)))
    start, piece = _drive(app, _scope(), {"type": "http.request", "body": STREAM}, {"type": "http.disconnect"})
    assert start["status"] == 200
    assert piece["body"].count(b"data: ") == 2
    assert piece["more_body"]


def test_body_in_pieces__is_joined_and_bounded(contract: Contract) -> None:
    """What is too long is refused before it is all there."""
    app = App(build(contract))
    piece = {"type": "http.request", "body": b" " * 1024 * 1024, "more_body": True}
    start, _ = _drive(app, _scope(), *[piece] * 33)
    assert start["status"] == 413


def test_head_request__gets_the_length_without_the_body(contract: Contract) -> None:
    """As over a socket."""
    start, body = _drive(App(build(contract)), _scope(method="HEAD"), {"type": "http.request"})
    assert start["status"] == 405
    assert int(dict(start["headers"])[b"content-length"]) > 0
    assert body["body"] == b""


def test_lifespan__is_acknowledged(contract: Contract) -> None:
    """A server that insists on it is satisfied."""
    sent = _drive(
        App(build(contract)), {"type": "lifespan"}, {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}
    )
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_other_scope__is_an_error(contract: Contract) -> None:
    """There is no WebSocket here."""
    with pytest.raises(ValueError, match="websocket"):
        _drive(App(build(contract)), {"type": "websocket"})
