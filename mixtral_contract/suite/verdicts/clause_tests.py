"""The tests of the clauses, loaded from their door as plain functions, for what judges without pytest around them."""

from __future__ import annotations

import functools
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType

from mixtral_contract.contract import clauses
from mixtral_contract.primitives.doors import door


@functools.cache
def clause_tests() -> Mapping[str, Callable[..., None]]:
    """The test of each clause, by the clause's id, in the order of the clauses."""
    found = {
        mark.args[0]: test
        for module in _modules(door("contract_tests"))
        for _, test in inspect.getmembers(module, inspect.isfunction)
        for mark in getattr(test, "pytestmark", ())
        if mark.name == "clause"
    }
    return {name: found[name] for name in clauses.load() if name in found}


def _modules(folder: Path) -> Iterator[ModuleType]:
    """The test modules of a folder, under names that no other module has."""
    for path in sorted(folder.glob("test_*.py")):
        name = f"_mixtral_contract_clauses_{path.stem}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path}: expected a module")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        yield module
