"""Buckets that refill steadily: how many may pass at once, and how long the next has to wait, to the nanosecond.

Pure: the time is an argument, and what is remembered of a bucket is one whole number, in the hands of the caller. It
is the time at which the bucket will be full again, which needs no timer; counted in ticks, of which one unit takes a
minute's nanoseconds whatever the rate, it needs no fraction either.
"""

from __future__ import annotations

from dataclasses import dataclass

_UNIT_TICKS = 60_000_000_000
"""What one unit adds to the time until the bucket is full; a nanosecond is as many ticks as units refill a minute."""


@dataclass(frozen=True, slots=True)
class Level:
    """How full a bucket is: what it holds at most and now, the time until one more is in it, and until it is full.

    Both times are 0 for a full bucket.
    """

    limit: int
    remaining: int
    next_ns: int
    full_ns: int


@dataclass(frozen=True, slots=True)
class Limit:
    """A bucket of `burst` units into which `per_minute` flow; it begins full, as 0 says of any."""

    per_minute: int
    burst: int

    def wait_ns(self, full_at: int, now_ns: int, amount: int) -> int | None:
        """How long until `amount` units are there, 0 when they are; None when the bucket never holds as many."""
        if amount > self.burst:
            return None
        return self._ns(self._missing(full_at, now_ns) - (self.burst - amount) * _UNIT_TICKS)

    def taken(self, full_at: int, now_ns: int, amount: int) -> int:
        """What is remembered of the bucket once `amount` units are taken from it."""
        return max(full_at, now_ns * self.per_minute) + amount * _UNIT_TICKS

    def level(self, full_at: int, now_ns: int) -> Level:
        """How full the bucket is."""
        missing = self._missing(full_at, now_ns)
        units = -(-missing // _UNIT_TICKS)
        return Level(
            limit=self.burst,
            remaining=max(0, self.burst - units),
            next_ns=self._ns(missing - (units - 1) * _UNIT_TICKS) if units else 0,
            full_ns=self._ns(missing),
        )

    def _missing(self, full_at: int, now_ns: int) -> int:
        return max(0, full_at - now_ns * self.per_minute)

    def _ns(self, ticks: int) -> int:
        return -(-max(0, ticks) // self.per_minute)
