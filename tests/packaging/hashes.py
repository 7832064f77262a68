"""What the image installs, each file by its hash: `python -m tests.packaging.hashes > mock_server/requirements.txt`.

pip says which wheels it would take for each kind of machine; nothing is installed. `make hashes` calls it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.support.repository import ROOT

PYTHON = "3.12"
_MACHINES = ("x86_64", "aarch64")
_SYSTEMS = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014")
_HEAD = (
    "# Made by `make hashes`: what mock_server/Dockerfile installs, by the hash of each file; see constraints.txt.\n"
)


def requirements() -> list[str]:
    """What the image asks for: the core, the extras for users, and what builds the package in place."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["suite"], *extras["load"], *extras["record"], "setuptools>=77"]
    return list(dict.fromkeys(wanted))


def written(reports: Iterable[Mapping[str, Any]]) -> str:
    """The lines of a requirements file, of all reports of pip together, by name."""
    hashes: dict[str, set[str]] = {}
    for report in reports:
        for each in report["install"]:
            pin = f"{each['metadata']['name']}=={each['metadata']['version']}"
            hashes.setdefault(pin, set()).add(each["download_info"]["archive_info"]["hashes"]["sha256"])
    lines = (
        " \\\n    ".join([pin, *(f"--hash=sha256:{one}" for one in sorted(known))]) + "\n"
        for pin, known in sorted(hashes.items(), key=lambda entry: entry[0].lower())
    )
    return _HEAD + "".join(lines)


def _report(machine: str) -> Mapping[str, Any]:
    platforms = (option for system in _SYSTEMS for option in ("--platform", f"{system}_{machine}"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--disable-pip-version-check"]
        command += ["--ignore-installed", "--only-binary", ":all:", "--python-version", PYTHON, *platforms]
        command += ["--target", folder, "--report", str(path), "-c", "constraints.txt", *requirements()]
        subprocess.run(command, cwd=ROOT, check=True)
        report: Mapping[str, Any] = json.loads(path.read_bytes())
        return report


def main() -> int:
    """Prints the file."""
    sys.stdout.write(written(map(_report, _MACHINES)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
