"""The measured part of a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """The measured part of a run, in nanoseconds from its start; `end_ns` is None while it lasts."""

    start_ns: int
    end_ns: int | None = None

    def holds(self, time_ns: int) -> bool:
        """Whether this moment is measured."""
        return self.start_ns <= time_ns and (self.end_ns is None or time_ns < self.end_ns)

    def overlap_ns(self, from_ns: int, to_ns: int) -> int:
        """How much of that time is measured; 0 for none."""
        end_ns = to_ns if self.end_ns is None else min(to_ns, self.end_ns)
        return max(0, end_ns - max(from_ns, self.start_ns))
