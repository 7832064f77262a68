"""The programs that the documents print, as printed: only the URL and the key are others."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clients.client import node
from tests.clients.conftest import Needed
from tests.clients.outcome import controlling

_FOLDER = Path(__file__).parent
_URL = "https://api.segmind.com"
_KEYS = ("YOUR API-KEY", "YOUR_API_KEY")

Run = Callable[[str], subprocess.CompletedProcess[str]]


def _sample(name: str, address: str, key: str) -> str:
    printed = (_FOLDER / "samples" / name).read_text(encoding="utf-8")
    assert printed.count(_URL) == 1
    assert sum(printed.count(placeholder) for placeholder in _KEYS) == 1
    program = printed.replace(_URL, address)
    for placeholder in _KEYS:
        program = program.replace(placeholder, key)
    return program


def _axios(program: str) -> subprocess.CompletedProcess[str]:
    """Runs it where axios is installed; a script on the command line is CommonJS, as the sample is."""
    return _run([str(node()), "--input-type=commonjs", "-e", program], _FOLDER / "node")


def _requests(program: str) -> subprocess.CompletedProcess[str]:
    return _run([sys.executable, "-c", program], _FOLDER)


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    # nothing of the user's environment: neither a proxy nor a key
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env={}, timeout=60)


def _asked(address: str) -> tuple[list[dict[str, Any]], list[str]]:
    with controlling(address) as mock:
        requests = mock.get("/journal").raise_for_status().json()["requests"]
        findings = mock.get("/grade").raise_for_status().json()["findings"]
    return requests, [finding["rule"] for finding in findings if finding["level"] == "fault"]


def test_axios_sample__prints_the_completion(address: str, installed: Needed) -> None:
    """Segmind's page of 8x22b; the key goes in its own header."""
    installed("node")
    done = _axios(_sample("segmind-mixtral-8x22b.axios.txt", address, "mock-valid"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "object: 'chat.completion'" in done.stdout
    requests, faults = _asked(address)
    assert [(request["dialect"], request["status"]) for request in requests] == [("segmind", 200)]
    assert faults == []


@pytest.mark.parametrize(("key", "status"), [("wrong", 401), ("mock-exhausted", 406)])
def test_axios_sample__prints_the_error_that_it_is_refused_with(
    address: str, installed: Needed, key: str, status: int
) -> None:
    """Its catch reads the body of the answer."""
    installed("node")
    done = _axios(_sample("segmind-mixtral-8x22b.axios.txt", address, key))
    assert done.stdout == ""
    assert done.stderr.startswith("Error: {\n  error: '")
    assert [request["status"] for request in _asked(address)[0]] == [status]


def test_requests_sample__prints_the_completion(address: str) -> None:
    """Segmind's page of 8x7b, printed twice: a picture, and a Bearer key."""
    done = _requests(_sample("segmind-mixtral-8x7b.requests.txt", address, "mock-valid"))
    assert (done.returncode, done.stderr) == (0, "")
    printed = ast.literal_eval(done.stdout)
    assert printed["object"] == "chat.completion"
    assert printed["choices"][0]["message"]["content"]
    requests, faults = _asked(address)
    assert [request["status"] for request in requests] == [200]
    assert faults == []


@pytest.mark.parametrize(("key", "status"), [("wrong", 401), ("mock-exhausted", 406)])
def test_requests_sample__prints_the_error_for_an_answer(address: str, key: str, status: int) -> None:
    """It does not look at the status."""
    done = _requests(_sample("segmind-mixtral-8x7b.requests.txt", address, key))
    assert done.returncode == 0
    assert ast.literal_eval(done.stdout)["error"]
    assert [request["status"] for request in _asked(address)[0]] == [status]
