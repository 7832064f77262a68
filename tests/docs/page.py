"""A page of the documentation as what is in it: blocks, commands, links, anchors. Text in, values out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]

_FENCED = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (?P<name>[\w.-]+\.\w+)\n")
_COMMAND = re.compile(r"^\$ (?P<typed>(?:.*\\\n)*.+?)(?P<comment>\s{2,}# .*)?$", re.MULTILINE)
_CONTINUED = re.compile(r"\s*\\\n\s*")
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_SPAN = re.compile(r"`(?P<code>[^`]+)`")
_HEADING = re.compile(r"^#+ (?P<title>.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block; `file` is the file that its first line names as its own (`# NAME.py`), None without one."""

    place: str
    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The name of the file that it is."""
        found = _FILE.match(self.text)
        return found["name"] if found else None

    @property
    def commands(self) -> list[str]:
        """What its reader types, each on one line and without a comment behind it."""
        return [_CONTINUED.sub(" ", found["typed"]) for found in _COMMAND.finditer(self.text)]


@dataclass(frozen=True, slots=True)
class Page:
    """One file of Markdown in the repository."""

    name: str
    text: str

    @classmethod
    def read(cls, path: Path) -> Page:
        """The page in a file below the repository."""
        return cls(path.relative_to(REPOSITORY).as_posix(), path.read_text(encoding="utf-8"))

    @property
    def blocks(self) -> Iterator[Block]:
        """Its fenced blocks in their order."""
        for found in _FENCED.finditer(self.text):
            line = self.text.count("\n", 0, found.start()) + 1
            yield Block(f"{self.name}:{line}", found["language"], found["text"])

    @property
    def commands(self) -> list[str]:
        """All that its reader types."""
        return [command for block in self.blocks for command in block.commands]

    @property
    def prose(self) -> str:
        """Everything but the fenced blocks."""
        return _FENCED.sub("", self.text)

    @property
    def links(self) -> list[str]:
        """Where its links lead."""
        return [found["target"] for found in _LINK.finditer(_SPAN.sub("", self.prose))]

    @property
    def spans(self) -> list[str]:
        """What is set as code within its sentences."""
        return [" ".join(found["code"].split()) for found in _SPAN.finditer(self.prose)]

    @property
    def anchors(self) -> set[str]:
        """What a link can point to on it, as GitHub names it."""
        found: list[str] = []
        for heading in _HEADING.finditer(self.prose):
            title = re.sub(r"[^\w\- ]", "", heading["title"].lower()).replace(" ", "-")
            again = sum(re.fullmatch(rf"{re.escape(title)}(-\d+)?", each) is not None for each in found)
            found.append(f"{title}-{again}" if again else title)
        return set(found)


def pages() -> list[Page]:
    """Those with something to type: the README, what is in docs/, and what stands beside the benchmarks."""
    paths = (Path("README.md"), *sorted(path.relative_to(REPOSITORY) for path in (REPOSITORY / "docs").glob("*.md")))
    return [Page.read(REPOSITORY / path) for path in (*paths, Path("benchmarks/README.md"))]
