"""Waits on an event loop that last as long as they should, though a test has stopped the clock that the loop reads."""

from __future__ import annotations

import asyncio
import threading

from mixtral_contract.mock.timing.clock import monotonic_ns

_NEAR_S = 60
"""An event loop's clock that is off by more is not the system's."""


class RealTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose timers go by a clock that nobody stops."""

    def time(self) -> float:
        """Seconds."""
        return monotonic_ns() / 1e9


async def sleep(wait_s: float) -> None:
    """Waits for so many seconds, whatever the running loop's clock shows; in trio, by trio's own."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        import anyio  # noqa: PLC0415  who runs on trio has it

        await anyio.sleep(wait_s)
        return
    if wait_s <= 0 or abs(loop.time() - monotonic_ns() / 1e9) < _NEAR_S:
        await asyncio.sleep(wait_s)
        return
    rung = asyncio.Event()
    alarm = threading.Timer(wait_s, lambda: loop.call_soon_threadsafe(rung.set))
    alarm.daemon = True
    alarm.start()
    try:
        await rung.wait()
    finally:
        alarm.cancel()
