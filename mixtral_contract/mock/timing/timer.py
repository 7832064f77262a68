"""Wakes an event loop at a time finer than its own timers, which count whole milliseconds.

Linux has timers that are file descriptors; the loop watches one as it watches a socket. Elsewhere the loop's own timer
serves, and wakes up to a millisecond late.
"""

from __future__ import annotations

import asyncio
import ctypes
import functools
import os
import weakref
from collections.abc import Callable
from typing import Any, Protocol

from mixtral_contract.primitives.system import has_timerfd

_LEAST_WAIT_S = 0.001
_SECOND_NS = 1_000_000_000


class Timer(Protocol):
    """One alarm at a time."""

    def set(self, wait_ns: int) -> None:
        """Rings once after so many nanoseconds; replaces an alarm set before."""

    def clear(self) -> None:
        """Takes the alarm back: it rings no more."""


def timer(ring: Callable[[], None]) -> Timer:
    """The finest timer that there is here."""
    return DescriptorTimer(ring) if has_timerfd() else LoopTimer(ring)


class LoopTimer:
    """The running event loop's own."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._handle: asyncio.TimerHandle | None = None

    def set(self, wait_ns: int) -> None:
        """Sets the alarm; a wait below the loop's millisecond would spin."""
        self.clear()
        loop = asyncio.get_running_loop()
        self._handle = loop.call_later(max(wait_ns / _SECOND_NS, _LEAST_WAIT_S), self._ring)

    def clear(self) -> None:
        """Drops the alarm."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


class _Timespec(ctypes.Structure):
    _fields_ = (("s", ctypes.c_long), ("ns", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


@functools.cache
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


class DescriptorTimer:
    """A descriptor that becomes readable when the time has come; it is open only while an alarm is set.

    Source: timerfd_create(2). `os` offers these calls from Python 3.13 on only, the C library to every version.
    """

    _MONOTONIC = 1  # CLOCK_MONOTONIC
    _FLAGS = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)  # Windows has neither, and no use for them

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._descriptor: int | None = None
        self._time = _Itimerspec()
        self._at = ctypes.byref(self._time)
        self._pending = False

    def set(self, wait_ns: int) -> None:
        """Sets the alarm; setting it anew also makes the descriptor unreadable again."""
        if self._descriptor is None:
            self._open()
        self._time.value.s, self._time.value.ns = divmod(max(wait_ns, 1), _SECOND_NS)  # zero would disarm it
        _libc().timerfd_settime(self._descriptor, 0, self._at, None)
        self._pending = True

    def clear(self) -> None:
        """Closes the descriptor."""
        self._pending = False
        if self._descriptor is not None:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            self._descriptor = None
            self._close()

    def _open(self) -> None:
        self._descriptor = _libc().timerfd_create(self._MONOTONIC, self._FLAGS)
        if self._descriptor < 0:
            number = ctypes.get_errno()
            self._descriptor = None
            raise OSError(number, os.strerror(number))
        self._close = weakref.finalize(self, os.close, self._descriptor)  # a loop may end amid a wait
        asyncio.get_running_loop().add_reader(self._descriptor, self._rung)

    def _rung(self) -> None:
        self._pending = False
        try:
            self._ring()
        finally:
            if not self._pending:
                self.clear()
