"""The workflow that users drop into their repositories: what its steps run is run here, step by step, as it stands."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.packaging.environment import Installation, build_wheel
from tests.support.repository import ROOT

FILE = ROOT / "examples" / "ci" / "github-workflow.yml"

_SHORTER = {"TIER": "smoke", "USERS": "2", "SECONDS_OF_LOAD": "4"}


def _workflow() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return read


_STEPS = {step["name"]: step["run"] for step in _workflow()["jobs"]["contract"]["steps"] if "run" in step}


class _Runner:
    """A user's repository as a runner has it: an empty folder, a Python of its own, the variables of the workflow set.

    What the package requires is borrowed from the environment of the tests; the package itself is the wheel.
    """

    def __init__(self, folder: Path, log: Path, port: int, wheel: Path, python: Path) -> None:
        self.folder = folder
        self.base_url = f"http://127.0.0.1:{port}"
        self.summary = log.with_name("summary.md")
        self._log = log
        self._sessions: list[int] = []
        inherited = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
        self._environment = {
            **inherited,
            **{name: str(value) for name, value in _workflow()["env"].items()},
            **_SHORTER,
            "PORT": str(port),
            "BASE_URL": self.base_url,
            "PACKAGE": _workflow()["env"]["PACKAGE"].replace("mixtral-contract", str(wheel)),
            "GITHUB_REF_NAME": "main",
            "GITHUB_SHA": "0123456",
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "PATH": f"{python.parent}:{os.defpath}",
        }

    def run(self, name: str) -> int:
        """The exit status of a step; what it started in the background goes on."""
        with self._log.open("a", encoding="utf-8") as log:
            process = subprocess.Popen(
                ["bash", "-e", "-o", "pipefail", "-c", _STEPS[name]],
                cwd=self.folder,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._sessions.append(process.pid)
            return process.wait(timeout=120)

    def end(self) -> None:
        """Ends what steps left running."""
        for session in self._sessions:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(session, signal.SIGTERM)


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[_Runner]:
    """A runner that has been set up, and leaves nothing behind."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = tmp_path / "repository"
    folder.mkdir()
    environment = Installation.empty(tmp_path / "environment", folder)
    environment.borrow()
    made = _Runner(folder, tmp_path / "log", port, build_wheel(tmp_path), environment.program("python"))
    try:
        yield made
    finally:
        made.end()


def test_steps__lead_to_the_reports_and_to_a_gate(runner: _Runner, tmp_path: Path) -> None:
    """The mock, the contract, the load, a baseline; and a run that is worse than it does not pass."""
    for name in _STEPS:
        assert runner.run(name) == 0, f"{name}: {(tmp_path / 'log').read_text(encoding='utf-8')[-3000:]}"
    reports = runner.folder / "reports"
    for path in ("contract/index.html", "contract/junit.xml", "load/report.html", "mock.log", "journal.jsonl"):
        assert (reports / path).is_file(), path
    verdicts = json.loads((reports / "contract" / "verdicts.json").read_text(encoding="utf-8"))
    assert "FAIL" not in verdicts["counts"]

    assert runner.run("the gate") == 0
    assert runner.run("the summary") == 0
    headings = [line for line in runner.summary.read_text(encoding="utf-8").splitlines() if line.startswith("###")]
    # of the first pass, which had no run to compare with, and of the second
    assert [line.partition(":")[0] for line in headings] == ["### Contract", "### Contract", "### Load"]
    httpx.patch(f"{runner.base_url}/_mock/state", json={"pace": {"ttft_ms": 250, "itl_ms": 20}}).raise_for_status()
    assert runner.run("the load") == 0
    assert runner.run("the gate") == 1
    assert "<html" in (reports / "comparison.html").read_text(encoding="utf-8")


def test_workflow__keeps_what_can_be_checked_without_its_runner() -> None:
    """What is installed has the suite and the load run; reports are kept whatever fell, actions have a version."""
    steps = _workflow()["jobs"]["contract"]["steps"]
    assert str(_workflow()["env"]["PACKAGE"]).startswith("mixtral-contract[all]")
    assert all("@v" in step["uses"] for step in steps if "uses" in step)
    last = steps[-1]
    assert (last["if"], last["with"]["path"]) == ("always()", "reports")
    assert _workflow()["permissions"] == {"contents": "read"}
