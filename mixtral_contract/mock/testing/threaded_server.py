"""A mock on a socket of this process: the wire on an event loop of its own, in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from mixtral_contract.mock.http.connection import Connection
from mixtral_contract.mock.http.response_encoder import DateField
from mixtral_contract.mock.service.mock import Mock
from mixtral_contract.mock.timing.real_time import RealTimeLoop

HOST = "127.0.0.1"

Result = TypeVar("Result")


class _Connection(Connection):
    """A connection that can be ended from outside."""

    def abort(self) -> None:
        """Ends it, whatever is under way."""
        self._transport.abort()


class ThreadedServer:
    """A mock that answers at `url` from `start` until `stop`."""

    def __init__(self, mock: Mock) -> None:
        self._mock = mock
        self._connections: set[_Connection] = set()
        self._loop = RealTimeLoop()
        self._thread = threading.Thread(target=self._run, name="mixtral-server", daemon=True)
        self.url = ""

    def start(self) -> None:
        """Listens on a free port; clients may come when this returns."""
        listening = socket.create_server((HOST, 0), backlog=2048)
        self.url = f"http://{HOST}:{listening.getsockname()[1]}"
        self._thread.start()
        date = DateField(self._mock.clock)
        serving = self._loop.create_server(
            lambda: _Connection(self._mock, date, self._connections), sock=listening, backlog=2048
        )
        self._server = asyncio.run_coroutine_threadsafe(serving, self._loop).result()

    def stop(self) -> None:
        """Ends every connection, and the thread."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def run(self, function: Callable[[], Result]) -> Result:
        """What a function returns that looks at the mock, or changes it, while no request is dealt with."""
        if not self._thread.is_alive() or threading.current_thread() is self._thread:
            return function()
        done: Future[Result] = Future()

        def call() -> None:
            try:
                done.set_result(function())
            except Exception as error:  # noqa: BLE001  it is raised where the function was asked for
                done.set_exception(error)

        self._loop.call_soon_threadsafe(call)
        return done.result()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        for connection in list(self._connections):
            connection.abort()
        while self._connections:  # noqa: ASYNC110  each is gone with one of the loop's next turns
            await asyncio.sleep(0)
        self._mock.journal.stop(self._mock.clock())
