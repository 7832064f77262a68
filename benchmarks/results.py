"""Results: every figure is measured once per round; the table shows its median and, in brackets, its range."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.machine import describe


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of the table: its heading, its name in the rounds, how it is written."""

    heading: str
    name: str
    form: str = "{:,.0f}"
    ranged: bool = False

    def cell(self, rounds: Sequence[Mapping[str, Any]]) -> str:
        """The median over the rounds, with the range where it is wanted; a dash when nothing was measured."""
        values = [each[self.name] for each in rounds if each.get(self.name) is not None]
        if not values:
            return "-"
        median = self.form.format(statistics.median(values))
        if not self.ranged or len(values) == 1:
            return median
        return f"{median} ({self.form.format(min(values))}-{self.form.format(max(values))})"


@dataclass(slots=True)
class Results:
    """The rounds of a program, by what was measured: a row of the table each; `not_kept` are bounds that were not."""

    program: str
    settings: Mapping[str, Any]
    rounds: dict[tuple[str, ...], list[dict[str, Any]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    not_kept: list[str] = field(default_factory=list)

    def add(self, row: tuple[str, ...], measured: dict[str, Any]) -> None:
        """Adds what one round measured for a row."""
        self.rounds.setdefault(row, []).append(measured)

    def relate(self, figure: str, name: str, reference: Callable[[tuple[str, ...]], tuple[str, ...] | None]) -> None:
        """Adds to every round the ratio of a figure to that of the same round of a reference row."""
        for row, rounds in self.rounds.items():
            other = reference(row)
            if other is None or other not in self.rounds:
                continue
            for own, its in zip(rounds, self.rounds[other], strict=True):
                if own.get(figure) is not None and its.get(figure):
                    own[name] = own[figure] / its[figure]

    def table(self, headings: Sequence[str], columns: Iterable[Column]) -> str:
        """The table in Markdown."""
        columns = list(columns)
        lines = [[*headings, *(column.heading for column in columns)]]
        lines += [[*row, *(column.cell(rounds) for column in columns)] for row, rounds in self.rounds.items()]
        widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
        lines.insert(1, ["-" * width for width in widths])
        return "\n".join(
            "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
            for line in lines
        )

    def write(self, path: Path) -> None:
        """Writes every round as JSON, with the machine and the settings."""
        rows = [{"row": row, "rounds": rounds} for row, rounds in self.rounds.items()]
        content = {"program": self.program, "machine": describe(), "settings": self.settings, "rows": rows}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            json.dumps(content | {"notes": self.notes, "not_kept": self.not_kept}, indent=1, default=str),
            encoding="utf-8",
        )
