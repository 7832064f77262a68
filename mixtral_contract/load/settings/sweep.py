"""The loads of a sweep as a command line writes them: `1..64`, `1,4,16`, `rate:2..32`."""

from __future__ import annotations

import argparse
import math
import re
from dataclasses import dataclass

_FORM = "LOW..HIGH or a list of loads such as 1,4,16, users or with rate: requests per second"
_RANGE = re.compile(r"([\d.]+)\.\.([\d.]+)")
_FACTOR = 2.0
_MOST = 64


@dataclass(frozen=True, slots=True)
class Sweep:
    """Loads in rising order: rates of an open loop, or numbers of users of a closed one."""

    loads: tuple[float, ...]
    is_open: bool


def parse_sweep(text: str) -> Sweep:
    """The loads that the text names; of a range each power of two times its low end, and its high end.

    Raises: ArgumentTypeError for anything else.
    """
    listed = text.removeprefix("rate:")
    is_open = listed != text
    found = _RANGE.fullmatch(listed)
    loads = _doubled(_load(found[1]), _load(found[2])) if found else [_load(each) for each in listed.split(",")]
    if not is_open and any(load != int(load) for load in loads):
        raise argparse.ArgumentTypeError(f"expected whole numbers of users, got {text!r}")
    if not loads or sorted(set(loads)) != loads:
        raise argparse.ArgumentTypeError(f"expected loads in rising order, got {text!r}")
    if len(loads) > _MOST:
        raise argparse.ArgumentTypeError(f"expected at most {_MOST} loads, got {len(loads)}")
    return Sweep(tuple(loads), is_open)


def _doubled(low: float, high: float) -> list[float]:
    if low >= high:
        return []
    count = math.ceil(round(math.log(high / low, _FACTOR), 9))
    return [*(low * _FACTOR**index for index in range(min(count, _MOST))), high]


def _load(text: str) -> float:
    try:
        load = float(text)
    except ValueError:
        load = math.nan
    if not 0 < load < math.inf:
        raise argparse.ArgumentTypeError(f"expected {_FORM}, got {text!r}")
    return load
