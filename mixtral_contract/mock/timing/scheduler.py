"""Runs an engine on an event loop: one timer serves every stream that is due in one pass."""

from __future__ import annotations

from collections.abc import Callable

from mixtral_contract.mock.timing.engine import Engine, Generation
from mixtral_contract.mock.timing.timer import timer

GAP_NS = 500_000
"""The least time from one pass to the next: what becomes due meanwhile leaves together, late by this much at most."""


class Pacer:
    """The engine's clockwork; a token never leaves before its deadline."""

    def __init__(self, engine: Engine, clock: Callable[[], int]) -> None:
        self.engine = engine
        self._clock = clock
        self._timer = timer(self._run)
        self._alarm_ns: int | None = None
        self._passed_ns = 0

    def start(self, generation: Generation, start_ns: int) -> None:
        """Begins a completion that was asked for at `start_ns`; what is due is delivered before this returns."""
        try:
            self.engine.start(generation, start_ns, self._clock())
        finally:
            self._arm()

    def cancel(self, generation: Generation) -> None:
        """Ends a completion; nothing more is delivered."""
        try:
            self.engine.cancel(generation, self._clock())
        finally:
            self._arm()

    def _run(self) -> None:
        self._alarm_ns = None
        self._passed_ns = self._clock()
        try:
            self.engine.release(self._passed_ns)
        finally:
            self._arm()

    def _arm(self) -> None:
        next_ns = self.engine.next_ns
        if next_ns is None:
            if self._alarm_ns is not None:
                self._alarm_ns = None
                self._timer.clear()
            return
        next_ns = max(next_ns, self._passed_ns + GAP_NS)
        if self._alarm_ns is None or next_ns < self._alarm_ns:
            self._alarm_ns = next_ns
            self._timer.set(next_ns - self._clock())
