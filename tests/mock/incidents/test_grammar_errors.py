from __future__ import annotations

import subprocess
import sys

import pytest

from mixtral_contract.mock.incidents.grammar import KINDS, describe


def _run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mock_server", "--port", "0", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--incident", "ctu"], "--incident: expected cut"),
        (["--incident", "cut", "--incident", "200"], "from 400 to 599, got '200'"),
        (["--incident", ""], "--incident: expected"),
        (["--incident", "429*2,ok", "--workers", "2"], "several processes"),
        (["--head-timeout-s", "0"], "--head-timeout-s"),
        (["--body-timeout-s", "-1"], "--body-timeout-s"),
        (["--idle-timeout-s", "inf"], "--idle-timeout-s"),
        (["--max-body-bytes", "1MB"], "--max-body-bytes"),
    ],
)
def test_wrong_option__is_one_line_and_exit_2(options: list[str], part: str) -> None:
    """Without a traceback, naming what was wrong."""
    done = _run(*options)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert part in done.stderr


def test_list__teaches_every_incident() -> None:
    """On stdout, and that is all."""
    done = _run("--incident", "list")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == list(describe())
    assert all(any(line.partition(":")[0] == name for line in done.stdout.splitlines()) for name in KINDS)


def test_help__teaches_the_grammar_and_the_limits() -> None:
    """With defaults."""
    shown = " ".join(_run("--help").stdout.split())
    for part in (
        "X-Mock-Incident",
        "429(retry_after=2)*2,ok",
        ";rate=SHARE",
        "default: 75",
        "default: 8388608",
        "https",
    ):
        assert part in shown
