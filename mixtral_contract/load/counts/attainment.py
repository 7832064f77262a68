"""Service level objectives: limits that a share of all requests has to keep, and how sure it is that they did.

A request that failed, or was still running at the end, keeps no limit. One for which a figure does not exist (an answer
of one token has no tpot) is not judged by it.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mixtral_contract.load.estimators.confidence import wilson
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.reading.record import Record
from mixtral_contract.load.units.duration import duration_s

CONFIDENCE = 0.99
FIGURES: Mapping[str, str] = {
    "ttft": "ttft_ms",
    "tpot": "tpot_ms",
    "e2e": "e2e_ms",
    "schedule_ttft": "schedule_ttft_ms",
    "schedule_e2e": "schedule_e2e_ms",
}
"""What a limit may be set on, and the figure of a request that it is."""

PRESETS: Mapping[str, str] = {"mlperf-mixtral": "ttft<2s@p99,tpot<200ms@p99"}
"""Objectives by name. Source: MLPerf loadgen's mlperf.conf, mixtral-8x7b in the server scenario."""

MET, MISSED, UNDECIDED = "met", "missed", "undecided"

_TERM = re.compile(r"(\w+)<([^@]+)@p(\d+(?:\.\d+)?)")
_FORM = "FIGURE<DURATION@pPERCENT, such as ttft<2s@p99,tpot<200ms@p99"


@dataclass(frozen=True, slots=True)
class Term:
    """One limit: `percent` of all requests have this figure below it."""

    figure: str
    limit_ms: float
    percent: float

    def __str__(self) -> str:
        return f"{self.figure}<{_digits(self.limit_ms)}ms@p{_digits(self.percent)}"

    def keeps(self, record: Record) -> bool | None:
        """Whether a request keeps the limit; None when it has no such figure."""
        if record.outcome is not Outcome.OK:
            return False
        value: float | None = getattr(record, FIGURES[self.figure])
        return None if value is None else value < self.limit_ms


Slo = tuple[Term, ...]


def parse_slo(text: str) -> Slo:
    """The terms of the text or of the preset of that name; none for an empty text.

    Raises: ArgumentTypeError.
    """
    return tuple(_term(part.strip()) for part in PRESETS.get(text, text).split(",")) if text else ()


def _term(text: str) -> Term:
    found = _TERM.fullmatch(text.replace(" ", ""))
    if found is None:
        presets = ", ".join(PRESETS)
        raise argparse.ArgumentTypeError(f"expected {_FORM}, or one of {presets}, got {text!r}")
    figure, percent = found[1], float(found[3])
    # what seconds in binary add behind the comma of milliseconds is no part of the limit
    limit_ms = round(duration_s(found[2]) * 1000, 6)
    if figure not in FIGURES:
        raise argparse.ArgumentTypeError(f"expected a limit on one of {', '.join(FIGURES)}, got {figure!r}")
    if not 0 < percent < 100 or limit_ms <= 0:
        raise argparse.ArgumentTypeError(f"expected a limit above 0 at a percentile between 0 and 100, got {text!r}")
    return Term(figure, limit_ms, percent)


def _digits(number: float) -> str:
    """All digits of the number and no exponent: it is read again, and two terms never become one."""
    return f"{Decimal(repr(number)).normalize():f}"


def count(slo: Slo, record: Record, counts: dict[str, int]) -> None:
    """Counts one request of the window: what it kept of each term, and whether it is good in all."""
    kept = [term.keeps(record) for term in slo]
    for term, keeps in zip(slo, kept, strict=True):
        if keeps is not None:
            name = _key(term, keeps=keeps)
            counts[name] = counts.get(name, 0) + 1
    counts["slo_good"] = counts.get("slo_good", 0) + (False not in kept)


def kept_and_missed(slo: Slo, counts: Mapping[str, int]) -> Iterator[tuple[int, int]]:
    """How many requests kept each term, and how many did not, of what `count` counted."""
    for term in slo:
        yield counts.get(_key(term, keeps=True), 0), counts.get(_key(term, keeps=False), 0)


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
    low, high = wilson(good, requests, CONFIDENCE)
    offered_per_s = requests / duration_s if duration_s else 0.0
    return {
        "text": ",".join(map(str, slo)),
        "confidence": CONFIDENCE,
        "verdict": next(verdict for verdict in (MISSED, UNDECIDED, MET) if verdict in verdicts),
        "terms": terms,
        "good": good,
        "requests": requests,
        "goodput_per_s": round(good / duration_s, 3) if duration_s else None,
        "goodput_interval_per_s": [round(low * offered_per_s, 3), round(high * offered_per_s, 3)],
    }


def _report_term(term: Term, counts: Mapping[str, int], dropped: int) -> dict[str, Any]:
    kept, missed = counts.get(_key(term, keeps=True), 0), counts.get(_key(term, keeps=False), 0) + dropped
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


def _key(term: Term, *, keeps: bool) -> str:
    return f"slo_{'kept' if keeps else 'missed'}:{term}"
