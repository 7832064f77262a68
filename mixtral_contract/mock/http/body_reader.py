"""Where bodies are read: at once while that is quick, else in threads that hold up neither the event loop nor others.

A short body is read on the event loop, for as long as a stream can do without it. One that is longer, or takes longer,
goes to a lane of threads; what the first lane does not get done in its time goes to the last, where one thread works on
one body after the other, each for `work.MOST_S` of a core at most. So what is cheap never waits behind what is not, all
that is expensive takes one core, and more than a lane may hold is refused. What a client asked for who left is read no
further. The threads are daemons: a process that ends waits for none of them.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from mixtral_contract.mock.messages.messages import Reply
from mixtral_contract.mock.service.exchange import Exchange
from mixtral_contract.primitives.bounded.work import MOST_S, TooMuchWorkError, Work

LONG_BODY_BYTES = 8 * 1024
"""From this size on a body is read in another thread: a thousand prompt tokens cost about a millisecond."""

_VERY_LONG_BODY_BYTES = 256 * 1024
_AT_ONCE_S = 0.005
_SOON_S = 0.1


@dataclass(eq=False, slots=True)
class Reading:
    """A body that is being read."""

    exchange: Exchange
    then: Callable[[Reply | None], None]
    work: Work = field(default_factory=Work)
    abandoned: bool = False

    def abandon(self) -> None:
        """Nobody waits for it any more."""
        self.abandoned = self.work.abandoned = True


class BodyReader:
    """Reads the bodies of one event loop's connections."""

    def __init__(self) -> None:
        last = _Lane("long bodies", threads=1, most_waiting=16, limit_s=MOST_S)
        self._lanes = (_Lane("bodies", threads=4, most_waiting=256, limit_s=_SOON_S, following=last), last)

    def read(self, exchange: Exchange, then: Callable[[Reply | None], None]) -> Reading | None:
        """Reads an exchange's body and calls `then` with the refusal, or None, on the event loop.

        It was called already when there is no reading to wait for.
        """
        size = len(exchange.call.request.body)
        if size < LONG_BODY_BYTES:
            try:
                refused = exchange.read_within(Work(_AT_ONCE_S))
            except TooMuchWorkError:
                size = _VERY_LONG_BODY_BYTES
            else:
                then(refused)
                return None
        reading = Reading(exchange, then)
        lane = self._lanes[size >= _VERY_LONG_BODY_BYTES]
        if not lane.take(reading, asyncio.get_running_loop()):
            then(exchange.too_busy())
            return None
        return reading


class _Lane:
    """Threads that read what is put into one queue; they begin with the first of it."""

    def __init__(
        self, name: str, *, threads: int, most_waiting: int, limit_s: float, following: _Lane | None = None
    ) -> None:
        self._name = name
        self._threads = threads
        self._limit_s = limit_s
        self._following = following
        self._waiting: queue.Queue[tuple[Reading, asyncio.AbstractEventLoop]] = queue.Queue(most_waiting)
        self._started = False

    def take(self, reading: Reading, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether there is room for it."""
        try:
            self._waiting.put_nowait((reading, loop))
        except queue.Full:
            return False
        if not self._started:
            self._started = True
            for number in range(self._threads):
                threading.Thread(target=self._work, name=f"{self._name} {number + 1}", daemon=True).start()
        return True

    def _work(self) -> None:
        while True:
            reading, loop = self._waiting.get()
            if not reading.abandoned:
                self._read(reading, loop)

    def _read(self, reading: Reading, loop: asyncio.AbstractEventLoop) -> None:
        exchange = reading.exchange
        reading.work = Work(self._limit_s)
        if reading.abandoned:
            return  # just now
        try:
            refused = exchange.read_within(reading.work)
        except TooMuchWorkError as error:
            if reading.abandoned:
                return
            if self._following is not None and self._following.take(reading, loop):
                return
            refused = exchange.too_much_work(error)
        except Exception as error:  # noqa: BLE001  it is the event loop's to tell, as any error of a callback
            _call(loop, _raise, error)
            return
        _call(loop, _finish, reading, refused)


def _finish(reading: Reading, refused: Reply | None) -> None:
    if not reading.abandoned:
        reading.then(refused)


def _raise(error: Exception) -> None:
    raise error


def _call(loop: asyncio.AbstractEventLoop, callback: Callable[..., None], *arguments: object) -> None:
    try:
        loop.call_soon_threadsafe(callback, *arguments)
    except RuntimeError:
        if not loop.is_closed():
            raise
