"""The user of a load run: asks for one completion after the other, as fast as they come (a closed loop)."""

from __future__ import annotations

import time
from typing import ClassVar

from gevent import GreenletExit  # type: ignore[import-untyped]  # its stubs are a package of their own
from locust import User, task

from load._client import Client
from load._record import Record
from load._run import Run


class RequestFailedError(Exception):
    """A request that ended without a completion, as Locust's own table of errors names it."""


class ChatUser(User):
    """Sends a completion request, waits for its end, and sends the next."""

    load_run: ClassVar[Run]
    """The run that all users of this process are part of; set when it starts, as Locust sets `host`."""

    client: Client

    def on_start(self) -> None:
        """Makes the client; it connects with the first request."""
        self.client = self.load_run.client()

    def on_stop(self) -> None:
        """Closes the connection."""
        self.client.close()

    @task
    def complete(self) -> None:
        """One request, one record, one request event of Locust."""
        run = self.load_run
        if run.is_over:
            return
        request = run.next_request()
        exchange = run.open_exchange()
        try:
            self.client.perform(request, exchange)
        except GreenletExit:
            run.close_exchange(exchange, cut_off=True)
            raise
        record = run.close_exchange(exchange)
        self._tell_locust(record)
        run.pause_after(record, exchange)

    def _tell_locust(self, record: Record) -> None:
        operation = self.load_run.settings.operation
        failure = f"{record.outcome} {record.status or ''}".rstrip() if record.outcome.failed else None
        self.environment.events.request.fire(
            request_type=operation.method,
            name=operation.path,
            response_time=record.e2e_ms,
            response_length=record.received_bytes,
            exception=RequestFailedError(failure) if failure else None,
            context=self.context(),
            start_time=time.time() - record.e2e_ms / 1000,
        )
