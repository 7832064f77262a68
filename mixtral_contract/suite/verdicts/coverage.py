"""How much of what a run asked about could be judged: silence keeps no clause."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mixtral_contract.suite.verdicts.result import ClauseResult
from mixtral_contract.suite.verdicts.verdict import Verdict

LEAST_JUDGED = 0.9
"""The share of the musts that a run has to judge on each dialect, unless it is told another."""

_UNJUDGED = frozenset((Verdict.RETIRED, Verdict.INCONCLUSIVE, Verdict.NOT_RUN))


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many clauses of a dialect were judged, of those that had something to judge (UNSUPPORTED ones had nothing).

    `level` says which were counted: the musts, or all where the run asked for no must there.
    """

    dialect: str
    level: str
    judged: int
    of: int

    def reaches(self, share: float) -> bool:
        """Whether at least that share was judged, and at least one clause."""
        return self.judged > 0 and self.judged >= share * self.of

    def text(self) -> str:
        """The count for a reader."""
        return f"{self.judged} of {self.of} {'musts' if self.level == 'must' else 'clauses'}"


def coverage(results: Iterable[ClauseResult]) -> list[Coverage]:
    """A count per dialect, in the order in which the dialects come."""
    by_dialect: dict[str, list[ClauseResult]] = {}
    for result in results:
        by_dialect.setdefault(result.dialect, []).append(result)
    return [_of(dialect, found) for dialect, found in by_dialect.items()]


def shortfalls(results: Iterable[ClauseResult], share: float) -> list[Coverage]:
    """The dialects of which less than that share was judged."""
    return [each for each in coverage(results) if not each.reaches(share)]


def _of(dialect: str, results: Sequence[ClauseResult]) -> Coverage:
    musts = [each for each in results if each.level == "must"]
    counted = [each for each in musts or results if each.verdict is not Verdict.UNSUPPORTED]
    judged = sum(each.verdict not in _UNJUDGED for each in counted)
    return Coverage(dialect, "must" if musts else "any", judged, len(counted))
