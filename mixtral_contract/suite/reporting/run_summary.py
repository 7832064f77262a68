"""The verdicts of a run: collected, counted, summed up for a terminal and as JSON."""

from __future__ import annotations

import datetime as dt
from base64 import b64decode
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from textwrap import wrap
from typing import Any

from mixtral_contract.contract import clauses
from mixtral_contract.contract.openapi import Contract
from mixtral_contract.suite.reporting.causes import with_causes
from mixtral_contract.suite.reporting.headline import headline
from mixtral_contract.suite.target.target import Target
from mixtral_contract.suite.verdicts.baseline import Baseline
from mixtral_contract.suite.verdicts.coverage import LEAST_JUDGED, coverage, shortfalls
from mixtral_contract.suite.verdicts.result import ClauseResult, by_effect
from mixtral_contract.suite.verdicts.verdict import Verdict

SCHEMA_VERSION = 1
_WIDTH = 79
_HEIGHT = 20
"""What a terminal of 80 by 24 has left beside pytest's own lines."""
_NOT_JUDGED = (Verdict.UNSUPPORTED, Verdict.RETIRED, Verdict.INCONCLUSIVE, Verdict.NOT_RUN)
_FOLLOWING: dict[str, Any] = {"initial_indent": " " * 20, "subsequent_indent": " " * 20}
_TO_SHOW = (Verdict.FAIL, Verdict.KNOWN, Verdict.NON_STRICT)


class RunSummary:
    """All verdicts of one run on one target, and the bodies of requests that are too long for a line, by file names.

    `least_judged` is the share of the musts that has to be judged; `of` is how many verdicts the whole suite gives on
    the target, None: as many as there are.
    """

    def __init__(
        self,
        target: Target,
        contract: Contract,
        order: Sequence[str],
        *,
        strict: bool,
        least_judged: float = LEAST_JUDGED,
        of: int | None = None,
    ) -> None:
        self.target = target
        self.contract = contract
        self._order = {clause: position for position, clause in enumerate(order)}
        self.strict = strict
        self.least_judged = least_judged
        self._of = of
        self._about = {clause.fault: clause.id for clause in clauses.load().values() if clause.fault}
        self.started = dt.datetime.now(dt.UTC)
        self.judged: list[ClauseResult] = []
        self.bodies: dict[str, bytes] = {}

    def add(self, entry: Mapping[str, Any]) -> None:
        """Takes one verdict as JSON, as it comes from a test process."""
        exchange = dict(entry["exchange"] or {})
        if (body := exchange.pop("body", None)) is not None:
            self.bodies[exchange["body_file"]] = b64decode(body)
        self.judged.append(ClauseResult.from_dict({**entry, "exchange": exchange or None}))

    def counts(self, judged: Iterable[ClauseResult] | None = None) -> Counter[Verdict]:
        """How often each verdict was given."""
        return Counter(entry.verdict for entry in (self.judged if judged is None else judged))

    def headline(self) -> str:
        """What was found, in one sentence."""
        return headline(
            self.target.name, self._sorted(), least_judged=self.least_judged, of=self._of or len(self.judged)
        )

    @property
    def is_judged(self) -> bool:
        """Whether enough of it was judged on each dialect for the run to say anything."""
        return bool(self.judged) and not shortfalls(self.judged, self.least_judged)

    def lines(self, baseline: Baseline) -> list[str]:
        """The run on one screen of a terminal: headline, groups by verdicts, what is broken, what to do, the cost."""
        head = [*wrap(self.headline(), _WIDTH), *self._table(), *self._not_judged()]
        tail = [_cut(f"baseline: {remark}") for remark in self.remarks(baseline)]
        spent = self.spent()
        few = ", as few as will do: they may be billed (--free asks for more)" if self.target.paid else ""
        tail.append(_cut(f"asked: {spent['requests']} requests, {spent['completions']} completions{few}"))
        room = max(3, _HEIGHT - len(head) - len(tail))
        found = self._problems()
        more = [f"... and {len(found) - room + 1} more in the report"] if len(found) > room else []
        return [*head, *found[: room - len(more)], *more, *tail]

    def _table(self) -> list[str]:
        groups = list(dict.fromkeys(entry.group for entry in self._sorted()))
        by_group = {group: self.counts(entry for entry in self.judged if entry.group == group) for group in groups}
        lines = [f"{'':12}" + "".join(f"{group:>6}" for group in (*groups, "all"))]
        for verdict in Verdict:
            cells = [by_group[group][verdict] for group in groups]
            if any(cells):
                lines.append(f"{verdict:12}" + "".join(f"{count or '-':>6}" for count in (*cells, sum(cells))))
        return lines

    def _not_judged(self) -> list[str]:
        """Why most of it was not judged, once per reason."""
        found = Counter((entry.verdict, entry.got) for entry in self.judged if entry.verdict in _NOT_JUDGED)
        if sum(found.values()) * 2 < len(self.judged):
            return []
        (verdict, got), count = found.most_common(1)[0]
        return [_cut(f"{verdict} {count} times: {got}")]

    def _problems(self) -> list[str]:
        """A line per break and verdict, what loses a client most first, and a line of what follows from it."""
        lines: dict[tuple[Verdict, str], list[ClauseResult]] = {}
        following: dict[str, list[str]] = {}
        for entry in by_effect(self._sorted()):
            if entry.follows:
                following.setdefault(entry.follows, []).append(entry.clause)
            elif entry.verdict in _TO_SHOW:
                lines.setdefault((entry.verdict, entry.clause), []).append(entry)
        shown: list[str] = []
        for key in sorted(lines, key=lambda key: _TO_SHOW.index(key[0])):
            shown.append(_cut(_problem(lines[key], alone=len(self.target.dialects) == 1)))
            if after := dict.fromkeys(following.pop(key[1], ())):
                shown += wrap(f"from which follow: {', '.join(after)}", _WIDTH, **_FOLLOWING)
        return shown

    def departures(self) -> list[str]:
        """What no FAIL shows and `--strict` would: each NON-STRICT with its level, expectation and how to repeat it.

        One that follows from another break is a line.
        """
        departed = (entry for entry in by_effect(self._sorted()) if entry.verdict is Verdict.NON_STRICT)
        return [entry.text() if entry.follows is None else entry.title() for entry in departed]

    def remarks(self, baseline: Baseline) -> list[str]:
        """What the baseline's keeper should do."""
        verdicts = {(entry.clause, entry.dialect): entry.verdict for entry in self.judged}
        return baseline.remarks(self.target.name, verdicts)

    def spent(self) -> dict[str, int]:
        """What the run asked and used up."""
        return {
            "requests": sum(entry.requests for entry in self.judged),
            "completions": sum(entry.completions for entry in self.judged),
        }

    def as_dict(self, baseline: Baseline, expected: Sequence[str] | None = None) -> dict[str, Any]:
        """The run as JSON, by `verdicts.schema.json`; `schema` counts up when a key changes its meaning.

        `expected` are the clauses of a run that is not finished, None for one that is: it says so in its headline, and
        names those that have no verdict.
        """
        counts = self.counts()
        unfinished, before = {}, ""
        if expected is not None:
            missing = sorted(set(expected) - {entry.clause for entry in self.judged}, key=self._order.__getitem__)
            unfinished = {"unfinished": {"missing": missing}}
            before = f"UNFINISHED, {len(missing)} clauses without a verdict. So far: "
        return {
            **unfinished,
            "schema": SCHEMA_VERSION,
            "suite": _suite_version(),
            "headline": before + self.headline(),
            "target": {
                "name": self.target.name,
                "base_url": self.target.base_url,
                "dialects": list(self.target.dialects),
                "model": self.target.model,
            },
            "contract": self.contract.document.get("info", {}).get("version"),
            "strict": self.strict,
            "started": self.started.isoformat(timespec="seconds"),
            "asked": {"verdicts": len(self.judged), "of": self._of or len(self.judged)},
            "judged": {
                "enough": self.is_judged,
                "least": self.least_judged,
                "dialects": [asdict(each) for each in coverage(self._sorted())],
            },
            "counts": {str(verdict): counts[verdict] for verdict in Verdict if counts[verdict]},
            "spent": self.spent(),
            "baseline": self.remarks(baseline),
            "verdicts": [entry.as_dict() for entry in self._sorted()],
        }

    def _sorted(self) -> list[ClauseResult]:
        dialects = self.target.dialects
        ordered = sorted(self.judged, key=lambda entry: (self._order[entry.clause], dialects.index(entry.dialect)))
        return with_causes(ordered, self._about)


def _problem(entries: Sequence[ClauseResult], *, alone: bool) -> str:
    first = entries[0]
    where = "" if alone else f"{', '.join(entry.dialect for entry in entries)}: "
    return f"{first.verdict:11}{first.clause:8} {where}{first.known or first.got}"


def _cut(line: str) -> str:
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 3]}..."


def _suite_version() -> str:
    try:
        return version("mixtral-contract")
    except PackageNotFoundError:
        return "0+source"
