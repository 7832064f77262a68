"""The example in Python: its own tests pass where they are copied to, and its program says what is wrong in a line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.repository import ROOT

EXAMPLE = ROOT / "examples" / "chat"


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The two files and nothing else of ours: no configuration of pytest, no conftest."""
    for name in ("chat.py", "test_chat.py"):
        shutil.copy(EXAMPLE / name, tmp_path)
    return tmp_path


def _python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


def test_example__passes_its_own_tests(copied: Path) -> None:
    """With the plugin, which pytest finds by itself where the package is installed."""
    done = _python(copied, "-m", "pytest", "-p", "mixtral_contract.pytest_plugin", "-p", "no:cacheprovider", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "11 passed" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "arguments are required: endpoint"),
        (["azure"], "invalid choice: 'azure'"),
        (["nvidia", "--keep", "much"], "--keep: expected a number of credits, got 'much'"),
        (["nvidia"], "expected a key in the environment variable NVIDIA_API_KEY"),
    ],
)
def test_example_with_bad_input__says_so(copied: Path, arguments: list[str], said: str) -> None:
    """Exit status 2."""
    done = _python(copied, "chat.py", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
