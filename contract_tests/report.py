"""The verdicts of a run: judged, collected, written as verdicts.json and as one HTML page, summed up for a terminal."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jinja2

from contract_tests.target import Target
from contract_tests.verdict import MEANINGS, Outcome, Verdict, Violation
from spec.clauses import Clause
from spec.contract import Contract

SCHEMA_VERSION = 1
_TEMPLATE = Path(__file__).with_name("report.html")
_COLUMN = 12


@dataclass(frozen=True)
class Judged:
    """What one clause got on one dialect; `exchange` is what shows it, keys redacted, None when nothing was sent."""

    clause: str
    level: str
    dialect: str
    verdict: Verdict
    statement: str
    sources: tuple[Mapping[str, str], ...]
    expected: str
    got: str
    exchange: Mapping[str, str] | None
    test: str

    @property
    def group(self) -> str:
        """The letters before the clause's number."""
        return self.clause.partition("-")[0]

    def as_dict(self) -> dict[str, Any]:
        """The verdict as JSON."""
        return {**self.__dict__, "verdict": str(self.verdict), "sources": [dict(source) for source in self.sources]}

    def text(self) -> str:
        """The verdict for a reader of a log: required, source, expected, got, how to repeat it."""
        lines = [
            f"{self.verdict}  {self.clause} ({self.level}) on {self.dialect}",
            f"  required  {self.statement}",
            *(f"  source    {source_text(source)}" for source in self.sources),
        ]
        if self.expected:
            lines.append(f"  expected  {self.expected}")
        lines.append(f"  got       {self.got}")
        if self.exchange:
            lines.append(f"  repeat    {self.exchange['curl']}")
        return "\n".join(lines)


def judge(clause: Clause, dialect: str, raised: Outcome | None, *, strict: bool, test: str) -> Judged:
    """The verdict of a clause from how its test ended; None means that it held."""
    verdict = Verdict.PASS if raised is None else raised.verdict
    if isinstance(raised, Violation) and clause.level != "must" and not (strict and clause.level == "should"):
        verdict = Verdict.NON_STRICT
    if strict and clause.level != "info" and verdict is Verdict.NON_STRICT:
        verdict = Verdict.FAIL
    exchange = raised.exchange if raised else None
    expected, got = (raised.expected, raised.got) if raised else ("", "")
    if exchange:
        # a clause quotes what the server said, and a server may say the key
        expected, got = exchange.request.redacted(expected), exchange.request.redacted(got)
    return Judged(
        clause=clause.id,
        level=clause.level,
        dialect=dialect,
        verdict=verdict,
        statement=clause.statement,
        sources=clause.sources,
        expected=expected,
        got=got,
        exchange=exchange.shown() if exchange else None,
        test=test,
    )


def source_text(source: Mapping[str, str]) -> str:
    """A clause's source in one line."""
    if "document" in source:
        return f'{source["document"]}: "{source["phrase"]}"'
    if "standard" in source:
        return f"{source['standard']}, section {source['section']}"
    return f"practice: {source['practice']}"


class Record:
    """All verdicts of one run on one target."""

    def __init__(self, target: Target, contract: Contract, order: Sequence[str], *, strict: bool) -> None:
        self.target = target
        self.contract = contract
        self._order = {clause: position for position, clause in enumerate(order)}
        self.strict = strict
        self.started = dt.datetime.now(dt.UTC)
        self.judged: list[Judged] = []

    def add(self, entry: Mapping[str, Any]) -> None:
        """Takes one verdict as JSON, as it comes from a test process."""
        judged = Judged(**entry)
        self.judged.append(replace(judged, verdict=Verdict(judged.verdict), sources=tuple(judged.sources)))

    def counts(self, judged: Iterable[Judged] | None = None) -> Counter[Verdict]:
        """How often each verdict was given."""
        return Counter(entry.verdict for entry in (self.judged if judged is None else judged))

    def headline(self) -> str:
        """What was found, in one sentence."""
        counts = self.counts()
        broken = sorted({entry.clause for entry in self.judged if entry.verdict is Verdict.FAIL})
        judged = sum(counts.values())
        if broken:
            are = "clause is" if len(broken) == 1 else "clauses are"
            return f"{len(broken)} {are} broken on {self.target.name}: {', '.join(broken)}"
        if not counts[Verdict.PASS]:
            return f"nothing could be judged on {self.target.name}: none of {judged} verdicts is a PASS"
        return f"{self.target.name} breaks no clause: {counts[Verdict.PASS]} of {judged} verdicts PASS, none FAIL"

    def lines(self) -> list[str]:
        """The run for a terminal: the headline, a table of groups and verdicts, what failed."""
        used = [verdict for verdict in Verdict if self.counts()[verdict]]
        rows = [self.headline(), "", "group".ljust(8) + "".join(verdict.rjust(_COLUMN + 2) for verdict in used)]
        for group in dict.fromkeys(entry.group for entry in self._sorted()):
            counts = self.counts(entry for entry in self.judged if entry.group == group)
            cells = (str(counts[verdict] or "-").rjust(_COLUMN + 2) for verdict in used)
            rows.append(group.ljust(8) + "".join(cells))
        rows.append("")
        rows += [
            f"{entry.verdict:<{_COLUMN}}{entry.clause:<8} {entry.dialect:<15} {entry.got[:100]}"
            for entry in self._sorted()
            if entry.verdict in (Verdict.FAIL, Verdict.NON_STRICT)
        ]
        return rows

    def as_dict(self) -> dict[str, Any]:
        """The run as JSON; `schema` counts up when a key changes its meaning."""
        counts = self.counts()
        return {
            "schema": SCHEMA_VERSION,
            "suite": _suite_version(),
            "headline": self.headline(),
            "target": {
                "name": self.target.name,
                "base_url": self.target.base_url,
                "dialects": list(self.target.dialects),
                "model": self.target.model,
            },
            "contract": self.contract.document.get("info", {}).get("version"),
            "strict": self.strict,
            "started": self.started.isoformat(timespec="seconds"),
            "counts": {str(verdict): counts[verdict] for verdict in Verdict if counts[verdict]},
            "verdicts": [entry.as_dict() for entry in self._sorted()],
        }

    def write(self, folder: Path) -> Path:
        """Writes verdicts.json and index.html; returns the page."""
        folder.mkdir(parents=True, exist_ok=True)
        run = self.as_dict()
        (folder / "verdicts.json").write_text(json.dumps(run, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        page = folder / "index.html"
        page.write_text(_page(run, self._sorted()), encoding="utf-8")
        return page

    def _sorted(self) -> list[Judged]:
        dialects = self.target.dialects
        return sorted(self.judged, key=lambda entry: (self._order[entry.clause], dialects.index(entry.dialect)))


def _page(run: Mapping[str, Any], judged: list[Judged]) -> str:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters["source"] = source_text
    dialects = list(dict.fromkeys(entry.dialect for entry in judged))
    rows: dict[str, dict[str, Judged]] = {}
    for entry in judged:
        rows.setdefault(entry.clause, {})[entry.dialect] = entry
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        run=run, dialects=dialects, rows=rows, meanings={str(key): text for key, text in MEANINGS.items()}
    )


def _suite_version() -> str:
    try:
        return version("mixtral-contract")
    except PackageNotFoundError:
        return "0+source"
