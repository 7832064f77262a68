"""How the process of the instrument does itself: how late its loop comes around, and how much of a core it uses."""

from __future__ import annotations

import time
from time import perf_counter_ns

import gevent  # type: ignore[import-untyped]  # its stubs are a package of their own

from mixtral_contract.load.run.run import Run

TICK_S = 0.01

_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000


class LoopLag:
    """A greenlet that wants to be woken every 10 ms of the window, and counts by how much it was kept waiting.

    A stall of a second is one tick that is a second late; it is counted once for each tick that it swallowed, for that
    is how many stamps it may have moved.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._greenlet = gevent.spawn(self._watch)

    def close(self) -> None:
        """Ends the watch; the run is over."""
        self._greenlet.join()

    def _watch(self) -> None:
        if self._run.wait_until_over(max(0.0, self._run.until_s(self._run.window.start_ns))):
            return
        begun_ns, cpu_s = perf_counter_ns(), time.process_time()
        while not self._run.is_over:
            slept_ns = perf_counter_ns()
            gevent.sleep(TICK_S)
            late_ms = max(0.0, (perf_counter_ns() - slept_ns) / _NS_PER_MS - TICK_S * 1000)
            self._run.note_lag(late_ms, 1 + int(late_ms / (TICK_S * 1000)))
            self._run.note_use(time.process_time() - cpu_s, (perf_counter_ns() - begun_ns) / _NS_PER_S)
