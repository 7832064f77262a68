"""A fair sample of pairs of numbers, small however many there were; those of several workers add up to one of all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST = 500
"""So many pairs are kept: a chart shows no more of them apart."""

_ODD = 0x9E3779B97F4A7C15
_MIX = 0xBF58476D1CE4E5B9
_BITS = 64


class Sample:
    """The pairs with the lowest priorities, which follow from who made them: which are kept, no order decides.

    Source: bottom-k sampling (Cohen, Kaplan, PODC 2007).
    """

    __slots__ = ("_kept", "count")

    def __init__(self) -> None:
        self.count = 0
        self._kept: list[tuple[int, float, float]] = []

    def add(self, worker: int, number: int, x: float, y: float) -> None:
        """Counts the pair of a worker's n-th request."""
        self.count += 1
        self._kept.append((_priority(worker, number), x, y))
        if len(self._kept) >= 2 * MOST:
            self._thin()

    def merge(self, other: Sample) -> None:
        """Adds another sample."""
        self.count += other.count
        self._kept += other._kept
        self._thin()

    def points(self) -> list[tuple[float, float]]:
        """The pairs that were kept, by their first number."""
        self._thin()
        return sorted((x, y) for _, x, y in self._kept)

    def to_wire(self) -> dict[str, Any]:
        """The sample in JSON's types."""
        self._thin()
        return {"count": self.count, "kept": [list(each) for each in self._kept]}

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Sample:
        """The sample that `to_wire` wrote."""
        sample = cls()
        sample.count = wire["count"]
        sample._kept = [(priority, x, y) for priority, x, y in wire["kept"]]
        return sample

    def _thin(self) -> None:
        self._kept.sort()
        del self._kept[MOST:]


def _priority(worker: int, number: int) -> int:
    mixed = ((worker + 1) * _MIX ^ number * _ODD) % (1 << _BITS)
    mixed = (mixed ^ mixed >> 29) * _MIX % (1 << _BITS)
    return mixed >> 11
