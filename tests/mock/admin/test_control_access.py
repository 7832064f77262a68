"""Whom the control API and the metrics answer."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys

import httpx
import pytest

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.mock.build import build
from mixtral_contract.mock.messages.messages import Reply, Request
from tests.mock.conftest import Start
from tests.support.prometheus_text import parse


def test_other_names_for_this_machine__are_refused(server: str) -> None:
    """A rebound name, and a page of another site."""
    assert httpx.get(f"{server}/_mock/state", headers={"host": "evil.example"}).status_code == 403
    foreign = {"origin": "http://evil.example"}
    assert httpx.post(f"{server}/_mock/reset?what=journal", headers=foreign).status_code == 403


def _own_address() -> str | None:
    """An address of this machine that is not loopback; None when it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing, and picks the address that it would send from
        except OSError:
            return None
        address = str(probe.getsockname()[0])
    return None if address.startswith("127.") else address


def test_other_machines__need_the_token() -> None:
    """Whoever does not come from loopback."""
    address = _own_address()
    if address is None:
        pytest.skip("needs a network address beside loopback")
    command = [
        sys.executable,
        "-m",
        "mock_server",
        "--host",
        "0.0.0.0",  # noqa: S104  the test is about that
        "--port",
        "0",
        "--control-token-env",
        "MOCK_TOKEN",
    ]
    environment = {**os.environ, "MOCK_TOKEN": "let-me-in-please"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        try:
            port = process.stdout.readline().strip().rpartition(":")[2]
            url = f"http://{address}:{port}/_mock/state"
            assert httpx.get(url).status_code == 403
            assert httpx.get(url, headers={"Authorization": "Bearer let-me-in-please"}).status_code == 200
            assert httpx.get(f"http://{address}:{port}/health").status_code == 200
            assert httpx.get(f"http://127.0.0.1:{port}/_mock/state").status_code == 200
        finally:
            process.terminate()


@pytest.mark.parametrize("token", [None, "", "short", "with\nline break"])
def test_token_that_is_none__ends_the_start(token: str | None) -> None:
    """In one line that does not repeat it."""
    environment = {name: value for name, value in os.environ.items() if name != "MOCK_TOKEN"}
    if token is not None:
        environment["MOCK_TOKEN"] = token
    command = [sys.executable, "-m", "mock_server", "--port", "0", "--control-token-env", "MOCK_TOKEN"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)
    assert done.returncode == 2
    assert re.fullmatch(r"[^\n]*--control-token-env: expected MOCK_TOKEN to hold a token[^\n]*\n", done.stderr)
    assert not token or token not in done.stderr


def test_metrics__are_served(start: Start) -> None:
    """In the format that a scraper asks for, and true."""
    address = start("--itl-ms", "1")
    body = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 4, "stream": True}
    for key in ("mock-valid", "mock-wrong"):
        httpx.post(f"{address}/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"})
    answer = httpx.get(f"{address}/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    _, series = parse(answer.text)
    labels = (("engine", "0"), ("model_name", "mistralai/mixtral-8x22b-instruct-v0.1"))
    assert series["vllm:generation_tokens_total", labels] == 4
    assert series["vllm:num_requests_running", labels] == 0
    assert series["vllm:e2e_request_latency_seconds_sum", labels] >= 0.003
    assert series["mock_requests_total", (("dialect", "nvidia"), ("status", "401"), ("condition", "wrong-key"))] == 1
    assert "mock-valid" not in answer.text
    assert httpx.post(f"{address}/metrics").status_code == 405


def test_metrics__are_closed_to_other_machines(contract: Contract) -> None:
    """They tell what others ask; the token opens them."""
    routes = build(contract, control_token="a-long-token").routes
    asked = Request("GET", "/metrics", "", (), b"")
    known = Request("GET", "/metrics", "", (("authorization", "Bearer a-long-token"),), b"")
    statuses = [
        reply.status
        for reply in (
            routes.answer(asked, "127.0.0.1"),
            routes.answer(asked, "192.0.2.1"),
            routes.answer(known, "192.0.2.1"),
        )
        if isinstance(reply, Reply)
    ]
    assert statuses == [200, 403, 200]
