"""An open loop: every request leaves when it is due, whatever became of those before.

Nothing waits here for a free place: a request that is due while the most allowed are on their way is dropped, and
counted.
"""

from __future__ import annotations

from collections.abc import Iterator

import gevent  # type: ignore[import-untyped]  # its stubs are a package of their own
from gevent.pool import Group  # type: ignore[import-untyped]

from load._arrivals import Arrival
from load._client import Client
from load._run import Run
from load._sender import Sender


class Pump:
    """Sends the arrivals of one process; a connection that is free is used again."""

    def __init__(self, run: Run, sender: Sender, arrivals: Iterator[Arrival]) -> None:
        self._run = run
        self._sender = sender
        self._arrivals = arrivals
        self._idle: list[Client] = []
        self._on_their_way = Group()
        self._pumping = gevent.spawn(self._pump)

    def drain(self, timeout_s: float) -> None:
        """Waits for the requests that are on their way, at most so long; those left are cut off, and recorded so."""
        self._pumping.join()
        self._on_their_way.join(timeout=timeout_s)
        self._on_their_way.kill()
        for client in self._idle:
            client.close()

    def _pump(self) -> None:
        for arrival in self._arrivals:
            # written before it is due: what it costs is no part of the lag
            request = self._run.write(self._run.next_ask(arrival))
            wait_s = self._run.until_s(arrival.due_ns)
            if self._run.wait_until_over(wait_s) if wait_s > 0 else self._run.is_over:
                return
            if len(self._on_their_way) < self._run.settings.max_in_flight:
                self._on_their_way.start(gevent.Greenlet(self._send, request, arrival.due_ns))
            else:
                self._run.drop(arrival)
            if wait_s <= 0:
                # behind its schedule it would never let an answer be read
                gevent.sleep(0)

    def _send(self, request: bytes, due_ns: int) -> None:
        client = self._idle.pop() if self._idle else self._run.client()
        try:
            self._sender.send(client, request, self._run.open_exchange(due_ns))
        except BaseException:
            client.close()
            raise
        self._idle.append(client)
