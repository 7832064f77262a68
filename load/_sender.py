"""Sends one request of a run: one record, and one request event for Locust's own table."""

from __future__ import annotations

import time

from gevent import GreenletExit  # type: ignore[import-untyped]  # its stubs are a package of their own
from locust.env import Environment

from load._client import Client
from load._exchange import Exchange
from load._record import Record
from load._run import Run


class RequestFailedError(Exception):
    """A request that ended without a completion, as Locust's own table of errors names it."""


class Sender:
    """Performs exchanges of a run and tells Locust of each."""

    def __init__(self, environment: Environment, run: Run) -> None:
        self._environment = environment
        self._run = run

    def send(self, client: Client, request: bytes, exchange: Exchange) -> Record:
        """The record of the exchange, once it has ended; one that the run's end cuts off is recorded too."""
        try:
            client.perform(request, exchange)
        except GreenletExit:
            self._run.close_exchange(exchange, cut_off=True)
            raise
        record = self._run.close_exchange(exchange)
        self._tell_locust(record)
        return record

    def _tell_locust(self, record: Record) -> None:
        operation = self._run.settings.operation
        failure = f"{record.outcome} {record.status or ''}".rstrip() if record.outcome.failed else None
        self._environment.events.request.fire(  # type: ignore[no-untyped-call]
            request_type=operation.method,
            name=operation.path,
            response_time=record.e2e_ms,
            response_length=record.received_bytes,
            exception=RequestFailedError(failure) if failure else None,
            context={},
            start_time=time.time() - record.e2e_ms / 1000,
        )
