"""How much of a processor one piece of work may take; whoever works asks, often enough, whether it may go on."""

from __future__ import annotations

import time
from collections.abc import Callable

MOST_S = 1.0
"""Seconds of one core that reading one request may take."""


class TooMuchWorkError(Exception):
    """The work was not done within its limit, or nobody waits for it any more."""


class Work:
    """A limit of seconds from now on, by the clock of the thread that works (its own processor time)."""

    __slots__ = ("_clock", "_end_s", "abandoned", "limit_s")

    def __init__(self, limit_s: float = MOST_S, clock: Callable[[], float] = time.thread_time) -> None:
        self.limit_s = limit_s
        self.abandoned = False
        self._clock = clock
        self._end_s = clock() + limit_s

    def check(self) -> None:
        """Returns while there is time left; costs less than a microsecond.

        Raises: TooMuchWorkError when there is none, or the work was given up by another thread.
        """
        if self.abandoned or self._clock() > self._end_s:
            raise TooMuchWorkError(f"expected what takes at most {self.limit_s:g} s of one core, got more")
