"""Tells on a terminal how far long work is; quiet for short work, and in a pipe."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TextIO

_QUIET_S = 1.0
"""Work that takes no longer says nothing."""

_EVERY_S = 0.5


class Progress:
    """One line that is written over and over, `what: done of all`."""

    def __init__(self, what: str, stream: TextIO, clock_s: Callable[[], float] = perf_counter) -> None:
        self._what = what
        self._stream = stream
        self._clock_s = clock_s
        self._next_s = clock_s() + _QUIET_S
        self._width = 0

    def step(self, done: int, of: int) -> None:
        """So much is done; says so when it is time to."""
        now_s = self._clock_s()
        if now_s < self._next_s or not self._stream.isatty():
            return
        self._next_s = now_s + _EVERY_S
        line = f"{self._what}: {done:,} of {of:,}"
        self._stream.write(f"\r{line:<{self._width}}")
        self._stream.flush()
        self._width = len(line)

    def close(self) -> None:
        """Takes the line away."""
        if self._width:
            self._stream.write(f"\r{'':<{self._width}}\r")
            self._stream.flush()
            self._width = 0
