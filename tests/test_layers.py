"""The layers of the project."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.repository import ROOT

ALLOWED = {
    "spec": set[str](),
    "mock_server": {"spec"},
    "contract_tests": {"spec"},
    "load": {"spec"},
    "examples": {"spec", "mock_server", "contract_tests"},
}


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_package__imports_only_what_its_layer_may(package: str) -> None:
    """A layer knows the layers below it, and none beside it."""
    others = (set(ALLOWED) | {"tests", "benchmarks"}) - ALLOWED[package] - {package}
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    for path in files:
        for name in _imports(path):
            assert name.partition(".")[0] not in others, f"{path.relative_to(ROOT)} imports {name}"


def test_load_computing_modules__never_import_locust() -> None:
    """Importing locust patches the process: only the edges may."""
    importing = {
        path.stem for path in (ROOT / "load").glob("*.py") if any(n.startswith("locust") for n in _imports(path))
    }
    computing = {"_sketch", "_tally", "_timeline", "_summary", "_record", "_spread", "_prompt"}
    assert not importing & computing


def test_load__has_one_public_file() -> None:
    """Locust runs every file below load/ whose name has no leading underscore."""
    public = [path.name for path in (ROOT / "load").rglob("*.py") if not path.name.startswith("_")]
    assert public == ["locustfile.py"]
