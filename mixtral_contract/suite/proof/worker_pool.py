"""Processes that judge in rounds, each on a mock of its own, as `worker` says; all end with the pool."""

from __future__ import annotations

import multiprocessing
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Self

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.suite.proof.proof import Verdicts
from mixtral_contract.suite.proof.worker import work
from mixtral_contract.suite.target.target import choose, running

_END_S = 5.0


class WorkerPool:
    """So many workers that run the suite with one command line, started when there is something for them to do.

    A round that takes longer than `limit_s` is given up.
    """

    def __init__(self, command: Sequence[str], size: int, *, limit_s: float = 300.0) -> None:
        self._command = command
        self._size = size
        self._limit_s = limit_s
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the workers and their mocks."""
        with ExitStack() as stack:
            for worker in self._workers:
                stack.callback(worker.close)
            self._workers = []

    def rounds(self, breaks: Sequence[Sequence[str]]) -> Iterator[Verdicts]:
        """The verdicts of a round with each of these breaks, in their order, as each is there.

        A round that is given up, or whose worker ends, has no verdicts.
        """
        waiting, ended = deque(enumerate(breaks)), dict[int, Verdicts]()
        for number in range(len(breaks)):
            while number not in ended:
                self._hand_out(waiting)
                ended.update(self._ended())
            yield ended.pop(number)

    def _hand_out(self, waiting: deque[tuple[int, Sequence[str]]]) -> None:
        """Gives each worker that is free a round, and starts those that are missing."""
        while waiting:
            free = next((worker for worker in self._workers if worker.number is None), None)
            if free is None:
                if len(self._workers) == self._size:
                    return
                free = _Worker(self._command)
                self._workers.append(free)
            free.begin(*waiting.popleft(), time.monotonic() + self._limit_s)

    def _ended(self) -> Iterator[tuple[int, Verdicts]]:
        """The rounds that ended, with their numbers, when there are any."""
        busy = [worker for worker in self._workers if worker.number is not None]
        left_s = min(worker.until_s for worker in busy) - time.monotonic()
        ready = wait([worker.connection for worker in busy], max(0.0, left_s))
        for worker in busy:
            number, verdicts = worker.number or 0, worker.verdicts() if worker.connection in ready else None
            if verdicts is None and (worker.connection in ready or worker.until_s <= time.monotonic()):
                self._workers.remove(worker)
                worker.close()
                verdicts = {}
            if verdicts is not None:
                yield number, verdicts


class _Worker:
    """A process that judges, and the mock that it judges; `number` is the round that it is at, None when it is free."""

    def __init__(self, command: Sequence[str]) -> None:
        self.number: int | None = None
        self.until_s = 0.0
        self._stack = ExitStack()
        with ExitStack() as stack:
            mock = stack.enter_context(running(choose(Contract.load())))
            self.connection = stack.enter_context(_process(mock.base_url or "", command))
            self._stack = stack.pop_all()

    def begin(self, number: int, breaks: Sequence[str], until_s: float) -> None:
        """Begins a round, which may take until then."""
        self.number, self.until_s = number, until_s
        self.connection.send(breaks)

    def verdicts(self) -> Verdicts | None:
        """Those of the round, which has ended; None when the process has."""
        self.number = None
        try:
            found: Verdicts = self.connection.recv()
        except (EOFError, OSError):
            return None
        return found

    def close(self) -> None:
        """Ends the process and the mock."""
        self._stack.close()


@contextmanager
def _process(base_url: str, command: Sequence[str]) -> Iterator[Connection]:
    """The connection to a process that judges; the process ends with the context."""
    # a new process, not a fork: that is the same on every system
    context = multiprocessing.get_context("spawn")
    ours, its = context.Pipe()
    process = context.Process(target=work, args=(its, base_url, command))
    process.start()
    its.close()
    try:
        yield ours
    finally:
        ours.close()
        process.terminate()
        process.join(_END_S)
        process.kill()
        process.join()
