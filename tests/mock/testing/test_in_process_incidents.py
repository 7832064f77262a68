"""Incidents for clients of the same process."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from mixtral_contract.mock.testing.mocks import MixtralApi
from tests.support.api_requests import ask, body


def _ask(api: MixtralApi, incident: str, *, stream: bool) -> Any:
    api.mock.incidents.set(incident)
    return ask(httpx, json=body(stream=stream, max_tokens=10))


def test_sequence__is_changed_while_the_mock_runs() -> None:
    """`mock.incidents` is what turns them on and off."""
    with MixtralApi() as api:
        api.mock.incidents.set("429*1,ok")
        statuses = [ask(httpx).status_code for _ in range(2)]
        api.mock.incidents.set("503(retry_after=3)")
        refused = ask(httpx)
        api.mock.incidents.clear()
        statuses.append(ask(httpx).status_code)
    assert statuses == [429, 200, 200]
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "3")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("incident", ["delay:ms=100", "stall:after=2,ms=100"])
def test_waits__are_waited(incident: str, *, stream: bool) -> None:
    """And the answer is whole."""
    with MixtralApi() as api:
        since = time.monotonic()
        answer = _ask(api, incident, stream=stream)
        took_s = time.monotonic() - since
    assert took_s >= 0.1
    assert answer.content.endswith(b"[DONE]\n\n" if stream else b"}")


@pytest.mark.parametrize(
    ("incident", "mark"),
    [("crlf", b"\r\n\r\n"), ("error", b'"error"'), ("comments", b": keep-alive"), ("split:gap_ms=1", b"[DONE]")],
)
def test_edits__are_in_the_body(incident: str, mark: bytes) -> None:
    """As over a socket."""
    with MixtralApi() as api:
        answer = _ask(api, incident, stream=True)
    assert mark in answer.content
