"""What is to happen at which time: one heap for all of it, so that a time-out that is not needed costs no timer.

Pure: times are arguments, in nanoseconds.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

_FEW = 64
"""So many cancelled deadlines may lie about before they are worth looking for."""


class Deadline:
    """One moment and what is to be called then; `call` is None once it is cancelled."""

    __slots__ = ("at_ns", "call")

    def __init__(self, at_ns: int, call: Callable[[], None]) -> None:
        self.at_ns = at_ns
        self.call: Callable[[], None] | None = call

    def __lt__(self, other: Deadline) -> bool:
        return self.at_ns < other.at_ns


class Deadlines:
    """The deadlines of one loop."""

    def __init__(self) -> None:
        self._heap: list[Deadline] = []
        self._cancelled = 0

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled

    def add(self, at_ns: int, call: Callable[[], None]) -> Deadline:
        """A deadline at that time."""
        deadline = Deadline(at_ns, call)
        heapq.heappush(self._heap, deadline)
        return deadline

    def cancel(self, deadline: Deadline) -> None:
        """Takes a deadline back; one that is past or cancelled already is left alone."""
        if deadline.call is None:
            return
        deadline.call = None
        self._cancelled += 1
        if self._cancelled > max(_FEW, len(self._heap) // 2):
            # requests end long before their time-outs: without this the heap would hold those of ten minutes
            self._heap = [each for each in self._heap if each.call is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def next_ns(self) -> int | None:
        """When the next one is; None when there is none."""
        while self._heap and self._heap[0].call is None:
            heapq.heappop(self._heap)
            self._cancelled -= 1
        return self._heap[0].at_ns if self._heap else None

    def pop_due(self, now_ns: int) -> Callable[[], None] | None:
        """What was to be called by now, the earliest first; None when nothing is left."""
        next_ns = self.next_ns()
        if next_ns is None or next_ns > now_ns:
            return None
        deadline = heapq.heappop(self._heap)
        call, deadline.call = deadline.call, None
        return call
