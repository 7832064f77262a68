"""What a run found, in one sentence that is no stronger than what was looked at."""

from __future__ import annotations

from collections.abc import Sequence

from mixtral_contract.suite.verdicts.coverage import shortfalls
from mixtral_contract.suite.verdicts.result import ClauseResult
from mixtral_contract.suite.verdicts.verdict import Verdict

_NAMED = 6


def headline(target: str, results: Sequence[ClauseResult], *, least_judged: float, of: int) -> str:
    """The sentence: what is broken, else what was not judged, else what is departed from, else that all is kept.

    `of` is how many verdicts the whole suite gives on the target; a run that asked for fewer says so.
    """
    broken, departed = _clauses(results, Verdict.FAIL), _clauses(results, Verdict.NON_STRICT)
    leading = [clause for clause in broken if not all(each.follows for each in results if each.clause == clause)]
    asked = f" ({len(results)} of {of} verdicts asked for)" if len(results) < of else ""
    if broken:
        are = "clause is" if len(broken) == 1 else "clauses are"
        more = f"; {len(departed)} more departed from (NON-STRICT)" if departed else ""
        return f"{len(broken)} {are} broken on {target}: {_named(leading)}{_following(leading, broken)}{more}{asked}"
    if short := shortfalls(results, least_judged):
        several = len({each.dialect for each in results}) > 1
        counts = "; ".join(f"{each.dialect}: {each.text()}" if several else each.text() for each in short)
        return f"too little could be judged on {target}: {counts}{asked}"
    if departed:
        count = f"{len(departed)} clause{'s' * (len(departed) > 1)}"
        return f"{target} fails no clause, and departs from {count} that --strict fails: {_named(departed)}{asked}"
    kept = sum(each.verdict is Verdict.PASS for each in results)
    return f"{target} breaks no clause: {kept} of {len(results)} verdicts PASS, none FAIL{asked}"


def _following(leading: Sequence[str], broken: Sequence[str]) -> str:
    """How many clauses one fault or one answer broke beside those that stand in front."""
    if len(leading) == len(broken):
        return ""
    which = "it" if len(leading) == 1 else "these"
    return f"; {len(broken) - len(leading)} more follow{'s' * (len(broken) - len(leading) == 1)} from {which}"


def _clauses(results: Sequence[ClauseResult], verdict: Verdict) -> list[str]:
    return list(dict.fromkeys(each.clause for each in results if each.verdict is verdict))


def _named(clauses: Sequence[str]) -> str:
    more = f" and {len(clauses) - _NAMED} more" if len(clauses) > _NAMED else ""
    return ", ".join(clauses[:_NAMED]) + more
