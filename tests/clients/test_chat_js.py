"""The example in JavaScript, by its own tests."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.clients.client import node
from tests.clients.conftest import Needed
from tests.support.repository import ROOT

EXAMPLE = ROOT / "examples" / "chat-js"


def _node(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHON": sys.executable}
    return subprocess.run(
        [str(node()), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=EXAMPLE,
        env=environment,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


def test_example__passes_its_own_tests(installed: Needed) -> None:
    """With a mock that its tests start."""
    installed("node")
    done = _node("--test", "--test-reporter=tap")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n# fail 0\n" in done.stdout
    assert "\n# pass 11\n" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "expected nvidia or segmind"),
        (["azure"], "expected nvidia or segmind"),
        (["nvidia", "--bogus"], "'--bogus'"),
        (["nvidia", "--keep", "much"], "--keep: expected a number of credits, got 'much'"),
        (["nvidia"], "environment variable NVIDIA_API_KEY"),
    ],
)
def test_example_with_bad_input__says_so_in_a_line(installed: Needed, arguments: list[str], said: str) -> None:
    """Exit status 2."""
    installed("node")
    done = _node("chat.mjs", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
