"""Which breaks follow from which: what one fault, or one answer, broke is one group with one break in front."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mixtral_contract.contract.clauses import EFFECTS
from mixtral_contract.suite.verdicts.result import ClauseResult
from mixtral_contract.suite.verdicts.verdict import Verdict

_OK = re.compile(r"HTTP/1\.\d 200\b")
"""In a refusal each thing that is missing is missing for itself."""
_WORST_FIRST = (Verdict.FAIL, Verdict.KNOWN, Verdict.NON_STRICT)


def with_causes(results: Sequence[ClauseResult], about: Mapping[str, str]) -> list[ClauseResult]:
    """The results in their order, each break with the clause that it follows from, None where it stands in front.

    Those of a dialect belong together whose answers have one fault, where the clause that is about it is broken, too
    (`about`: clauses by faults), and otherwise those that one and the same completion shows. In front stands the worst
    verdict; among equals the clause about the fault, then what loses a client most, then the first.
    """
    broken = {(each.dialect, each.clause) for each in results if each.verdict in _WORST_FIRST}
    groups: dict[tuple[str, ...], list[ClauseResult]] = {}
    for each in results:
        if each.verdict in _WORST_FIRST:
            groups.setdefault(_group(each, about, broken), []).append(each)
    follows = {
        (each.dialect, each.clause): first.clause
        for members in groups.values()
        for first in [min(members, key=lambda each: _rank(each, about))]
        for each in members
        if each is not first
    }
    return [replace(each, follows=follows.get((each.dialect, each.clause))) for each in results]


def _group(result: ClauseResult, about: Mapping[str, str], broken: set[tuple[str, str]]) -> tuple[str, ...]:
    if result.fault is not None and (result.dialect, about.get(result.fault, "")) in broken:
        return (result.dialect, "fault", result.fault)
    if result.exchange is not None and _OK.match(result.exchange["answer"]):
        return (result.dialect, "answer", result.exchange["curl"], result.exchange["answer"])
    return (result.dialect, "clause", result.clause)


def _rank(result: ClauseResult, about: Mapping[str, str]) -> tuple[int, bool, int]:
    is_about = result.fault is not None and about.get(result.fault) == result.clause
    return _WORST_FIRST.index(result.verdict), not is_about, EFFECTS.index(result.effect)
