from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mixtral_contract.contract.openapi import DOCUMENT
from tests.mock.conftest import Start
from tests.support.repository import ROOT


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--break", "RSP-02"), 1)])
def test_schemathesis__finds_only_what_is_broken(start: Start, tmp_path: Path, options: list[str], code: int) -> None:
    """Every check of the tool that knows OpenAPI best, and no warning of it, on an honest mock and on a broken one."""
    tool = str(Path(sys.executable).with_name("schemathesis"))
    command = [tool, "--config-file", str(ROOT / "schemathesis.toml"), "run", str(DOCUMENT), "--url", start(*options)]
    keys = ["-H", "Authorization: Bearer mock-valid", "-H", "x-api-key: mock-valid"]
    done = subprocess.run(
        [*command, *keys, "--max-examples", "10", "--seed", "1"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=120,
    )
    assert done.returncode == code, done.stdout
    assert ("No issues found" in done.stdout) == (code == 0)
    assert "WARNINGS" not in done.stdout
