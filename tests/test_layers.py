"""How the project is laid out: rooms on floors, doors that nobody imports, no circle, no large file.

`FLOORS` is the one place to change when a room is made, moved or given up.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.support.repository import ROOT

PACKAGE = "mixtral_contract"
DOORS = ("spec", "mock_server", "contract_tests", "load")

FLOORS: Mapping[str, tuple[str, ...]] = {
    "": ("primitives.bounded", "primitives", "contract", "cassettes"),
    "mock": (
        "completions.json_values timing accounts",
        "completions messages",
        "replies",
        "fixtures incidents journal",
        "service",
        "breaks http recording",
        "admin",
        ".",
        "server testing.network",
        "testing",
        "cli",
    ),
    "suite": (
        "http",
        "verdicts",
        "client",
        "target",
        "generation reporting",
        "recordings session",
        "proof",
        "cli",
        ".",
    ),
    "load": (
        "units client workload prompt_files",
        "estimators reading",
        "costs",
        "settings",
        "counts",
        "stages",
        "requests",
        "results run",
        "report",
        "compare locust_plugin.web",
        "locust_plugin",
        "cli",
        ".",
    ),
}
"""Of each part its floors, the lowest first, each with its rooms; "." is the part's own folder, "" below all parts.

A room imports rooms of lower floors of its part, and those below all parts: all that it reaches over others lies
below it too.
"""

LIBRARIES: Mapping[str, tuple[str, ...]] = {
    "locust": ("load.locust_plugin", "load.cli.locust_run"),
    "hypothesis": ("suite",),
    "schemathesis": ("suite", "contract.lint", "contract.schemathesis_hooks"),
}
"""Who may import what not every user has: parts, rooms or modules."""

MOST_MODULES = 12
MOST_LINES = 350
OURS = (PACKAGE, *DOORS, "tests", "examples", "benchmarks")


@cache
def _modules() -> dict[str, Path]:
    """The package's modules by name; a room's own name is its `__init__`."""
    files = sorted((ROOT / PACKAGE).rglob("*.py"))
    assert files
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in files}


@cache
def _imports(path: Path) -> tuple[str, ...]:
    """What a file imports, wherever in it, functions and types included."""
    return tuple(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name if name in _modules() else node.module or "" for name in names)


@cache
def _own_imports() -> dict[str, frozenset[str]]:
    """Which modules of the package each module imports."""
    return {
        module: frozenset(name for name in _imports(path) if name in _modules()) for module, path in _modules().items()
    }


def _room(module: str) -> str:
    """The room of a module, below the package; a room's `__init__` is in it."""
    parts = module.split(".")[1:]
    return ".".join(parts if _modules()[module].name == "__init__.py" else parts[:-1])


def _part(room: str) -> str:
    """The part of a room: mock, suite or load; "" for a room below all of them."""
    first = room.partition(".")[0]
    return first if first in FLOORS else ""


@cache
def _floors() -> dict[str, int]:
    """The floor of each room within its part."""
    return {
        ".".join(filter(None, (part, "" if room == "." else room))): floor
        for part, floors in FLOORS.items()
        for floor, rooms in enumerate(floors)
        for room in rooms.split()
    }


def _lies_below(room: str, other: str) -> bool:
    """Whether the other room lies below the room."""
    if _part(other) not in ("", _part(room)):
        return False
    return _part(room) != _part(other) or _floors()[other] < _floors()[room]


def _is_top(module: str) -> bool:
    """Whether it is the package's face or a command, which put parts together; nobody imports a command."""
    return not _room(module) or module.endswith(".__main__")


def test_every_room__has_a_floor() -> None:
    """And every floor's rooms are there."""
    rooms = {_room(module) for module, path in _modules().items() if path.name != "__init__.py" and not _is_top(module)}
    missing, gone = rooms - _floors().keys(), {room for room in _floors() if f"{PACKAGE}.{room}" not in _modules()}
    assert not missing | gone, f"without a floor: {sorted(missing)}, not there: {sorted(gone)}"


def test_room__imports_only_what_lies_below_it() -> None:
    """Neither a room of another part nor one of its own floor, wherever in a file the import stands."""
    wrong = {
        f"{module} imports {name}"
        for module, names in _own_imports().items()
        for name in names
        if not _is_top(module) and _room(module) in _floors()
        if _room(name) != _room(module) and not (_room(name) in _floors() and _lies_below(_room(module), _room(name)))
    }
    assert not wrong, "\n".join(sorted(wrong))


@pytest.mark.parametrize("part", [part for part in FLOORS if part])
def test_part__reaches_no_other_part(part: str) -> None:
    """Over whatever it imports: who installs the mock alone can import all of it."""
    reached = {name for module in _modules() if _part(_room(module)) == part for name in _reached(module)}
    others = {name for name in reached if _part(_room(name)) not in ("", part)}
    assert not others, sorted(others)


def _reached(module: str) -> frozenset[str]:
    """The modules that a module imports, and those that they import."""
    found, todo = set[str](), {module}
    while todo:
        found |= todo
        todo = {name for each in todo for name in _own_imports()[each]} - found
    return frozenset(found)


def test_imports__make_no_circle() -> None:
    """Neither on import nor later, in a function."""
    try:
        TopologicalSorter(_own_imports()).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


@pytest.mark.parametrize("library", LIBRARIES)
def test_library__is_imported_where_it_may_be(library: str) -> None:
    """Importing locust patches the process; and not everybody has what only the suite or a load run needs."""
    importing = {
        module
        for module, path in _modules().items()
        if any(name.partition(".")[0] == library for name in _imports(path))
    }
    allowed = tuple(f"{PACKAGE}.{name}" for name in LIBRARIES[library])
    assert importing
    assert not [name for name in sorted(importing) if not f"{name}.".startswith(tuple(f"{each}." for each in allowed))]


def test_doors__are_imported_by_nobody() -> None:
    """Neither by the package nor by each other; each imports the package and what it needs of others."""
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for folder in OURS
        for path in (ROOT / folder).rglob("*.py")
        for name in _imports(path)
        if name.partition(".")[0] in DOORS
    }
    assert not wrong, "\n".join(sorted(wrong))


@pytest.mark.parametrize("door", DOORS)
def test_door__is_a_folder_and_no_package(door: str) -> None:
    """A user's module of the same name stays his own; and what is tests imports nothing of tests."""
    files = sorted((ROOT / door).rglob("*.py"))
    names = {path.stem for path in files} | {"tests", "examples", "benchmarks"}
    assert files
    assert "__init__" not in names
    wrong = {
        f"{path.name} imports {name}" for path in files for name in _imports(path) if name.partition(".")[0] in names
    }
    assert not wrong, "\n".join(sorted(wrong))


def test_clauses__stand_alone_in_their_door() -> None:
    """Tests of clauses, a conftest without a definition, and the command."""
    files = {path.name: path for path in (ROOT / "contract_tests").iterdir() if path.suffix == ".py"}
    assert {name for name in files if not name.startswith("test_")} == {"__main__.py", "conftest.py"}
    tree = ast.parse(files["conftest.py"].read_text(encoding="utf-8"))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)]


def test_rooms__are_small() -> None:
    """A folder with more modules is two rooms."""
    sizes = Counter(_room(module) for module, path in _modules().items() if not path.name.startswith("__"))
    large = {room: size for room, size in sizes.items() if size > MOST_MODULES}
    assert not large


def test_rooms__say_what_they_are_for() -> None:
    """In one line, which is more than their name."""
    rooms = {module: path for module, path in _modules().items() if path.name == "__init__.py"}
    purposes = {
        module: ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "" for module, path in rooms.items()
    }
    silent = [module for module, purpose in purposes.items() if len(purpose.partition("\n")[0].split()) < 3]
    assert not silent, "\n".join(silent)


def test_files__are_short() -> None:
    """A longer one is two nouns."""
    lines = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for folder in OURS
        for path in (ROOT / folder).rglob("*.py")
        if "node_modules" not in path.parts
    }
    long = {name: count for name, count in lines.items() if count > MOST_LINES}
    assert not long
