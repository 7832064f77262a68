"""One run in one process: what its users send, and what becomes of it. Knows the clock; knows no Locust."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from load._client import Client, tls_context
from load._completion import Completion, read_completion
from load._exchange import Exchange
from load._journal import Journal
from load._outcome import Outcome
from load._pause import pause_s
from load._prompt import Prompts
from load._record import Record, make_record
from load._request import RequestWriter
from load._settings import Settings
from load._tally import Tally, Window
from spec.tokens import tokenizer

_NS_PER_S = 1_000_000_000


class Run:
    """Requests out, records in; `take` hands over what was counted since the last time.

    The run's clock starts here. Workers on several machines have no clock in common, so each counts from its own start,
    which the master's first job triggers.
    """

    def __init__(
        self, settings: Settings, key: str, *, run_id: str, worker: int, clock_ns: Callable[[], int] = perf_counter_ns
    ) -> None:
        self.settings = settings
        self.run_id = run_id
        self.worker = worker
        self.recorded = 0
        self._key = key
        self._clock_ns = clock_ns
        self._writer = RequestWriter(settings, key)
        # a forked worker must not send the prompts of its siblings
        self._prompts = Prompts(
            settings.prompt_tokens, tokenizer(settings.contract_model.tokenizer), f"{settings.seed}/{worker}"
        )
        self._tls = tls_context() if settings.target.scheme == "https" else None
        self._journal = Journal(settings.out, run_id, worker)
        self._tally = Tally()
        self._over = threading.Event()
        self.window = Window(round(settings.warmup_s * _NS_PER_S))
        self._start_ns = clock_ns()

    @property
    def is_over(self) -> bool:
        """Whether no further request may be sent."""
        return self._over.is_set()

    def client(self) -> Client:
        """A client for one user."""
        return Client(self.settings.target, self.settings.timeout_s, self._tls)

    def next_request(self) -> bytes:
        """The bytes of the next request."""
        return self._writer.write(self._prompts.next())

    def open_exchange(self) -> Exchange:
        """An exchange that starts now."""
        return Exchange(started_ns=self._clock_ns())

    def close_exchange(self, exchange: Exchange, *, cut_off: bool = False) -> Record:
        """Reads and counts what became of an exchange; `cut_off` means that the run's end interrupted it."""
        streamed = self.settings.operation.streams
        completion = read_completion(exchange, streamed=streamed)
        if cut_off:
            completion.end_as(Outcome.UNFINISHED, "cut off by the end of the run")
        self._hide_key(completion)
        self.recorded += 1
        record = make_record(
            exchange,
            completion,
            run_start_ns=self._start_ns,
            worker=self.worker,
            number=self.recorded,
            streamed=streamed,
        )
        self._tally.add(record, self.window)
        self._journal.write(record)
        return record

    def pause_after(self, record: Record, exchange: Exchange) -> None:
        """Waits as long as such an end asks for, at most until the run is over."""
        seconds = pause_s(record.outcome, exchange.headers, dt.datetime.now(dt.UTC))
        if seconds:
            self._over.wait(seconds)

    def stop(self) -> None:
        """Ends the window: requests that still run may end, but none is sent any more."""
        if not self.is_over:
            self.window = Window(self.window.start_ns, self._clock_ns() - self._start_ns)
            self._over.set()

    def close(self) -> None:
        """Ends the run in this process; its requests are all recorded."""
        self.stop()
        self._journal.close()

    def take(self) -> dict[str, Any]:
        """What was counted since the last call, for `Tally.from_wire`."""
        taken, self._tally = self._tally, Tally()
        return taken.to_wire()

    def _hide_key(self, completion: Completion) -> None:
        # a server may quote the key that it refuses
        if completion.detail:
            completion.detail = completion.detail.replace(self._key, "***")
        if completion.finish_reason:
            completion.finish_reason = completion.finish_reason.replace(self._key, "***")
