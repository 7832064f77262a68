"""Runs as files: verdicts.json, one self-contained page of clauses by targets, a summary as Markdown, and a badge."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jinja2
import jsonschema_rs

from mixtral_contract.primitives import command_line
from mixtral_contract.suite.reporting.badge import badge
from mixtral_contract.suite.reporting.markdown_summary import render_markdown
from mixtral_contract.suite.verdicts.result import ClauseResult, by_effect, source_text
from mixtral_contract.suite.verdicts.verdict import MEANINGS, Verdict

SCHEMA = Path(__file__).with_name("verdicts.schema.json")
PROOF = "proof.json"
_TEMPLATE = Path(__file__).with_name("report.html")

Run = Mapping[str, Any]
"""One run as in verdicts.json."""


class ReportError(ValueError):
    """A file is no run, or nothing can be written; the message says which and why in one line."""


@dataclass(frozen=True, slots=True)
class Column:
    """One dialect of one run; `label` tells it from the other columns."""

    run: Run
    dialect: str
    label: str

    @property
    def verdicts(self) -> dict[str, ClauseResult]:
        """The verdicts by clause."""
        entries = (ClauseResult.from_dict(entry) for entry in self.run["verdicts"] if entry["dialect"] == self.dialect)
        return {entry.clause: entry for entry in entries}


def writable(folder: Path, option: str) -> Path:
    """The folder, which is there and takes files.

    Raises: ReportError, with the option that names it, when it does not.
    """
    try:
        return command_line.writable(folder)
    except ValueError as error:
        raise ReportError(f"{option}: {error}") from None


def write(folder: Path, run: Run, bodies: Mapping[str, bytes] = MappingProxyType({})) -> Path:
    """Writes verdicts.json, index.html, summary.md and badge.svg; returns the page.

    `bodies` are files that curl lines name; those of an earlier run go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("body-*"):
        path.unlink()
    for name, body in bodies.items():
        (folder / name).write_bytes(body)
    # in one step: whoever is killed leaves the whole file of before, or the whole new one
    unfinished = folder / "verdicts.json.tmp"
    unfinished.write_text(json.dumps(run, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    unfinished.replace(folder / "verdicts.json")
    (folder / "badge.svg").write_text(badge(run), encoding="utf-8")
    (folder / "summary.md").write_text(render_markdown(run), encoding="utf-8")
    return write_page(folder, [run])


def write_page(folder: Path, runs: Sequence[Run]) -> Path:
    """Writes index.html of several runs side by side, and what was proven, when that lies beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        proof = json.loads((folder / PROOF).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        proof = None
    path = folder / "index.html"
    path.write_text(page(runs, proof), encoding="utf-8")
    return path


def read(path: Path) -> Run:
    """The run in a verdicts.json, or in a folder that has one.

    Raises: ReportError when there is none.
    """
    path = path / "verdicts.json" if path.is_dir() else path
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReportError(f"{path}: expected a readable file, got {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{path}: expected JSON, got {error}") from error
    validator = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text(encoding="utf-8")))
    for problem in validator.iter_errors(run):
        where = "/".join(map(str, problem.instance_path))
        raise ReportError(f"{path}: {where and where + ': '}{problem.message.splitlines()[0][:200]}")
    return dict(run)


def columns(runs: Sequence[Run]) -> list[Column]:
    """A column per dialect of each run, each with a name of its own."""
    found = []
    names = [run["target"]["name"] for run in runs]
    for number, run in enumerate(runs):
        name = names[number]
        if names.count(name) > 1:
            name = f"{name} #{names[: number + 1].count(name)}"
        dialects = list(dict.fromkeys(entry["dialect"] for entry in run["verdicts"]))
        for dialect in dialects:
            label = name if len(dialects) == 1 else dialect if len(runs) == 1 else f"{name} {dialect}"
            found.append(Column(run, dialect, label))
    return found


def page(runs: Sequence[Run], proof: Mapping[str, Any] | None = None) -> str:
    """The page: clauses by columns, each with its evidence."""
    found = columns(runs)
    # in the order of the clauses, not of the dialects: a clause of one dialect stands among its neighbours
    cells: dict[str, dict[str, ClauseResult]] = {entry["clause"]: {} for run in runs for entry in run["verdicts"]}
    for column in found:
        for clause, entry in column.verdicts.items():
            cells[clause][column.label] = entry
    groups: dict[str, list[str]] = {}
    for clause in cells:
        groups.setdefault(clause.partition("-")[0], []).append(clause)
    counts = {
        verdict: sum(entry.verdict is verdict for row in cells.values() for entry in row.values())
        for verdict in Verdict
    }
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["source"] = source_text
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        runs=runs,
        proof=proof,
        columns=found,
        cells=cells,
        groups=groups,
        counts={verdict: count for verdict, count in counts.items() if count},
        broken=_broken(cells),
        following=_following(cells),
        meanings=MEANINGS,
    )


def _broken(cells: Mapping[str, Mapping[str, ClauseResult]]) -> dict[str, list[str]]:
    """The columns that break each clause for itself, what loses a client most first."""
    fallen = {
        clause: [label for label, entry in row.items() if entry.verdict is Verdict.FAIL and entry.follows is None]
        for clause, row in cells.items()
    }
    order = by_effect(cells[clause][labels[0]] for clause, labels in fallen.items() if labels)
    return {entry.clause: fallen[entry.clause] for entry in order}


def _following(cells: Mapping[str, Mapping[str, ClauseResult]]) -> dict[str, list[str]]:
    """Which clauses follow from each, in any column."""
    following: dict[str, list[str]] = {clause: [] for clause in cells}
    for clause, row in cells.items():
        for leader in {entry.follows for entry in row.values() if entry.follows}:
            following.setdefault(leader, []).append(clause)
    return following
