from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.scripted_server import serving
from tests.support.suite_run import run_suite, verdicts


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--target", "azure"], "--target: expected one of mock"),
        (["--target", "nvidia"], "environment variable NVIDIA_API_KEY"),
        (["--base-url", "http://127.0.0.1:1"], "expected a server, got none"),
        (["--base-url", "http://127.0.0.1:1", "--dialect", "nvidia"], "expected a server, got none"),
        (["--spec", "nowhere.yaml"], "nowhere.yaml: expected a readable file"),
        (["--level", "may"], "--level: expected one of must"),
        (["--budget", "many"], "--budget: expected a whole number above 0, got 'many'"),
        (["--rpm", "0"], "--rpm: expected a number above 0, got '0'"),
        (["--request-timeout", "nan"], "--request-timeout: expected a number above 0"),
        (["--tier", "large"], "--tier: expected one of smoke, full, got 'large'"),
        (["--target", "nvidia", "--api-key-env", "nvapi-5ecret"], "expected the NAME of an environment variable"),
        (["--target", "nvidia", "--dry-run", "--api-key-env", "nvapi-5ecret"], "got something else (not shown)"),
        (["--max-answer", "much"], "--max-answer: expected a size as 500KB or 16MB, got 'much'"),
        (["--exhausted-key-env", "NO_SUCH_KEY"], "environment variable NO_SUCH_KEY"),
        (["--baseline", "nowhere.yaml"], "nowhere.yaml: expected a readable file"),
        (["-p", "xdist", "-n", "2", "--dry-run"], "--dry-run: expected no -n beside it"),
    ],
)
def test_bad_input__gets_one_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    """Exit status 2, one line, no traceback."""
    done = run_suite(*arguments, folder=tmp_path)
    lines = (done.stdout + done.stderr).strip().splitlines()
    assert done.returncode == 2
    assert len(lines) == 1, lines
    assert said in lines[0]
    assert "5ecret" not in lines[0]


def test_report_that_is_a_file__is_refused(tmp_path: Path) -> None:
    """Nothing is overwritten."""
    path = tmp_path / "file"
    path.write_text("mine", encoding="utf-8")
    done = run_suite(folder=path)
    assert done.returncode == 2
    assert "--report: expected a folder" in done.stdout + done.stderr
    assert path.read_text(encoding="utf-8") == "mine"


def test_report_that_cannot_be_written__is_known_before_anything_is_asked(tmp_path: Path) -> None:
    """What was paid for would be lost."""
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with serving() as script:
        done = run_suite("--base-url", script.url, "--dialect", "nvidia", folder=tmp_path / "file" / "report")
    said = (done.stdout + done.stderr).strip().splitlines()
    assert (done.returncode, len(said)) == (2, 1), said
    assert "--report: expected a folder to write to, got" in said[0]
    assert script.received == []


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello", "FAIL"),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "INCONCLUSIVE"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "RETIRED"),
        (b"not http at all\r\n\r\n", "INCONCLUSIVE"),
    ],
)
def test_strange_server__gets_a_verdict(tmp_path: Path, answer: bytes, verdict: str) -> None:
    """A server that is no chat endpoint ends in verdicts, not in a traceback."""
    with serving(answer) as script:
        options = ["--base-url", script.url, "--dialect", "nvidia", "--request-timeout", "2"]
        done = run_suite(*options, "-k", "RSP-02 or SSE-08", folder=tmp_path)
    assert "Traceback" not in done.stdout
    assert verdict in (tmp_path / "verdicts.json").read_text(encoding="utf-8")
    assert done.returncode == (1 if verdict == "FAIL" else 3)


@pytest.mark.parametrize("said", [[], [b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"]])
def test_hanging_server__ends_soon(tmp_path: Path, said: list[bytes]) -> None:
    """One question that costs nothing shows it, whether nothing comes or a head without an end; no more are sent."""
    with serving(*said, hang=True) as script:
        options = ["--base-url", script.url, "--dialect", "nvidia", "--request-timeout", "0.3", "--free"]
        done = run_suite(*options, folder=tmp_path)
    # the answer to a GET breaks a must; silence breaks none, and keeps none
    assert done.returncode == (1 if said else 3)
    told = "contract: 1 broken" if said else "contract: not judged"
    assert f'aria-label="{told}"' in (tmp_path / "badge.svg").read_text(encoding="utf-8")
    # the first connection is the one that sees whether anything listens
    assert len(script.received) <= 2
    assert not {"PASS", "FAIL"} & {verdict for (name, _), verdict in verdicts(tmp_path).items() if name != "HTTP-02"}
    assert "INCONCLUSIVE" in done.stdout


def test_web_server__is_told_from_a_chat_endpoint(tmp_path: Path) -> None:
    """Python's own, which knows no POST: verdicts with evidence, no traceback."""
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            found = re.search(r"port (\d+)", server.stdout.readline() if server.stdout else "")
            url = f"http://127.0.0.1:{found[1] if found else 0}"
            done = run_suite("--base-url", url, "--dialect", "nvidia", folder=tmp_path / "report")
        finally:
            server.terminate()
    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode == 1
    assert verdicts(tmp_path / "report")["RSP-02", "nvidia"] == "INCONCLUSIVE"
