"""The walk of docs/extend.md, done in a copy of the repository: each block says in its first line where it belongs."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.docs.page import REPOSITORY, Page

PAGE = REPOSITORY / "docs" / "extend.md"

_BLOCK = re.compile(r"^```yaml\n# (?P<file>\S+), (?P<place>[^\n]+):\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_PARTS = ("mixtral_contract", "spec", "mock_server", "contract_tests", "load", "pyproject.toml")


def copy_to(folder: Path) -> None:
    """The repository as far as its commands need it."""
    for name in _PARTS:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)


def apply_to(folder: Path) -> list[str]:
    """Makes the page's changes there; the files that were changed, in order."""
    changed = []
    for file, place, text in _blocks():
        path = folder / file
        path.write_text(_placed(path.read_text(encoding="utf-8"), place, text), encoding="utf-8")
        changed.append(file)
    return changed


def commands() -> list[str]:
    """What the page's reader types."""
    return Page.read(PAGE).commands


def vendor_page() -> str:
    """What the vendor prints, by the page."""
    return "\n".join(line[2:] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("> "))


def _blocks() -> Iterator[tuple[str, str, str]]:
    for found in _BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        yield found["file"], found["place"], found["text"]


def _placed(content: str, place: str, text: str) -> str:
    if place == "at the end":
        return content + text
    where, name = place.split(" ", 1)
    if where == "under":
        before, line, after = re.split(rf"^( *{re.escape(name)}:\n)", content, maxsplit=1, flags=re.MULTILINE)
        return before + line + text + after
    assert where == "in", place
    key = text.split(":", maxsplit=1)[0]
    pattern = rf"(^- id: {re.escape(name)}\n(?:  .*\n)*?)({re.escape(key)}:.*\n)"
    changed, count = re.subn(pattern, lambda found: found[1] + text, content, flags=re.MULTILINE)
    assert count == 1, place
    return changed
