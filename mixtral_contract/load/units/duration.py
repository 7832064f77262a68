"""Durations as a command line writes them."""

from __future__ import annotations

import argparse
import math
import re
from typing import Self

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")


def duration_s(text: str) -> float:
    """Seconds of `5s`, `500ms`, `1m30s` or a bare number of seconds.

    Raises: ArgumentTypeError for anything else.
    """
    seconds = _seconds(text)
    if not math.isfinite(seconds):
        raise argparse.ArgumentTypeError(f"expected a duration such as 5s, 500ms or 1m30s, got {text[:20]!r}...")
    return seconds


def _seconds(text: str) -> float:
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    if not text or _PART.sub("", text):
        raise argparse.ArgumentTypeError(f"expected a duration such as 5s, 500ms or 1m30s, got {text!r}")
    return sum(float(number) * _UNITS_S[unit] for number, unit in _PART.findall(text))


class Duration(float):
    """Seconds, from a number or from text as above: the form of Locust's page calls an option's type with what it got.

    Raises: ArgumentTypeError.
    """

    def __new__(cls, value: float | str) -> Self:
        """The seconds."""
        return super().__new__(cls, duration_s(value) if isinstance(value, str) else value)
