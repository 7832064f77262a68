"""Service level objectives: limits that a share of all requests has to keep, as a command line writes them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from mixtral_contract.load.units.duration import duration_s
from mixtral_contract.load.units.metrics import SPREADS

CONFIDENCE = 0.99
FIGURES: Mapping[str, str] = {metric.name: metric.key for metric in SPREADS if metric.is_objective}
"""What a limit may be set on, and the figure of a request that it is."""

PRESETS: Mapping[str, str] = {"mlperf-mixtral": "ttft<2s@p99,tpot<200ms@p99"}
"""Objectives by name. Source: MLPerf loadgen's mlperf.conf, mixtral-8x7b in the server scenario."""

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
