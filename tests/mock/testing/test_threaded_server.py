"""The mock on a socket, for clients that are not httpx."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest
import requests

from mixtral_contract.mock.testing.mocks import MixtralApi, MixtralServer
from tests.support.api_requests import BEARER, body

_MODEL = {"openai": "mistralai/mixtral-8x22b-instruct-v0.1"}


def _post(server: MixtralServer, dialect: str = "nvidia") -> requests.Response:
    headers = {**BEARER, "x-api-key": "mock-valid"}
    return requests.post(
        server.urls[dialect],
        json=body(model=_MODEL[dialect]) if dialect in _MODEL else body(),
        headers=headers,
        timeout=20,
    )


def test_requests__are_answered() -> None:
    """In every dialect; the journal has them when the client has its answer."""
    with MixtralServer() as server:
        statuses = [_post(server, dialect).status_code for dialect in server.urls]
        assert [request.dialect for request in server.requests] == list(server.urls)
    assert statuses == [200, 200, 200, 200]


def test_incidents_and_replies__are_set_while_it_runs() -> None:
    """From the thread of the test."""
    with MixtralServer() as server:
        server.next("429", retry_after=3)
        server.reply("Hello.")
        refused, answered = _post(server), _post(server)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "3")
        assert answered.json()["choices"][0]["message"]["content"] == "Hello."
        assert [request.prompt for request in server.requests] == ["tell me a joke on cats"] * 2
        server.pace(ttft_ms=50)
        since = time.monotonic()
        _post(server)
        assert time.monotonic() - since >= 0.05


def test_reset__is_one_on_the_wire() -> None:
    """The client's own exception."""
    with MixtralServer() as server:
        server.next("hangup", by="rst")
        with pytest.raises(requests.ConnectionError):
            _post(server)


def test_other_process__finds_it_by_the_environment() -> None:
    """Nothing is told to it."""
    program = (
        "import json, os, urllib.request as u; "
        "r = u.Request(os.environ['OPENAI_BASE_URL'] + '/chat/completions', "
        "json.dumps({'messages': [{'role': 'user', 'content': 'hi'}]}).encode(), "
        "{'Authorization': 'Bearer ' + os.environ['OPENAI_API_KEY'], 'Content-Type': 'application/json'}); "
        "print(json.load(u.urlopen(r))['object'])"
    )
    with MixtralServer() as server:
        ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        server.assert_called(1)
    assert ran.stdout.strip() == "chat.completion"


def test_proxy__is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is one, clients go straight to this machine."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "intranet")
    with MixtralServer() as server:
        assert os.environ["NO_PROXY"] == "*"
        assert _post(server).status_code == 200
    assert os.environ["NO_PROXY"] == "intranet"


def test_end__waits_for_nobody() -> None:
    """An answer that would take an hour ends with the server, and so does its thread."""
    with MixtralServer(itl_ms=3_600_000, allow_unmatched=True) as server:
        session = requests.Session()
        answer = session.post(
            server.base_url + "/chat/completions", json=body(stream=True), headers=BEARER, stream=True
        )
        assert answer.status_code == 200
        (thread,) = (each for each in threading.enumerate() if each.name == "mixtral-server")
    assert not thread.is_alive()
    assert [request.end for request in server.requests] == ["client-left"]
    answer.close()
    session.close()
    with pytest.raises(requests.ConnectionError):
        _post(server)


def test_unmatched_request__is_told_at_the_end() -> None:
    """As in process."""
    with pytest.raises(AssertionError, match="GET /v1/nope"), MixtralServer() as server:
        requests.get(f"{server.url}/v1/nope", timeout=20)


def test_two__are_two() -> None:
    """Each with a port, a journal and a pace of its own; in-process beside them too."""
    with MixtralServer() as one, MixtralServer() as other, MixtralApi() as api:
        _post(one)
        assert [len(each.requests) for each in (one, other, api)] == [1, 0, 0]
