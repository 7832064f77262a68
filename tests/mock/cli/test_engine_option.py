"""`--engine`: a node behind a socket, and what its limits look like to a client."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.mock.build import build
from mixtral_contract.mock.http.connection import protocol
from mixtral_contract.mock.timing.engine import Generation
from mixtral_contract.mock.timing.profile_file import FOLDER, load
from tests.mock.conftest import Start

LIMIT_S = 30
HEADERS = {"Authorization": "Bearer mock-valid", "Content-Type": "application/json"}
SLOW: dict[str, Any] = {
    "name": "one slot, a token in ten seconds",
    "basis": "modelled",
    "slots": 1,
    "step": {"tokens": 100, "overhead_ms": 10000, "weights_ms": {1: 1}},
    "prefill": {"tokens_per_s": 1000},
    "kv": {"tokens": 2000, "read_ms_per_1k_tokens": 0},
    "queue": {"length": 0, "wait_s": 0.1, "full_status": 429, "late_status": 504},
}


def _run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mock_server", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)


def _file(folder: Path, **queue: Any) -> str:
    path = folder / "slow.yaml"
    path.write_text(yaml.safe_dump(SLOW | {"queue": SLOW["queue"] | queue}), encoding="utf-8")
    return str(path)


@contextlib.contextmanager
def _asked(address: str, **fields: Any) -> Iterator[http.client.HTTPConnection]:
    """A connection on which a stream was asked for."""
    url = urlsplit(address)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=LIMIT_S)
    body = {"messages": [{"role": "user", "content": "hello"}], "stream": True, "max_tokens": 20, **fields}
    with contextlib.closing(connection):
        connection.request("POST", "/v1/chat/completions", json.dumps(body), HEADERS)
        yield connection


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--engine", "mixtral"], "expected instant, mixtral-8x22b, mixtral-8x7b or a YAML file, got 'mixtral'"),
        (["--engine", "instant", "--ttft-ms", "0"], "--engine: expected neither --ttft-ms nor --itl-ms"),
        (["--engine", "mixtral-8x7b", "--itl-ms", "5"], "--engine: expected neither --ttft-ms nor --itl-ms"),
        (["--predict", "500:100"], "--predict: expected --engine with the profile of a node"),
        (["--engine", "mixtral-8x7b", "--predict", "500"], "--predict: expected tokens as PROMPT:COMPLETION"),
        (["--engine", "mixtral-8x7b", "--predict", "500:0"], "got '500:0'"),
        (["--engine", "mixtral-8x7b", "--predict", "350000:9000"], "expected at most 355000 tokens, got 359000"),
    ],
)
def test_wrong_engine__is_one_line_and_exit_2(options: list[str], part: str) -> None:
    """Without a traceback, naming what was wrong."""
    done = _run("--port", "0", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert part in done.stderr


def test_wrong_field__is_one_line_with_the_file(tmp_path: Path) -> None:
    """And what was expected there."""
    path = tmp_path / "own.yaml"
    text = (FOLDER / "mixtral-8x7b.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace("tokens_per_s: 34500", "tokens_per_s: 0"), encoding="utf-8")
    done = _run("--port", "0", "--engine", str(path))
    assert done.returncode == 2
    message = f"--engine: {path}: prefill.tokens_per_s: expected a positive number, got 0"
    assert done.stderr == f"python -m mock_server: {message} (--help shows how)\n"


def test_prediction__is_printed_and_nothing_served() -> None:
    """A table for those who wonder what a profile means."""
    done = _run("--engine", "mixtral-8x22b", "--predict", "500:100")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Mixtral 8x22B, bfloat16, 8 x H100 SXM 80 GB (modelled): 500 prompt tokens, 100 tok")
    assert "knee " in done.stdout


def test_no_place__is_a_429_with_the_time_to_come_back(start: Start, tmp_path: Path) -> None:
    """Twenty tokens of ten seconds are ahead."""
    address = start("--engine", _file(tmp_path))
    with _asked(address) as running:
        assert running.getresponse().status == 200, "the head leaves when the turn begins"
        with _asked(address) as other:
            refused = other.getresponse()
            assert refused.status == 429
            assert int(refused.headers["retry-after"]) >= 200
            assert "expected a free slot or place in the queue, got 1 running" in refused.read().decode()


def test_no_turn_in_time__is_a_504(start: Start, tmp_path: Path) -> None:
    """After the patience of the queue, while the other goes on."""
    address = start("--engine", _file(tmp_path, length=1))
    with _asked(address) as running:
        assert running.getresponse().status == 200
        with _asked(address) as other:
            refused = other.getresponse()
            assert refused.status == 504
            assert "expected a turn within 0.1 s, got none" in refused.read().decode()


def test_client_that_leaves__frees_its_slot(start: Start, tmp_path: Path) -> None:
    """The next in the queue has its turn, long before the one who left would have been done."""
    address = start("--engine", _file(tmp_path, length=1, wait_s=LIMIT_S))
    with _asked(address) as running:
        response = running.getresponse()
        assert response.status == 200
        with _asked(address) as waiting:
            response.close()
            running.close()
            assert waiting.getresponse().status == 200


def test_too_long_for_the_node__is_a_400(start: Start, tmp_path: Path) -> None:
    """Coming back would not help."""
    address = start("--engine", _file(tmp_path))
    with _asked(address, messages=[{"role": "user", "content": "word " * 2500}]) as connection:
        refused = connection.getresponse()
        assert refused.status == 400
        assert "retry-after" not in refused.headers
        error = json.loads(refused.read())["error"]
        assert "expected at most 2000 tokens of prompt and completion, got 25" in error["message"]
        assert error["type"] == "invalid_request_error"


def test_node_over_sockets__sends_what_is_due_and_nothing_early(contract: Contract) -> None:
    """Twelve streams at once on a shipped profile: each token once, in order, not before its deadline."""
    mock = build(contract, pace=load("mixtral-8x22b"))
    generations: list[Generation] = []

    async def ask(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        body = json.dumps({"messages": [{"role": "user", "content": "hello"}], "stream": True, "max_tokens": 20})
        fields = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}{fields}Connection: close\r\n\r\n{body}".encode())
        received = await reader.read(-1)
        writer.close()
        await writer.wait_closed()
        return received

    async def main() -> list[bytes]:
        pacer = mock.pacer()
        start = pacer.start

        def noted(generation: Generation, start_ns: int) -> None:
            generations.append(generation)
            start(generation, start_ns)

        pacer.start = noted  # type: ignore[method-assign]
        connect = protocol(mock)
        state = SimpleNamespace(connections=set())
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: connect(server_state=state), "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return await asyncio.wait_for(asyncio.gather(*(ask(port) for _ in range(12))), LIMIT_S)

    answers = asyncio.run(main())
    assert all(answer.count(b'"finish_reason":"') == 1 and b"[DONE]" in answer for answer in answers)
    assert len(generations) == 12
    steps = {at_ns for generation in generations for _, at_ns in generation.dues}
    assert len(steps) < 12 * 20 / 2, "most tokens share a step"
    for generation in generations:
        due_ns = dict(generation.dues)
        assert list(due_ns) == list(range(1, generation.tokens + 1))
        assert all(at_ns >= due_ns[sent] for sent, at_ns in generation.sent)
        assert generation.sent[-1][0] == generation.tokens
