"""Waits that last as long as they should, though the test has stopped every clock that it could reach."""

from __future__ import annotations

import asyncio
import sys

import anyio

from mixtral_contract.mock.timing.clock import monotonic_ns
from mixtral_contract.mock.timing.timer import timer


class RealTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose timers go by a clock that nobody stops."""

    def time(self) -> float:
        """Seconds."""
        return monotonic_ns() / 1e9


async def sleep(wait_s: float) -> None:
    """Waits for so many seconds, on an event loop whose own clock may stand still."""
    loop = _asyncio_loop()
    if wait_s <= 0 or loop is None:
        await anyio.sleep(wait_s)
        return
    rung = loop.create_future()

    def ring() -> None:
        if not rung.done():
            rung.set_result(None)

    alarm = timer(ring)
    alarm.set(round(wait_s * 1e9))
    try:
        await rung
    finally:
        alarm.clear()


def _asyncio_loop() -> asyncio.AbstractEventLoop | None:
    """The running loop, if it is one of asyncio's on a system that has timers which are files."""
    try:
        return asyncio.get_running_loop() if sys.platform == "linux" else None
    except RuntimeError:
        return None
