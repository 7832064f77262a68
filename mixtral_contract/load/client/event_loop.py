"""The event loop of a process as connections and schedules use it: it calls when a socket is ready or a time has come.

It is gevent's own loop (libev: epoll, or kqueue) without greenlets: a socket is registered once and calls a function in
each pass in which it is ready, so that an event of a stream costs no switch, no timer and no system call but its recv.
A function that is called from here must not wait. One pass calls each ready socket once.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

import gevent  # type: ignore[import-untyped]  # its stubs are a package of their own

from mixtral_contract.load.client.deadlines import Deadline, Deadlines
from mixtral_contract.load.client.precise_timer import precise_timer

READABLE, WRITABLE = 1, 2

_AT_ONCE = 64
"""So many deadlines are called in one pass; between passes sockets are read."""


class Loop:
    """Sockets and deadlines of one process; to be used from the thread that made it."""

    def __init__(self) -> None:
        self._hub = gevent.get_hub()
        self._deadlines = Deadlines()
        self._alarm = precise_timer(self._hub.loop, self._on_alarm)
        self._set_ns: int | None = None

    def watch(self, file: int, events: int, call: Callable[[], None]) -> Any:
        """Calls in each pass in which one of the events (READABLE, WRITABLE) holds, until the result is closed."""
        watcher = self._hub.loop.io(file, events)
        watcher.start(call)
        return watcher

    def at(self, at_ns: int, call: Callable[[], None]) -> Deadline:
        """Calls when `perf_counter_ns` has reached that time, a little later but never before."""
        deadline = self._deadlines.add(at_ns, call)
        self._set()
        return deadline

    def cancel(self, deadline: Deadline) -> None:
        """Takes a deadline back."""
        self._deadlines.cancel(deadline)

    def soon(self, call: Callable[[], None]) -> None:
        """Calls from the loop, not from here."""
        self._hub.loop.run_callback(call)

    def turn(self) -> None:
        """Lets the calling greenlet wait while the loop looks at every socket once.

        `gevent.sleep(0)` does not do that: it comes back up to fifty times before any socket is looked at.
        """
        # of what is ready in one pass the loop would call a timer of usual priority before the sockets
        timer = self._hub.loop.timer(0, priority=self._hub.loop.MINPRI)
        try:
            self._hub.wait(timer)
        finally:
            timer.close()

    def close(self) -> None:
        """Forgets the deadlines."""
        self._deadlines = Deadlines()
        self._alarm.close()

    def _set(self) -> None:
        next_ns = self._deadlines.next_ns()
        if next_ns is not None and (self._set_ns is None or next_ns < self._set_ns):
            self._set_ns = next_ns
            self._alarm.set(next_ns)

    def _on_alarm(self) -> None:
        self._set_ns = None
        for _ in range(_AT_ONCE):
            call = self._deadlines.pop_due(perf_counter_ns())
            if call is None:
                break
            call()
        self._set()
