"""The one clock of the mock: nanoseconds since 1970 that never step back."""

from __future__ import annotations

import time


class Clock:
    """Reads the monotonic clock, moved so that it showed Unix time when it was made.

    The stamps of the server can be compared with `time.monotonic_ns()` of any process on the machine by `offset_ns`.
    """

    def __init__(self) -> None:
        self.offset_ns = time.time_ns() - time.monotonic_ns()

    def __call__(self) -> int:
        """Nanoseconds since 1970."""
        return time.monotonic_ns() + self.offset_ns
