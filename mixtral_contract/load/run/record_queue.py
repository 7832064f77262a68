"""Reads and counts what has ended, a little at a time: the streams that still run are not to be kept waiting for it.

An answer takes milliseconds to read, and many may end together. So they queue here, and after each slice every socket
is looked at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from time import perf_counter_ns

import gevent  # type: ignore[import-untyped]  # its stubs are a package of their own
from gevent.event import AsyncResult, Event  # type: ignore[import-untyped]

from mixtral_contract.load.client.event_loop import Loop
from mixtral_contract.load.client.exchange import Exchange
from mixtral_contract.load.reading.record import Record
from mixtral_contract.load.run.run import Run

SLICE_NS = 500_000
"""So long streams that run may wait for one that has ended."""

MOST_BYTES = 64 * 1024 * 1024
"""Beyond this, what waits is read without a pause: then the stamps suffer, and not the memory."""


class RecordQueue:
    """Records what became of exchanges; `tell` is called with each record."""

    def __init__(self, run: Run, loop: Loop, tell: Callable[[Record], None]) -> None:
        self._run = run
        self._loop = loop
        self._tell = tell
        self._waiting: deque[tuple[Exchange, bool, AsyncResult | None]] = deque()
        self._bytes = 0
        self._is_closing = False
        self._slice_ends_ns = 0
        self._wanted = Event()
        self._greenlet = gevent.spawn(self._settle)

    def add(self, exchange: Exchange, *, cut_off: bool = False) -> None:
        """Counts it when there is time; `cut_off` means that the run's end interrupted it."""
        self._waiting.append((exchange, cut_off, None))
        self._bytes += exchange.received_bytes
        self._wanted.set()

    def record(self, exchange: Exchange) -> Record:
        """Counts it before all others; somebody waits for it."""
        result = AsyncResult()
        self._waiting.appendleft((exchange, False, result))
        self._bytes += exchange.received_bytes
        self._wanted.set()
        record: Record = result.get()
        return record

    def finish(self) -> None:
        """Waits until all are counted; nothing may be added any more."""
        self._is_closing = True
        self._wanted.set()
        self._greenlet.join()

    def _settle(self) -> None:
        while self._waiting or not self._is_closing:
            if not self._waiting:
                self._wanted.clear()
                self._wanted.wait()
                continue
            exchange, cut_off, result = self._waiting.popleft()
            record = self._in_slices(self._run.record_steps(exchange, cut_off=cut_off))
            self._bytes -= exchange.received_bytes
            self._tell(record)
            if result is not None:
                result.set(record)
            self._pause()

    def _in_slices(self, steps: Generator[None, None, Record]) -> Record:
        while True:
            try:
                next(steps)
            except StopIteration as end:
                record: Record = end.value
                return record
            self._pause()

    def _pause(self) -> None:
        """Lets the loop read when the slice is over."""
        if perf_counter_ns() >= self._slice_ends_ns and self._bytes < MOST_BYTES:
            self._loop.turn()
            self._slice_ends_ns = perf_counter_ns() + SLICE_NS
