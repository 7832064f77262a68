"""Incidents for clients of the same process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.mock.build import build
from mixtral_contract.mock.http.asgi import App, CutError
from mixtral_contract.mock.incidents.active import Incidents
from mixtral_contract.mock.timing.engine import Pace

URL = "http://mock/v1/chat/completions"
HEADERS = {"Authorization": "Bearer mock-valid"}


def _ask(app: App, *, stream: bool = False) -> httpx.Response:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), headers=HEADERS) as client:
            body = {"messages": [{"role": "user", "content": "hello"}], "stream": stream, "max_tokens": 10}
            return await client.post(URL, json=body)

    return asyncio.run(ask())


def test_sequence__is_changed_while_the_mock_runs(contract: Contract) -> None:
    """`mock.incidents` is what turns them on and off."""
    mock = build(contract, incidents=Incidents(0, "429*1,ok"))
    app = App(mock)
    statuses = [_ask(app).status_code for _ in range(2)]
    mock.incidents.set("503(retry_after=3)")
    refused = _ask(app)
    mock.incidents.clear()
    assert statuses == [429, 200]
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "3")
    assert _ask(app).status_code == 200


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("incident", ["cut:by=rst", "cut:by=chunk", "hangup"])
def test_cut__is_raised_to_the_client(contract: Contract, incident: str, *, stream: bool) -> None:
    """There is no connection to end."""
    with pytest.raises(CutError, match=r"by (rst|chunk|fin)"):
        _ask(App(build(contract, incidents=Incidents(0, incident))), stream=stream)


def test_cut__comes_after_the_good_events(contract: Contract) -> None:
    """The application sent them before it raised."""
    app = App(build(contract, incidents=Incidents(0, "cut:after=4"), pace=Pace(itl_ns=1_000_000)))
    sent: list[dict[str, Any]] = []

    async def drive() -> None:
        received: Iterator[dict[str, Any]] = iter(
            [{"type": "http.request", "body": b'{"messages": [{"role": "user", "content": "a"}], "stream": true}'}]
        )

        async def receive() -> dict[str, Any]:
            for message in received:
                return message
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"authorization", b"Bearer mock-valid"), (b"content-type", b"application/json")]
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/chat/completions",
            "query_string": b"",
            "headers": headers,
        }
        await app(scope, receive, send)

    with pytest.raises(CutError):
        asyncio.run(drive())
    assert b"".join(message.get("body", b"") for message in sent).count(b"data: ") == 4
    assert all(message["more_body"] for message in sent[1:])


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("incident", ["delay:ms=100", "stall:after=2,ms=100"])
def test_waits__are_waited(contract: Contract, incident: str, *, stream: bool) -> None:
    """And the answer is whole."""
    since = time.monotonic()
    answer = _ask(App(build(contract, incidents=Incidents(0, incident))), stream=stream)
    assert time.monotonic() - since >= 0.1
    assert answer.content.endswith(b"[DONE]\n\n" if stream else b"}")


@pytest.mark.parametrize(
    ("incident", "mark"),
    [("crlf", b"\r\n\r\n"), ("error", b'"error"'), ("comments", b": keep-alive"), ("split:gap_ms=1", b"[DONE]")],
)
def test_edits__are_in_the_body(contract: Contract, incident: str, mark: bytes) -> None:
    """As over a socket."""
    assert mark in _ask(App(build(contract, incidents=Incidents(0, incident))), stream=True).content
