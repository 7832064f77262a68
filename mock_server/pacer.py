"""Runs an engine on an event loop: one timer serves every stream that is due in one pass."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mock_server.engine import Engine, Generation

_LEAST_WAIT_S = 0.001
"""Timers of an event loop count milliseconds; a shorter wait would spin."""


class Pacer:
    """The engine's clockwork; a token never leaves before its deadline, and about a millisecond after it."""

    def __init__(self, engine: Engine, loop: asyncio.AbstractEventLoop, clock: Callable[[], int]) -> None:
        self._engine = engine
        self._loop = loop
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self._armed_ns = 0

    def start(self, generation: Generation, start_ns: int) -> None:
        """Begins a completion that was asked for at `start_ns`; what is due is delivered before this returns."""
        self._engine.start(generation, start_ns, self._clock())
        self._arm()

    def cancel(self, generation: Generation) -> None:
        """Ends a completion; nothing more is delivered."""
        self._engine.cancel(generation)

    def _run(self) -> None:
        self._timer = None
        try:
            self._engine.release(self._clock())
        finally:
            self._arm()

    def _arm(self) -> None:
        next_ns = self._engine.next_ns
        if next_ns is None or (self._timer is not None and self._armed_ns <= next_ns):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._armed_ns = next_ns
        wait_s = (next_ns - self._clock()) / 1e9
        self._timer = self._loop.call_later(max(wait_s, _LEAST_WAIT_S), self._run)
