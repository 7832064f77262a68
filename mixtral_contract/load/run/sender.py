"""Sends the requests of one process: one loop for all clients, and one record per request."""

from __future__ import annotations

from collections.abc import Callable

from gevent import GreenletExit  # type: ignore[import-untyped]  # its stubs are a package of their own

from mixtral_contract.load.client.client import Client
from mixtral_contract.load.client.event_loop import Loop
from mixtral_contract.load.client.exchange import Exchange
from mixtral_contract.load.client.resolver import Destination
from mixtral_contract.load.reading.completion import looks_whole
from mixtral_contract.load.reading.record import Record
from mixtral_contract.load.run.record_queue import RecordQueue
from mixtral_contract.load.run.run import Run


class Sender:
    """Performs exchanges of a run and has them counted; `tell` is called with each record."""

    def __init__(self, run: Run, tell: Callable[[Record], None]) -> None:
        self._run = run
        self.loop = Loop()
        self._destination = Destination(run.settings.target)
        self._settling = RecordQueue(run, self.loop, tell)

    def client(self) -> Client:
        """A client for one user, or for one place in an open loop."""
        settings = self._run.settings
        return Client(self.loop, self._destination, settings.timeout_s, resends=not settings.is_paid)

    def send(self, client: Client, request: bytes, exchange: Exchange) -> Record | None:
        """Waits for the end of the exchange; its record, None for a stream that looks whole and is read later.

        What the run's end cuts off is recorded too.
        """
        try:
            client.perform(request, exchange)
        except GreenletExit:
            self.settle(exchange, cut_off=True)
            raise
        if self._run.settings.turns == 1 and self._run.settings.operation.streams and looks_whole(exchange):
            self.settle(exchange)
            return None
        return self.record(exchange)

    def record(self, exchange: Exchange) -> Record:
        """Counts an exchange that is over, before all others; waits for its record."""
        return self._settling.record(exchange)

    def settle(self, exchange: Exchange, *, cut_off: bool = False) -> None:
        """Counts an exchange that is over, some time later."""
        self._settling.add(exchange, cut_off=cut_off)

    def close(self) -> None:
        """Waits until all is counted."""
        self._settling.finish()
        self.loop.close()
