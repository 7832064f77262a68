"""The one clock of the mock: nanoseconds since 1970 that never step back.

A test may stop the clocks of the module `time`: freezegun replaces them there and in every module that holds one. Those
of the system that are asked by number stay what they are, whenever this is imported; where there are none, the
functions are kept inside of something else, which nobody replaces.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

_BY_NUMBER = time.get_clock_info("monotonic").implementation == "clock_gettime(CLOCK_MONOTONIC)"

monotonic_ns: Callable[[], int] = (
    partial(time.clock_gettime_ns, time.CLOCK_MONOTONIC) if _BY_NUMBER else partial(time.monotonic_ns)
)
"""What `time.monotonic_ns()` says, also while a test has that say something else."""

_unix_ns: Callable[[], int] = (
    partial(time.clock_gettime_ns, time.CLOCK_REALTIME) if _BY_NUMBER else partial(time.time_ns)
)


class Clock:
    """Reads the monotonic clock, moved so that it showed Unix time when it was made.

    The stamps of the server can be compared with `time.monotonic_ns()` of any process on the machine by `offset_ns`.
    """

    def __init__(self) -> None:
        self._read = monotonic_ns
        self.offset_ns = _unix_ns() - self._read()

    def __call__(self) -> int:
        """Nanoseconds since 1970."""
        return self._read() + self.offset_ns
