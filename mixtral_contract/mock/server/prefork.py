"""Several processes that serve one address, forked from one parent that serves nothing itself.

The parent tells when all of them listen, hands signals on, and ends when they have ended. A worker that ends unasked
ends the whole server, with status 1: what it was about to bill nobody knows, and the accounts promise to be exact. A
parent that is killed takes the workers with it: each holds the end of a pipe that closes with the parent.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import NamedTuple

import uvicorn


class NotShared(NamedTuple):
    """An option that means nothing, or not what it says, to several processes; and why."""

    option: str
    reason: str


NOT_SHARED: Mapping[str, NotShared] = {
    "breaks": NotShared("--break", "some breaks count what they did, and each process would count by itself"),
    "layer": NotShared("--as", "what was seen to be answered later is kept in the process that was asked first"),
    "engine": NotShared("--engine", "each process would be a node of its own, with its own slots and queue"),
    "fixtures": NotShared("--fixtures", "each process would count by itself which reply comes next"),
}
"""What keeps a state that is not shared, by its name among the parsed options: refused with more than one worker."""

_MARGIN_S = 3.0
"""How much longer than the grace the workers may take until they are killed."""

_AWAITED = (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM)


class Worker:
    """What a worker has of its parent: its socket, a pipe to tell that it listens, and one that closes with the
    parent.
    """

    def __init__(self, listening: socket.socket, ready_fd: int, lifeline_fd: int) -> None:
        self.listening = listening
        self._ready_fd = ready_fd
        self._lifeline_fd = lifeline_fd

    def server(self, config: uvicorn.Config) -> uvicorn.Server:
        """A server that tells when it listens, and stops when the parent is gone."""
        return _Server(config, self._ready_fd, self._lifeline_fd)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready_fd: int, lifeline_fd: int) -> None:
        super().__init__(config)
        self._ready_fd = ready_fd
        self._lifeline_fd = lifeline_fd

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        asyncio.get_running_loop().add_reader(self._lifeline_fd, self._orphaned)
        os.write(self._ready_fd, b".")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Ctrl-C reaches the whole foreground group; what it means to the workers is the parent's to say
        if sig != signal.SIGINT:
            super().handle_exit(sig, frame)

    def _orphaned(self) -> None:
        asyncio.get_running_loop().remove_reader(self._lifeline_fd)
        self.should_exit = True


def sockets(listening: socket.socket, count: int, backlog: int) -> list[socket.socket]:
    """One listening socket per worker, all at one address, so that the kernel spreads connections evenly over them.

    Without that (elsewhere than on Linux) it is the same one for all, and who is quicker accepts more. The first is
    bound before it may share its port, so that a mock which is there already is found.
    """
    if sys.platform != "linux":
        return [listening] * count
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made = [listening]
    for _ in range(count - 1):
        sibling = socket.socket(listening.family, listening.type, listening.proto)
        sibling.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sibling.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sibling.bind(listening.getsockname())
        made.append(sibling)
    for sibling in made[1:]:
        sibling.listen(backlog)
    return made


def run(
    listening: list[socket.socket],
    work: Callable[[Worker], None],
    *,
    started: Callable[[], None],
    tell: Callable[[str], None],
    grace_s: float,
) -> int:
    """Runs `work` in one process per socket until a signal or the end of one of them, and returns the exit status.

    `started` is called once, when all of them listen; `tell` hears of what went wrong.
    """
    lifeline = os.pipe()
    ready = os.pipe()
    # what the workers inherit stays shared with them as long as the collector does not write to it
    gc.collect()
    gc.freeze()
    with _signals() as signals:
        pids = {}
        for number, own in enumerate(listening):
            others = [other for other in listening if other is not own]
            worker = Worker(own, ready[1], lifeline[0])
            pids[_fork(work, worker, others, (lifeline[1], ready[0], *signals))] = number
        for each in listening:
            each.close()
        os.close(ready[1])
        os.close(lifeline[0])
        try:
            return _Crew(pids, tell, grace_s).watch(signals[0], ready[0], started)
        finally:
            os.close(ready[0])
            os.close(lifeline[1])


class _Crew:
    """The workers as the parent sees them."""

    def __init__(self, pids: dict[int, int], tell: Callable[[str], None], grace_s: float) -> None:
        self._pids = pids
        self._starting = len(pids)
        self._tell = tell
        self._grace_s = grace_s
        self._status = 0
        self._kill_at: float | None = None

    def watch(self, signals: int, ready: int, started: Callable[[], None]) -> int:
        """Waits until all have ended."""
        while self._pids:
            wait_s = None if self._kill_at is None else max(0.0, self._kill_at - time.monotonic())
            sources = [signals, ready] if self._starting else [signals]
            found, _, _ = select.select(sources, [], [], wait_s)
            if ready in found:
                self._count_started(os.read(ready, self._starting), started)
            if signals in found:
                for number in os.read(signals, 64):
                    self._signalled(number)
            if not found:
                self._tell(
                    f"{len(self._pids)} of the workers did not end within {self._grace_s + _MARGIN_S:g} s, killed"
                )
                self._status = 1
                self._kill()
        return self._status

    def _count_started(self, told: bytes, started: Callable[[], None]) -> None:
        self._starting -= len(told)
        if not told:
            self._starting = 0  # all of them ended before they listened
        elif not self._starting and self._kill_at is None:
            started()

    def _signalled(self, number: int) -> None:
        if number == signal.SIGCHLD:
            self._reap()
        elif self._kill_at is None:
            self._stop()
        elif number == signal.SIGINT:
            self._kill()  # a second Ctrl-C waits for nobody

    def _reap(self) -> None:
        for pid, number in list(self._pids.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                continue
            del self._pids[pid]
            if self._kill_at is None:
                how = _end(os.waitstatus_to_exitcode(status))
                self._tell(f"worker {number + 1} of process {pid} ended unasked {how}, so the server ends")
                self._status = 1
                self._stop()

    def _stop(self) -> None:
        self._kill_at = time.monotonic() + self._grace_s + _MARGIN_S
        for pid in self._pids:
            os.kill(pid, signal.SIGTERM)

    def _kill(self) -> None:
        for pid in self._pids:
            os.kill(pid, signal.SIGKILL)
        self._kill_at = time.monotonic() + _MARGIN_S


def _fork(
    work: Callable[[Worker], None], worker: Worker, others: list[socket.socket], parents_fds: tuple[int, ...]
) -> int:
    # a signal between the fork and the worker's own handlers waits until these are there
    signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    try:
        pid = os.fork()
        if pid:
            return pid
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            for fd in parents_fds:
                os.close(fd)
            for other in others:
                other.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _AWAITED)
            work(worker)
            status = 0
        except BaseException:  # noqa: BLE001  whatever it is, the parent's code must not run here
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _AWAITED)


@contextlib.contextmanager
def _signals() -> Iterator[tuple[int, int]]:
    """A pipe from which the numbers of signals can be read as they come."""
    out, into = os.pipe()
    os.set_blocking(into, False)
    before = {number: signal.signal(number, lambda _number, _frame: None) for number in _AWAITED}
    signal.set_wakeup_fd(into)
    try:
        yield out, into
    finally:
        signal.set_wakeup_fd(-1)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(out)
        os.close(into)


def _end(exit_code: int) -> str:
    return f"by {signal.Signals(-exit_code).name}" if exit_code < 0 else f"with status {exit_code}"
