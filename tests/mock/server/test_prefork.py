from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from mixtral_contract.mock.server.prefork import NOT_SHARED

LIMIT_S = 60
WORKERS = 3
CROWDS, CLIENTS, CALLS = 3, 8, 10
AFFORDABLE, BURST = 100, 37

ACCOUNTS = f"""
accounts:
  - {{key: payer, credits: {AFFORDABLE * 3 + 2}, price_per_call: 3}}
  - {{key: caller, requests_per_minute: 1, burst: {BURST}}}
  - {{key: spender, price_per_call: 1, credits: 1000000, tokens_per_minute: 1000000}}
"""

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs processes in /proc: Linux")


@contextlib.contextmanager
def _running(*options: str, grace_s: int = 3600) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A mock with several workers in a process group of its own, and its address.

    The grace is so long that nothing ends because it is over.
    """
    program = (
        "import sys; from mixtral_contract.mock.cli import main; from mixtral_contract.mock.server import server; "
        f"server.GRACE_S = {grace_s}; sys.exit(main.main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, "--port", "0", "--workers", str(WORKERS), *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text(encoding="utf-8").rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found.append(int(path.parent.name))
    return found


def _ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _wait_for(pids: list[int]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not all(map(_ended, pids)):
        assert time.monotonic() < deadline, "a worker outlived the server"
        time.sleep(0.02)


def _wait_for_refusal(address: str) -> None:
    """Until all workers were told to end, and listen no more."""
    deadline = time.monotonic() + LIMIT_S
    with contextlib.suppress(ConnectionError):
        while time.monotonic() < deadline:
            socket.create_connection(("127.0.0.1", urlsplit(address).port or 0), timeout=LIMIT_S).close()
            time.sleep(0.01)
        pytest.fail("the server listened on after its signal")


def _crowd(address: str, key: str) -> list[dict[str, Any]]:
    """What all clients of several processes get that ask at once."""
    command = [sys.executable, "-m", "tests.support.many_clients", address, key, str(CLIENTS), str(CALLS)]
    with contextlib.ExitStack() as stack:
        crowds = [stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE)) for _ in range(CROWDS)]
        lines = [line for crowd in crowds for line in crowd.communicate(timeout=LIMIT_S)[0].splitlines()]
    found = [json.loads(line) for line in lines]
    assert len(found) == CROWDS * CLIENTS * CALLS
    return found


@contextlib.contextmanager
def _stream(address: str, **fields: Any) -> Iterator[http.client.HTTPResponse]:
    """A stream that has begun, on a connection of its own."""
    url = urlsplit(address)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=LIMIT_S)
    body = {"messages": [{"role": "user", "content": "hello"}], "stream": True, **fields}
    headers = {"Authorization": "Bearer mock-valid", "Content-Type": "application/json"}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
    with contextlib.closing(connection), connection.getresponse() as response:
        yield response


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of several workers with accounts; each test has an account of its own."""
    path = tmp_path_factory.mktemp("accounts") / "accounts.yaml"
    path.write_text(ACCOUNTS, encoding="utf-8")
    with _running("--accounts", str(path)) as (_, address):
        yield address


def test_credits__are_exact_across_workers(shared: str) -> None:
    """As many completions as the credits pay for, and every rest on the way down is seen once."""
    found = _crowd(shared, "payer")
    assert Counter(answer["status"] for answer in found) == {200: AFFORDABLE, 406: len(found) - AFFORDABLE}
    seen = sorted(Decimal(answer["credits"]) for answer in found if answer["status"] == 200)
    assert seen == [Decimal(2 + 3 * n) for n in range(AFFORDABLE)]


def test_burst__is_exact_across_workers(shared: str) -> None:
    """As many calls as the bucket holds, and one more for each minute that the test took."""
    begun = time.monotonic()
    found = _crowd(shared, "caller")
    refilled = int((time.monotonic() - begun) / 60)
    admitted = sum(answer["status"] == 200 for answer in found)
    assert BURST <= admitted <= BURST + refilled
    assert {answer["status"] for answer in found} == {200, 429}
    assert {int(answer["calls"]) for answer in found if answer["status"] == 200} == set(range(BURST))


def test_completions__have_ids_of_their_own_in_all_workers(shared: str) -> None:
    """And more than one worker answered: connections are spread over them."""
    found = [answer["id"] for answer in _crowd(shared, "spender")]
    assert None not in found
    assert len(set(found)) == len(found)
    assert len({name[: len("chatcmpl-") + 12] for name in found}) > 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal__ends_all_with_exit_0(number: signal.Signals) -> None:
    """The address was the only output, and was written once."""
    with _running() as (process, address):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", address)
        process.send_signal(number)
        assert process.communicate(timeout=LIMIT_S) == ("", "")
        assert process.returncode == 0


def test_signal__lets_running_streams_finish() -> None:
    """In all workers."""
    with _running("--itl-ms", "20") as (process, address), contextlib.ExitStack() as stack:
        responses = [stack.enter_context(_stream(address, max_tokens=15)) for _ in range(2 * WORKERS)]
        process.send_signal(signal.SIGTERM)
        assert all(response.read().endswith(b"data: [DONE]\n\n") for response in responses)
        assert process.wait(LIMIT_S) == 0


@needs_proc
def test_interrupt__means_to_a_worker_what_it_means_to_the_parent() -> None:
    """A terminal sends Ctrl-C to all of them: one that was told to end already does not cut its streams for it."""
    with _running("--itl-ms", "50") as (process, address), _stream(address, max_tokens=20) as response:
        workers = _children(process.pid)
        process.send_signal(signal.SIGTERM)
        _wait_for_refusal(address)
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGINT)
        assert response.read().endswith(b"data: [DONE]\n\n")
        assert process.wait(LIMIT_S) == 0


@needs_proc
def test_second_interrupt__waits_for_nobody() -> None:
    """A stream that would take an hour is cut."""
    with _running("--ttft-ms", "3600000") as (process, address), _stream(address):
        workers = _children(process.pid)
        process.send_signal(signal.SIGINT)
        _wait_for_refusal(address)
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT_S) == 0
        _wait_for(workers)


@needs_proc
def test_worker_that_dies__ends_the_server() -> None:
    """With a line on stderr and status 1; the others end too."""
    with _running() as (process, _):
        workers = _children(process.pid)
        assert len(workers) == WORKERS
        os.kill(workers[1], signal.SIGKILL)
        out, err = process.communicate(timeout=LIMIT_S)
        assert (process.returncode, out) == (1, "")
        assert f"of process {workers[1]} ended unasked by SIGKILL, so the server ends\n" in err
        assert err.count("\n") == 1
        _wait_for(workers)


@needs_proc
def test_worker_that_does_not_end__is_killed_after_the_grace() -> None:
    """And told of: a server that hangs would hold up what waits for its end."""
    with _running(grace_s=0) as (process, _):
        workers = _children(process.pid)
        os.kill(workers[0], signal.SIGSTOP)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 1
        assert "1 of the workers did not end within" in err
        _wait_for(workers)


@needs_proc
def test_parent_that_is_killed__leaves_no_orphan() -> None:
    """The workers notice that it is gone."""
    with _running() as (process, _):
        workers = _children(process.pid)
        process.kill()
        process.wait(LIMIT_S)
        _wait_for(workers)


def test_port_of_other_workers__is_in_use() -> None:
    """They share it with each other, and with nobody else."""
    with _running() as (_, address):
        for workers in ("1", "2"):
            command = [sys.executable, "-m", "mock_server", "--port", str(urlsplit(address).port), "--workers", workers]
            done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
            assert (done.returncode, done.stdout) == (2, "")
            assert "in use" in done.stderr


@pytest.mark.parametrize(
    "options",
    [
        ["--break", "SSE-08"],
        ["--as", "observed"],
        ["--engine", "mixtral-8x7b"],
        ["--fixtures", "mock_server/fixtures.yaml"],
    ],
)
def test_what_is_not_shared__is_refused_with_its_reason(options: list[str]) -> None:
    """In one line, whatever comes first on the command line."""
    reason = next(entry.reason for entry in NOT_SHARED.values() if entry.option == options[0])
    for order in ([*options, "--workers", "2"], ["--workers", "2", *options]):
        command = [sys.executable, "-m", "mock_server", "--port", "0", *order]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"--workers: expected 1 beside {options[0]}, got 2: {reason}" in done.stderr
        assert done.stderr.count("\n") == 1
