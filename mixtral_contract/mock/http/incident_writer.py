"""Sends a disturbed reply: its writes in their order, each after its wait, and the end that an incident gave it."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from mixtral_contract.mock.http import response_encoder as framing
from mixtral_contract.mock.messages.messages import HEAD, Disturbed, Ending, Outgoing, Write

_FLUSH_S = 0.001
_MOST_FLUSHES = 1000
"""How often it is asked whether all was written before a reset, which throws away what was not."""

_RESET = struct.pack("ii", 1, 0)


class _Queued(NamedTuple):
    """Bytes with their framing, how long nothing leaves before them, and how many tokens are out behind them."""

    data: bytes
    before_ns: int
    ending: Ending | None
    out: int | None


class IncidentWriter:
    """Writes one reply onto a transport; what is due waits for what is still to be written.

    `write` hands bytes to the transport, `paused` says whether the client does not read, `sent` is told how many
    tokens are out, `over` is called behind the last byte and `cut` when an incident ended the connection instead.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        made: Outgoing,
        *,
        write: Callable[[bytes], object],
        paused: Callable[[], bool],
        sent: Callable[[int], None],
        over: Callable[[], None],
        cut: Callable[[], None],
    ) -> None:
        assert made.disturbed is not None
        self._transport = transport
        self._write = write
        self._made = made
        self._disturbed: Disturbed = made.disturbed
        self._paused = paused
        self._sent = sent
        self._over = over
        self._cut = cut
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._until_ns = 0
        self._queue: deque[_Queued] = deque()
        self._frames = 0
        self._finished = False
        self._flushes = 0
        self._put(HEAD, None)
        self._queue.append(_Queued(made.head, 0, None, None))

    def deliver(self, due: int, *, finished: bool) -> None:
        """Writes what became due: so many tokens, the head before them, the end behind the last one."""
        frames = self._made.frames
        while self._frames < min(due, len(frames)):
            self._frames += 1
            self._put(self._frames - 1, due if finished and self._frames == len(frames) else self._frames)
        if finished:
            self._queue.append(_Queued(self._made.end, 0, None, None))
            self._finished = True
        self.resume()

    def resume(self) -> None:
        """Goes on where it stopped, when nothing holds it up."""
        while self._queue and self._timer is None and not self._paused():
            queued = self._queue[0]
            if queued.before_ns:
                self._queue[0] = queued._replace(before_ns=0)
                self._wait(queued.before_ns)
                return
            self._queue.popleft()
            if queued.data:
                self._write(queued.data)
            if queued.ending is not None:
                self._end(queued.ending)
                return
            if queued.out is not None:
                self._sent(queued.out)
        if self._finished and not self._queue and self._timer is None:
            self._finished = False
            self._over()

    def stop(self) -> None:
        """Writes nothing more."""
        self._queue.clear()
        self._finished = False
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self, wait_ns: int) -> None:
        self._until_ns = time.monotonic_ns() + wait_ns
        self._timer = self._loop.call_later(wait_ns / 1e9, self._wake)

    def _wake(self) -> None:
        self._timer = None
        # the loop counts from the beginning of its turn, in milliseconds: it may ring before the time has passed
        early_ns = self._until_ns - time.monotonic_ns()
        if early_ns > 0:
            self._wait(early_ns)
            return
        self.resume()

    def _put(self, index: int, out: int | None) -> None:
        """Queues a frame; the writes in which it leaves, or the one of all of it."""
        writes = self._disturbed.get(index)
        if writes is None:
            writes = () if index == HEAD else (Write(self._made.frames[index]),)
        last = len(writes) - 1
        for number, write in enumerate(writes):
            data = self._framed(write)
            self._queue.append(_Queued(data, write.before_ns, write.ending, out if number == last else None))

    def _framed(self, write: Write) -> bytes:
        if not self._made.chunked or not write.data:
            return write.data
        if write.ending is Ending.CHUNK:
            return b"%x\r\n%b" % (2 * len(write.data), write.data)
        return framing.chunk(write.data)

    def _end(self, ending: Ending) -> None:
        self.stop()
        self._cut()
        if ending is Ending.RST:
            # nothing is written before the loop's next turn, and a reset throws away what is not written
            self._timer = self._loop.call_later(_FLUSH_S, self._reset)
        else:
            self._transport.close()

    def _reset(self) -> None:
        self._flushes += 1
        if self._transport.get_write_buffer_size() and self._flushes < _MOST_FLUSHES:
            self._timer = self._loop.call_later(_FLUSH_S, self._reset)
            return
        connection = self._transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()
