"""How long a disturbed reply waits, on a loop whose timers ring before their time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from unittest.mock import Mock

import pytest

from mixtral_contract.mock.http.incident_writer import IncidentWriter
from mixtral_contract.mock.messages.messages import HEAD, Outgoing, Write


def test_wait__is_never_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The timers of uvloop count milliseconds from the beginning of a turn; here they are early by half."""

    async def played_after_s() -> float:
        loop = asyncio.get_running_loop()
        call_later = loop.call_later

        def early(delay_s: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
            return call_later(delay_s / 2, callback)

        monkeypatch.setattr(loop, "call_later", early)
        made = Outgoing(
            b"head", [b"body"], b"", chunked=False, close=False, disturbed={HEAD: (Write(before_ns=10**7),)}
        )
        over = asyncio.Event()
        since_s, written_s = time.monotonic(), list[float]()
        player = IncidentWriter(
            Mock(spec=asyncio.Transport),
            made,
            write=lambda _data: written_s.append(time.monotonic() - since_s),
            paused=lambda: False,
            sent=lambda _count: None,
            over=over.set,
            cut=over.set,
        )
        player.deliver(1, finished=True)
        await over.wait()
        return written_s[0]

    assert asyncio.run(played_after_s()) >= 0.01
