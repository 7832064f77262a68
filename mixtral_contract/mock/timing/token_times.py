"""How many tokens there were at which time: the deadlines of a completion, and when its tokens were out.

Steps are pairs of a count and a time in nanoseconds, ascending in both. A thousand streams have a hundred each, so the
two kinds that are many are kept without an object per step.
"""

from __future__ import annotations

import abc
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

Steps = Sequence[tuple[int, int]]

_ITEM_BYTES = 8


class _Compact(Sequence[tuple[int, int]]):
    """Steps that are made when they are looked at, and equal those of any other kind."""

    __slots__ = ()

    @property
    @abc.abstractmethod
    def times(self) -> Sequence[int]:
        """When each of them was."""

    @property
    @abc.abstractmethod
    def size(self) -> int:
        """How many bytes they occupy, about."""

    @abc.abstractmethod
    def _at(self, number: int) -> tuple[int, int]: ...

    @overload
    def __getitem__(self, index: int) -> tuple[int, int]: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[tuple[int, int]]: ...

    def __getitem__(self, index: int | slice) -> tuple[int, int] | Sequence[tuple[int, int]]:
        if isinstance(index, slice):
            return list(self)[index]
        return self._at(range(len(self))[index])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # they grow

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self)!r})"


class EvenTimes(_Compact):
    """One token each at one distance: the first `made` of them."""

    __slots__ = ("first_ns", "made", "step_ns")

    def __init__(self, first_ns: int, step_ns: int, made: int) -> None:
        self.first_ns = first_ns
        self.step_ns = step_ns
        self.made = made

    @property
    def times(self) -> Sequence[int]:
        """When each of them was."""
        return range(self.first_ns, self.first_ns + self.made * self.step_ns, self.step_ns)

    @property
    def size(self) -> int:
        """How many bytes they occupy, however many they are."""
        return 2 * _ITEM_BYTES

    def _at(self, number: int) -> tuple[int, int]:
        return number + 1, self.first_ns + number * self.step_ns

    def __len__(self) -> int:
        return self.made

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(range(1, self.made + 1), self.times, strict=True)


class RecordedTimes(_Compact):
    """Steps as they come; `flat` has their counts and times in turns, for who adds many."""

    __slots__ = ("flat",)

    def __init__(self, steps: Iterable[tuple[int, int]] = ()) -> None:
        self.flat = array("q")
        for step in steps:
            self.flat.extend(step)

    def append(self, count: int, at_ns: int) -> None:
        """Adds a step."""
        self.flat.append(count)
        self.flat.append(at_ns)

    @property
    def times(self) -> Sequence[int]:
        """When each of them was."""
        return self.flat[1::2]

    @property
    def size(self) -> int:
        """How many bytes they occupy, with the room that is kept for more."""
        return sys.getsizeof(self.flat)

    def _at(self, number: int) -> tuple[int, int]:
        return self.flat[2 * number], self.flat[2 * number + 1]

    def __len__(self) -> int:
        return len(self.flat) // 2

    def __iter__(self) -> Iterator[tuple[int, int]]:
        items = iter(self.flat)
        return zip(items, items, strict=True)


def times(steps: Steps) -> Sequence[int]:
    """When each of some steps was."""
    return steps.times if isinstance(steps, _Compact) else [at_ns for _, at_ns in steps]


def size(steps: Steps) -> int:
    """How many bytes they occupy, about, beside what every entry does."""
    return steps.size if isinstance(steps, _Compact) else _ITEM_BYTES * len(steps)


def by_token(steps: Steps) -> list[int]:
    """The time of each token, from how many there were at which time."""
    at_ns: list[int] = []
    for count, then_ns in steps:
        at_ns.extend([then_ns] * (count - len(at_ns)))
    return at_ns
