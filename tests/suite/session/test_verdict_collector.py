"""What a run leaves whose process is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema_rs

from mixtral_contract.suite.reporting.report import SCHEMA
from tests.support.repository import ROOT

LATEST_S = 60


def test_killed_run__leaves_what_it_judged_and_names_the_rest(tmp_path: Path) -> None:
    """In the place of the report of an earlier run, which would be taken for it."""
    path, page = tmp_path / "verdicts.json", tmp_path / "index.html"
    path.write_text("{}", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "contract_tests", "-q", "-p", "no:cacheprovider"]
    command += ["--dialect", "nvidia", "--report", str(tmp_path)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            ends_s = time.monotonic() + LATEST_S
            while not (page.exists() and "</html>" in page.read_text(encoding="utf-8")):
                assert time.monotonic() < ends_s, "nothing was written"
                assert process.poll() is None
                time.sleep(0.02)
        finally:
            # with the mock that it started, which nobody else ends
            os.killpg(process.pid, signal.SIGKILL)
    run = json.loads(path.read_text(encoding="utf-8"))
    jsonschema_rs.validate(json.loads(SCHEMA.read_text(encoding="utf-8")), run)
    judged, missing = {entry["clause"] for entry in run["verdicts"]}, run["unfinished"]["missing"]
    assert judged
    assert missing
    assert not judged & set(missing)
    assert run["headline"].startswith(f"UNFINISHED, {len(missing)} clauses without a verdict. So far: ")
    assert "UNFINISHED" in page.read_text(encoding="utf-8")
