"""Runs the suite as a user does, as a process, and reads what it found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.repository import ROOT

_LIMIT_S = 600


def run_suite(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The finished run; its reports are in the folder."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "contract_tests",
        "-q",
        "-p",
        "no:cacheprovider",
        "--report",
        str(folder),
    ]
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    # none of the plugins installed beside it is needed, and they take most of the start
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    return subprocess.run(
        [*command, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=environment,
        timeout=_LIMIT_S,
    )


def verdicts(folder: Path) -> dict[tuple[str, str], str]:
    """The verdicts of a run by clause and dialect."""
    run = json.loads((folder / "verdicts.json").read_text(encoding="utf-8"))
    return {(entry["clause"], entry["dialect"]): entry["verdict"] for entry in run["verdicts"]}


def broken(folder: Path) -> set[str]:
    """The clauses that a run found broken: FAIL, and NON-STRICT where that is all a should can get."""
    return {clause for (clause, _), verdict in verdicts(folder).items() if verdict in ("FAIL", "NON-STRICT")}
