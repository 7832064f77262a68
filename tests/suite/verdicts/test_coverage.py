"""How much was judged, from hand-made verdicts."""

from __future__ import annotations

import pytest

from mixtral_contract.suite.verdicts.coverage import Coverage, coverage, shortfalls
from mixtral_contract.suite.verdicts.result import ClauseResult
from mixtral_contract.suite.verdicts.verdict import Verdict


def _results(*verdicts: str, level: str = "must", dialect: str = "nvidia") -> list[ClauseResult]:
    return [
        ClauseResult(f"X-{index}", level, dialect, Verdict(verdict), "s", ({"practice": "p"},), "", "", None, "t")
        for index, verdict in enumerate(verdicts)
    ]


def test_coverage__counts_musts_that_had_something_to_judge() -> None:
    """Silence, a busy server, a budget and a model that is gone leave a must unjudged; no such feature is no must."""
    found = _results("PASS", "FAIL", "KNOWN", "NON-STRICT", "INCONCLUSIVE", "NOT-RUN", "RETIRED", "UNSUPPORTED")
    assert coverage([*found, *_results("INCONCLUSIVE", level="should")]) == [Coverage("nvidia", "must", 4, 7)]


def test_coverage_without_a_must__counts_all() -> None:
    """A run of shoulds alone is about them."""
    assert coverage(_results("PASS", "INCONCLUSIVE", level="should")) == [Coverage("nvidia", "any", 1, 2)]


def test_shortfalls__are_dialect_by_dialect() -> None:
    """A silent dialect is not made up for by one that answers."""
    found = [*_results(*["PASS"] * 99, dialect="segmind"), *_results("INCONCLUSIVE")]
    assert [each.dialect for each in shortfalls(found, 0.5)] == ["nvidia"]


@pytest.mark.parametrize(
    ("judged", "of", "share", "reaches"),
    [(9, 10, 0.9, True), (8, 10, 0.9, False), (0, 10, 0.0, False), (0, 0, 0.0, False), (1, 10, 0.0, True)],
)
def test_share__is_reached_from_one_clause_on(judged: int, of: int, share: float, *, reaches: bool) -> None:
    """Nothing judged is never enough."""
    assert Coverage("nvidia", "must", judged, of).reaches(share) is reaches
