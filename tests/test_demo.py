from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mixtral_contract.load.estimators.ddsketch import RELATIVE_ERROR
from tests.support.repository import ROOT
from tests.support.scripted_server import serving


def _demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    return subprocess.run(
        [sys.executable, "examples/demo.py", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**environment, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        timeout=300,
    )


def test_demo__leads_to_both_reports(tmp_path: Path) -> None:
    """One page whose first line says what was found, over the suite's report and the load run's."""
    done = _demo("--seconds", "4", "--report", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    verdicts = json.loads((tmp_path / "contract" / "verdicts.json").read_text(encoding="utf-8"))
    summary = json.loads((tmp_path / "load" / "summary.json").read_text(encoding="utf-8"))
    assert "FAIL" not in verdicts["counts"]
    assert summary["outcomes"]["ok"] > 0
    assert summary["ttft_ms"]["p50"] >= 20 * (1 - RELATIVE_ERROR), "the load run measures the mock at a pace"
    assert "<h1>Mock breaks no clause" in page
    for link in ("contract/index.html", "load/report.html"):
        assert f'href="{link}"' in page
        assert (tmp_path / link).is_file()
    assert f"report   {tmp_path / 'index.html'}" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--target", "nvidia"], "environment variable NVIDIA_API_KEY"),
        (["--target", "azure"], "expected one of mock"),
        (["--base-url", "nowhere"], "expected an http or https URL"),
        (["--base-url", "http://127.0.0.1:1"], "expected a server, got none"),
        (["--seconds", "0"], "--seconds: expected"),
    ],
)
def test_bad_input__gets_one_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    """Exit status 2 before anything is started."""
    done = _demo("--report", str(tmp_path / "report"), *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert not (tmp_path / "report").exists()


def test_broken_endpoint__is_reported(tmp_path: Path) -> None:
    """Exit status 1, and a page all the same."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello"
    with serving(answer) as script:
        done = _demo("--base-url", script.url, "--dialect", "nvidia", "--seconds", "2", "--report", str(tmp_path))
    assert done.returncode == 1
    assert "clauses are broken" in (tmp_path / "index.html").read_text(encoding="utf-8")
