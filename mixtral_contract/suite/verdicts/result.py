"""What one clause got on one dialect of a target, from how its test ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mixtral_contract.contract.clauses import EFFECTS, Clause
from mixtral_contract.suite.http.exchange import Exchange
from mixtral_contract.suite.http.faults import fault_of
from mixtral_contract.suite.verdicts.baseline import BROKEN
from mixtral_contract.suite.verdicts.verdict import Outcome, Verdict, Violation

CARRIED = "contract_verdict"
"""Under this name a verdict travels in a test's report, from a worker of xdist too."""

_PASSED_SHOWN = 1_000
"""How many characters of a body are shown where nothing is wrong with it."""


@dataclass(frozen=True)
class ClauseResult:
    """The verdict with its evidence.

    `exchange` is what shows it, keys redacted, None when nothing was sent; `requests` and `completions` are what the
    clause itself asked and used up; `known` is why the break is accepted, None when it is not; `observed` is how live
    endpoints of the dialect were seen to break the clause, None when that is not on record; `effect` is what a break
    does to a client; `fault` is what the answer that shows a break has wrong as a whole, None where it has nothing;
    `follows` is the clause whose break this one follows from, None where it stands for itself.
    """

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
    requests: int = 0
    completions: int = 0
    known: str | None = None
    observed: str | None = None
    effect: str = "none"
    fault: str | None = None
    follows: str | None = None

    @property
    def group(self) -> str:
        """The letters before the clause's number."""
        return self.clause.partition("-")[0]

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> ClauseResult:
        """The verdict that was JSON; keys that this version does not know are left out."""
        known = {name: value for name, value in entry.items() if name in cls.__dataclass_fields__}
        return cls(**{**known, "verdict": Verdict(entry["verdict"]), "sources": tuple(entry["sources"])})

    def as_dict(self) -> dict[str, Any]:
        """The verdict as JSON."""
        return {**self.__dict__, "verdict": str(self.verdict), "sources": [dict(source) for source in self.sources]}

    def title(self) -> str:
        """The verdict in a line: clause, level, effect, dialect, and what it follows from."""
        after = f", follows from {self.follows}" if self.follows else ""
        return f"{self.verdict}  {self.clause} ({self.level}, {self.effect}) on {self.dialect}{after}"

    def accepted(self, reason: str | None) -> ClauseResult:
        """The verdict when its break is accepted for a reason: KNOWN; None: it is not."""
        if reason is None or self.verdict not in BROKEN:
            return self
        return replace(self, verdict=Verdict.KNOWN, known=reason)

    def text(self) -> str:
        """The verdict for a reader of a log: required, source, expected, got, how to repeat it."""
        lines = [
            self.title(),
            f"  required  {self.statement}",
            *(f"  source    {source_text(source)}" for source in self.sources),
        ]
        if self.expected:
            lines.append(f"  expected  {self.expected}")
        lines.append(f"  got       {self.got}")
        if self.known:
            lines.append(f"  known     {self.known}")
        if self.exchange:
            lines.append(f"  repeat    {self.exchange['curl']}")
        return "\n".join(lines)


def judge(
    clause: Clause, dialect: str, raised: Outcome | None, *, strict: bool, test: str, last: Exchange | None = None
) -> ClauseResult:
    """The verdict of a clause from how its test ended; None means that it held.

    `last` is what the clause looked at last: the evidence when the outcome names none.
    """
    verdict = Verdict.PASS if raised is None else raised.verdict
    if isinstance(raised, Violation) and clause.level != "must" and not (strict and clause.level == "should"):
        verdict = Verdict.NON_STRICT
    if strict and clause.level != "info" and verdict is Verdict.NON_STRICT:
        verdict = Verdict.FAIL
    named = raised.exchange if raised else None
    exchange = named or last
    expected, got = (raised.expected, raised.got) if raised else ("", "")
    if exchange:
        # a clause quotes what the server said, and a server may say the key
        expected, got = exchange.request.redacted(expected), exchange.request.redacted(got)
    return ClauseResult(
        clause=clause.id,
        level=clause.level,
        dialect=dialect,
        verdict=verdict,
        statement=clause.statement,
        sources=clause.sources,
        expected=expected,
        got=got,
        exchange=_shown(named, last),
        test=test,
        effect=clause.effect,
        fault=fault_of(exchange) if exchange and verdict in BROKEN else None,
    )


def by_effect(results: Iterable[ClauseResult]) -> list[ClauseResult]:
    """The results in the order of what they do to a client, the worst first; otherwise as they come."""
    return sorted(results, key=lambda each: EFFECTS.index(each.effect))


def source_text(source: Mapping[str, str]) -> str:
    """A clause's source in one line."""
    if "document" in source:
        return f'{source["document"]}: "{source["phrase"]}"'
    if "standard" in source:
        return f"{source['standard']}, section {source['section']}"
    return f"practice: {source['practice']}"


def _shown(named: Exchange | None, last: Exchange | None) -> Mapping[str, str] | None:
    if named is not None:
        return named.shown()
    return last.shown(_PASSED_SHOWN) if last is not None else None
