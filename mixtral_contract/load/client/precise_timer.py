"""A timer that is as exact as the kernel's: gevent's own come up to a millisecond late, which an open loop would show.

On Linux a timerfd, which the event loop waits for as for a socket; elsewhere gevent's timer.

Source: timerfd_create(2); Python has it from 3.13 on.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any, Protocol

from mixtral_contract.primitives.system import has_timerfd

_CLOCK_MONOTONIC = 1
_READABLE = 1
_NS_PER_S = 1_000_000_000


class PreciseTimer(Protocol):
    """Calls once, at the time for which it was set last."""

    def set(self, at_ns: int) -> None:
        """Sets the time, on the clock of `perf_counter_ns`."""

    def close(self) -> None:
        """Gives it up."""


def precise_timer(loop: Any, call: Callable[[], None]) -> PreciseTimer:
    """The best one that this system has, on gevent's loop."""
    if has_timerfd():
        try:
            return _KernelAlarm(loop, call)
        except (AttributeError, OSError):  # a C library, or a sandbox, without it
            pass
    return _LoopAlarm(loop, call)


class _LoopAlarm:
    def __init__(self, loop: Any, call: Callable[[], None]) -> None:
        self._loop = loop
        self._call = call
        self._timer: Any = None

    def set(self, at_ns: int) -> None:
        self.close()
        self._timer = self._loop.timer(max(0.0, (at_ns - perf_counter_ns()) / _NS_PER_S))
        self._timer.start(self._call, update=True)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.close()
            self._timer = None


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("ns", ctypes.c_long))


class _Setting(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class _KernelAlarm:
    def __init__(self, loop: Any, call: Callable[[], None]) -> None:
        library = ctypes.CDLL(None, use_errno=True)
        self._settime = library.timerfd_settime
        self._file: int = library.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._file < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._call = call
        self._watcher = loop.io(self._file, _READABLE)
        self._watcher.start(self._ring)

    def set(self, at_ns: int) -> None:
        # 0 would switch it off
        seconds, ns = divmod(max(1, at_ns - perf_counter_ns()), _NS_PER_S)
        self._settime(self._file, 0, ctypes.byref(_Setting(_Timespec(0, 0), _Timespec(seconds, ns))), None)

    def close(self) -> None:
        if self._file >= 0:
            self._watcher.close()
            os.close(self._file)
            self._file = -1

    def _ring(self) -> None:
        try:
            os.read(self._file, 8)
        except BlockingIOError:  # it was set anew since
            return
        self._call()
