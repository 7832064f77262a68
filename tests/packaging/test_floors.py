"""The lowest versions, read from the requirements."""

from __future__ import annotations

import tomllib

from tests.packaging.floors import floors
from tests.support.repository import ROOT


def test_floors__are_exact_versions() -> None:
    """Whatever else a requirement says; one that states none is left to pip."""
    stated = ["pyyaml>=6", "schemathesis>=4.32,<5", "uvloop>=0.23; sys_platform != 'win32'", "certifi"]
    assert list(floors(stated)) == ["pyyaml==6", "schemathesis==4.32", "uvloop==0.23; sys_platform != 'win32'"]


def test_every_requirement_of_the_core__states_its_floor() -> None:
    """A version that nothing was tested with is no promise."""
    core = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    assert len(list(floors(core))) == len(core)
