"""A wheel of this checkout, environments that it is installed in, and a folder of a user who has our names himself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

import pytest

from tests.support.repository import ROOT

SOURCES = ("mixtral_contract", "spec", "mock_server", "contract_tests", "load")
_FILES = ("pyproject.toml", "README.md", "LICENSE", "NOTICE")
_BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
_NO_INDEX = ("NewConnectionError", "NameResolutionError", "Temporary failure in name resolution")
_PYTEST = "import sys; from pytest import console_main; sys.exit(console_main())\n"
_OURS = ("mixtral_contract", "__editable__", "_editable")
_LIMIT_S = 300


def build_wheel(folder: Path) -> Path:
    """A wheel of the checkout, built from a copy of it: a build writes into its folder."""
    copy = folder / "checkout"
    for name in SOURCES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in _FILES:
        shutil.copy(ROOT / name, copy)
    built = _run([sys.executable, "-P", "-c", _BUILD, str(folder)], copy)
    assert built.returncode == 0, built.stderr
    return folder / built.stdout.splitlines()[-1]


@dataclass(frozen=True, slots=True)
class Installation:
    """An environment with the wheel in it, and the folder that its commands are run in."""

    folder: Path
    current: Path

    @classmethod
    def empty(cls, folder: Path, current: Path) -> Installation:
        """One with nothing in it, not even pip."""
        _checked([sys.executable, "-m", "venv", "--without-pip", str(folder)])
        return cls(folder, current)

    @classmethod
    def make(cls, folder: Path, wheel: Path, current: Path, *, borrowing: bool = False) -> Installation:
        """The wheel with what it requires, from a package index; `borrowing`: with all that this environment has.

        An environment that borrows shows that the wheel works, not that what it declares suffices.
        """
        made = cls.empty(folder, current)
        pip = [sys.executable, "-m", "pip", "--python", str(made.program("python")), "install", "--quiet"]
        if borrowing:
            made.borrow()
            _checked([*pip, "--no-deps", str(wheel)])
            # as pip would have written it
            made.program("pytest").write_text(f"#!{made.program('python')}\n{_PYTEST}", encoding="utf-8")
            made.program("pytest").chmod(0o755)
        else:
            _checked([*pip, "--constraint", str(ROOT / "constraints.txt"), str(wheel)])
        return made

    def borrow(self) -> None:
        """Gives it all that the running environment has, except this checkout."""
        borrowed = self.folder / "borrowed"
        borrowed.mkdir()
        for path in Path(sysconfig.get_path("purelib")).iterdir():
            if not path.name.startswith(_OURS):
                (borrowed / path.name).symlink_to(path)
        (self.packages / "borrowed.pth").write_text(str(borrowed), encoding="utf-8")

    @property
    def packages(self) -> Path:
        """Its site-packages."""
        paths = {"base": str(self.folder), "platbase": str(self.folder)}
        return Path(sysconfig.get_path("purelib", scheme="venv", vars=paths))

    def program(self, name: str) -> Path:
        """One of its commands."""
        return self.folder / ("Scripts" if os.name == "nt" else "bin") / name

    def names(self) -> list[str]:
        """The packages that are installed."""
        return sorted(found.metadata["Name"] for found in distributions(path=[str(self.packages)]))

    def megabytes(self) -> float:
        """How much room they take."""
        return sum(path.stat().st_size for path in self.packages.rglob("*") if path.is_file()) / 1e6

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command of the environment, run in the user's folder to its end."""
        return _run([str(self.program(command[0])), *command[1:]], self.current)

    @contextmanager
    def mock(self) -> Iterator[str]:
        """A mock that it serves, by its address."""
        command = [str(self.program("mixtral-contract")), "mock", "--port", "0"]
        with subprocess.Popen(
            command, cwd=self.current, env=_environment(), stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            try:
                yield process.stdout.readline().strip()
            finally:
                process.terminate()


def user_folder(folder: Path) -> Path:
    """A folder whose files have the names of ours, and fail when they are imported."""
    for name in ("spec", "load", "mock_server"):
        _write(folder / f"{name}.py", f"raise SystemExit('the user has a {name}.py')")
    for name in ("contract_tests", "spec", "load"):
        _write(folder / name / "__init__.py", f"raise SystemExit('the user has a {name}/')")
    return folder


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _checked(command: list[str]) -> None:
    ran = _run(command, ROOT)
    if any(sign in ran.stderr for sign in _NO_INDEX):
        pytest.skip("no package index can be reached: connect this machine to one")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def _run(command: list[str], current: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=current, env=_environment(), capture_output=True, text=True, check=False, timeout=_LIMIT_S
    )


def _environment() -> dict[str, str]:
    """That of the running process, without what leads Python or pytest elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
