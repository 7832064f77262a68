from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mixtral_contract.contract.openapi import DOCUMENT

LIMIT_S = 30


def _run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mock_server", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)


def _started(*options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "mock_server", "--port", "0", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--port", "70000"], "--port"),
        (["--port", "-1"], "--port"),
        (["--port", "http"], "--port"),
        (["--ttft-ms", "-1"], "--ttft-ms"),
        (["--itl-ms", "nan"], "--itl-ms"),
        (["--itl-ms", "inf"], "--itl-ms"),
        (["--itl-ms", "fast"], "--itl-ms"),
        (["--seed", "x"], "--seed"),
        (["--workers", "0"], "--workers"),
        (["--workers", "65"], "--workers"),
        (["--workers", "two"], "--workers"),
        (["--accounts", "/no/such/file.yaml"], "/no/such/file.yaml"),
        (["--accounts", str(DOCUMENT)], "openapi.yaml"),
        (["--break", "SSE-8"], "SSE-08"),
        (["--break", "nonsense"], "spec/clauses.yaml"),
        (["--host", "no.such.host.invalid"], "--host"),
        (["--host", "192.0.2.1"], "--host"),
        (["--host", "a" * 70 + ".b"], "--host"),
        (["--spec", "/no/such/file.yaml"], "/no/such/file.yaml"),
        (["--spec", str(Path(__file__))], "test_main.py"),
        (["--spec", str(DOCUMENT.parent)], "--spec"),
        (["--unknown"], "--unknown"),
        (["extra"], "extra"),
    ],
)
def test_wrong_command_line__is_one_line_and_exit_2(options: list[str], part: str) -> None:
    """Without a traceback, naming what was wrong."""
    done = _run("--port", "0", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert part in done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "paths: {}",
        "- 1",
        "paths: {/x: {post: {}}}",
        "{{",
        DOCUMENT.read_text(encoding="utf-8").replace("tokenizer: v3", "tokenizer: v9"),
        DOCUMENT.read_text(encoding="utf-8").replace("type: [integer,", "type: [whole,"),
    ],
)
def test_wrong_contract__is_one_line_and_exit_2(tmp_path: Path, text: str) -> None:
    """The file is named."""
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    done = _run("--port", "0", "--spec", str(path))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_port_in_use__is_one_line_and_exit_2() -> None:
    """Two cannot listen at one address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = _run("--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "in use" in done.stderr


def test_help__teaches() -> None:
    """Defaults, keys, the way to ask for a status, examples."""
    done = _run("--help")
    assert done.returncode == 0
    for part in ("default: 127.0.0.1", "default: 8000", "mock-limited", "Prefer: code=", "examples:", "exit status"):
        assert part in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal__ends_it_with_exit_0(number: signal.Signals) -> None:
    """The address was the only output."""
    with _started() as process:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+\n", _line(process))
        process.send_signal(number)
        out, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, out, err) == (0, "", "")


def test_signal__lets_a_running_stream_finish() -> None:
    """And an idle connection does not hold it up."""
    with _started("--itl-ms", "20") as process:
        address = urlsplit(_line(process).strip())
        idle = http.client.HTTPConnection(address.hostname or "", address.port, timeout=LIMIT_S)
        idle.connect()
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=LIMIT_S)
        body = {"messages": [{"role": "user", "content": "hello"}], "stream": True, "max_tokens": 15}
        headers = {"Authorization": "Bearer mock-valid", "Content-Type": "application/json"}
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        response = connection.getresponse()
        process.send_signal(signal.SIGTERM)
        assert response.read().endswith(b"data: [DONE]\n\n")
        assert process.wait(LIMIT_S) == 0
        connection.close()
        idle.close()


def test_signal__does_not_wait_for_a_stream_without_end() -> None:
    """After the grace the server is gone, an hour before the first token."""
    with _started("--ttft-ms", "3600000") as process:
        address = urlsplit(_line(process).strip())
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=LIMIT_S)
        body = {"messages": [{"role": "user", "content": "hello"}], "stream": True}
        headers = {"Authorization": "Bearer mock-valid", "Content-Type": "application/json"}
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        connection.getresponse()
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT_S) == 0
        connection.close()


def test_other_than_loopback__is_said() -> None:
    """On stderr, so that the first line stays the address."""
    with _started("--host", "0.0.0.0") as process:  # noqa: S104  what is tested
        assert _line(process).startswith("http://0.0.0.0:")
        process.terminate()
        _, err = process.communicate(timeout=LIMIT_S)
    assert "not loopback" in err
    assert err.count("\n") == 1


def test_same_seed__same_answers() -> None:
    """Two servers agree; one with another seed does not."""
    texts = []
    for seed in ("1", "1", "2"):
        with _started("--seed", seed) as process:
            address = urlsplit(_line(process).strip())
            connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=LIMIT_S)
            body = {"messages": [{"role": "user", "content": "hello"}]}
            headers = {"Authorization": "Bearer mock-valid", "Content-Type": "application/json"}
            connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
            texts.append(json.load(connection.getresponse())["choices"][0]["message"]["content"])
            connection.close()
            process.terminate()
    assert texts[0] == texts[1] != texts[2]
