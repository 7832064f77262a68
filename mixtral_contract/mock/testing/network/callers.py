"""Who made a call: the test and what it set going, or a thread in the background that has nothing to do with it."""

from __future__ import annotations

import threading
from contextvars import ContextVar

_marked: ContextVar[object] = ContextVar("mixtral_test")


class Callers:
    """Tells the threads of a test from those in the background, from `begin` on.

    A call is the test's own when its context is (tasks, and the worker threads of asyncio, anyio and trio, inherit it),
    when it comes from the thread that began, or from one that was started since and is no daemon. A daemon thread, such
    as that of a telemetry SDK, and a thread that was there before, run in the background.
    """

    def __init__(self) -> None:
        self._mark = object()
        self._owner = threading.current_thread()
        self._before: frozenset[threading.Thread] = frozenset()

    def begin(self) -> None:
        """Takes this thread for the test's."""
        self._owner = threading.current_thread()
        self._before = frozenset(threading.enumerate())
        _marked.set(self._mark)

    def in_background(self) -> bool:
        """Whether the running call is not the test's."""
        thread = threading.current_thread()
        if thread is self._owner or _marked.get(None) is self._mark:
            return False
        return thread.daemon or thread in self._before
