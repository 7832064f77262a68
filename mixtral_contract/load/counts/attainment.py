"""Whether requests keep the objectives, and how sure it is that enough of them do.

A request that failed, or was still running at the end, keeps no limit. One for which a figure does not exist (an answer
of one token has no tpot) is not judged by it; one that no limit judged is neither good nor bad.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mixtral_contract.load.estimators.confidence import wilson
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.reading.record import Record
from mixtral_contract.load.settings.objectives import CONFIDENCE, FIGURES, Slo, Term

MET, MISSED, UNDECIDED = "met", "missed", "undecided"


def keeps(term: Term, record: Record) -> bool | None:
    """Whether a request keeps the limit; None when it has no such figure."""
    if record.outcome is not Outcome.OK:
        return False
    value: float | None = getattr(record, FIGURES[term.figure])
    return None if value is None else value < term.limit_ms


def count(slo: Slo, record: Record, counts: dict[str, int]) -> None:
    """Counts one request of the window: what it kept of each term, and whether it is good in all."""
    kept = [keeps(term, record) for term in slo]
    for term, kept_it in zip(slo, kept, strict=True):
        if kept_it is not None:
            name = _key(term, kept=kept_it)
            counts[name] = counts.get(name, 0) + 1
    is_judged = any(kept_it is not None for kept_it in kept)
    counts["slo_judged"] = counts.get("slo_judged", 0) + is_judged
    counts["slo_good"] = counts.get("slo_good", 0) + (is_judged and False not in kept)


def kept_and_missed(slo: Slo, counts: Mapping[str, int]) -> Iterator[tuple[int, int]]:
    """How many requests kept each term, and how many did not, of what `count` counted."""
    for term in slo:
        yield counts.get(_key(term, kept=True), 0), counts.get(_key(term, kept=False), 0)


def report(
    slo: Slo, counts: Mapping[str, int], *, requests: int, dropped: int, duration_s: float
) -> dict[str, Any] | None:
    """What became of the objectives, for summary.json; None without any.

    `requests` are all of the window, whatever became of them; those `dropped` among them kept nothing.
    """
    if not slo:
        return None
    terms = [_report_term(term, counts, dropped) for term in slo]
    verdicts = {term["verdict"] for term in terms}
    good = counts.get("slo_good", 0)
    judged = counts.get("slo_judged", 0) + dropped
    low, high = wilson(good, judged, CONFIDENCE)
    judged_per_s = judged / duration_s if duration_s else 0.0
    return {
        "text": ",".join(map(str, slo)),
        "confidence": CONFIDENCE,
        "verdict": next(verdict for verdict in (MISSED, UNDECIDED, MET) if verdict in verdicts),
        "terms": terms,
        "good": good,
        "requests": requests,
        "judged": judged,
        "goodput_per_s": round(good / duration_s, 3) if judged and duration_s else None,
        "goodput_interval_per_s": [round(low * judged_per_s, 3), round(high * judged_per_s, 3)],
    }


def _report_term(term: Term, counts: Mapping[str, int], dropped: int) -> dict[str, Any]:
    kept, missed = counts.get(_key(term, kept=True), 0), counts.get(_key(term, kept=False), 0) + dropped
    low, high = wilson(kept, kept + missed, CONFIDENCE)
    wanted = term.percent / 100
    return {
        "term": str(term),
        "kept": kept,
        "missed": missed,
        "share": round(kept / (kept + missed), 6) if kept + missed else None,
        "interval": [round(low, 6), round(high, 6)],
        "verdict": MET if low >= wanted else MISSED if high < wanted else UNDECIDED,
    }


def _key(term: Term, *, kept: bool) -> str:
    return f"slo_{'kept' if kept else 'missed'}:{term}"
