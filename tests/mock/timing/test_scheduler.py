from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from mixtral_contract.mock.timing import scheduler as pacing
from mixtral_contract.mock.timing.clock import Clock
from mixtral_contract.mock.timing.engine import Engine, Generation, Pace
from mixtral_contract.mock.timing.scheduler import Pacer
from mixtral_contract.mock.timing.timer import DescriptorTimer, LoopTimer, Timer, timer

MS = 1_000_000
LIMIT_S = 30
TIMERS = [
    LoopTimer,
    pytest.param(
        DescriptorTimer, marks=pytest.mark.skipif(sys.platform != "linux", reason="needs a system call of Linux")
    ),
]


LOOPS = [
    pytest.param(asyncio.new_event_loop, id="asyncio"),
    pytest.param(uvloop.new_event_loop, id="uvloop"),
]


def _run(new_loop: Callable[[], asyncio.AbstractEventLoop], main: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        await asyncio.wait_for(main(), LIMIT_S)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(limited())


def _descriptors() -> set[str]:
    """The timers that are open; those of other tests that are garbage are not."""
    gc.collect()
    return {path.name for path in Path("/proc/self/fd").iterdir() if os.path.realpath(path).endswith("[timerfd]")}


@pytest.mark.parametrize("kind", TIMERS)
@pytest.mark.parametrize("new_loop", LOOPS)
def test_timer__rings_once_and_not_too_early(kind: type, new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """A later alarm replaces an earlier one, an alarm that is cleared never rings, and one may be set while ringing."""

    async def main() -> None:
        rung: list[int] = []
        again = asyncio.Event()

        def ring() -> None:
            rung.append(time.monotonic_ns())
            if len(rung) == 1:
                alarm.set(3 * MS)
            again.set()

        alarm: Timer = kind(ring)
        begun_ns = time.monotonic_ns()
        alarm.set(1 * MS)
        alarm.set(20 * MS)
        await again.wait()
        again.clear()
        await again.wait()
        alarm.set(2 * MS)
        alarm.clear()
        await asyncio.sleep(0.02)
        assert len(rung) == 2
        assert rung[0] - begun_ns >= 20 * MS * 0.95
        assert rung[1] - rung[0] >= 3 * MS * 0.95

    _run(new_loop, main)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a system call of Linux")
@pytest.mark.parametrize("new_loop", LOOPS)
def test_descriptor__is_open_only_while_an_alarm_is_set(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """After the last ring it is closed, and after the loop at the latest."""

    async def main() -> None:
        rung = asyncio.Event()
        alarm = timer(rung.set)
        before = _descriptors()
        alarm.set(1 * MS)
        assert len(_descriptors()) == len(before) + 1
        await rung.wait()
        await asyncio.sleep(0)
        assert _descriptors() == before
        alarm.set(3_600_000 * MS)

    before = _descriptors()
    _run(new_loop, main)
    assert _descriptors() == before


@pytest.mark.parametrize("kind", TIMERS)
@pytest.mark.parametrize("new_loop", LOOPS)
def test_token__never_leaves_before_its_deadline(
    kind: type, new_loop: Callable[[], asyncio.AbstractEventLoop], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every token leaves, whichever clockwork runs the engine, and the alarm is off when all did."""
    monkeypatch.setattr(pacing, "timer", kind)

    async def main() -> None:
        clock, done = Clock(), asyncio.Event()
        pacer = Pacer(Engine(Pace(5 * MS, 2 * MS)), clock)
        generations: list[Generation] = []

        def started(number: int) -> Generation:
            def deliver() -> None:
                if generation.due:
                    generation.sent.append(generation.due, clock())
                if all(one.finished for one in generations):
                    done.set()

            generation = Generation(10 + number, 1, begin=lambda: None, deliver=deliver, refuse=lambda _: None)
            return generation

        generations += [started(number) for number in range(5)]
        for generation in generations:
            pacer.start(generation, clock())
        cancelled = started(1)
        pacer.start(cancelled, clock())
        pacer.cancel(cancelled)
        await done.wait()
        for generation in generations:
            due_ns = dict(generation.dues)
            assert [sent for sent, at_ns in generation.sent if at_ns < due_ns[sent]] == []
            assert generation.sent[-1][0] == generation.tokens == len(generation.dues)
        assert not cancelled.sent
        assert pacer.engine.next_ns is None
        await asyncio.sleep(0)
        assert pacer._alarm_ns is None

    _run(new_loop, main)


def test_last_one_cancelled__turns_the_alarm_off() -> None:
    """An hour before it would have rung."""

    async def main() -> None:
        pacer = Pacer(Engine(Pace(3_600_000 * MS)), Clock())
        generation = Generation(1, 1, begin=lambda: None, deliver=lambda: None, refuse=lambda _: None)
        pacer.start(generation, Clock()())
        assert pacer._alarm_ns is not None
        pacer.cancel(generation)
        assert pacer._alarm_ns is None

    _run(asyncio.new_event_loop, main)
