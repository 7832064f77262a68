"""One run in one process: what its users send, and what becomes of it. Knows the clock; knows no Locust."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Generator
from time import perf_counter_ns
from typing import Any

from load._arrivals import Arrival, Share
from load._completion import Completion, reading, returned
from load._exchange import Exchange
from load._journal import Journal
from load._outcome import Outcome
from load._passive import applying
from load._pause import pause_s
from load._record import Record, make_record
from load._request import RequestWriter
from load._settings import Settings
from load._tally import Tally, Window
from load._workload import Ask, Messages, Workload

_NS_PER_S = 1_000_000_000


class Run:
    """Requests out, records in; `take` hands over what was counted since the last time.

    The run's clock starts here. Workers on several machines have no clock in common, so each counts from its own start,
    which the master's first job triggers.
    """

    def __init__(
        self, settings: Settings, key: str, *, run_id: str, share: Share, clock_ns: Callable[[], int] = perf_counter_ns
    ) -> None:
        self.settings = settings
        self.run_id = run_id
        self.share = share
        self.recorded = 0
        self._begun = 0
        self._key = key
        self._clock_ns = clock_ns
        self._writer = RequestWriter(settings, key)
        self._workload = Workload(settings, share)
        self._clauses = applying(settings.operation)
        self._journal = Journal(settings.out, run_id, share.worker)
        self._tally = Tally(settings.slo)
        self._over = threading.Event()
        self.window = Window(round(settings.warmup_s * _NS_PER_S))
        self._start_ns = clock_ns()

    @property
    def in_flight(self) -> int:
        """How many requests were begun and are not recorded yet."""
        return self._begun - self.recorded

    @property
    def so_far(self) -> Tally:
        """What was counted since `take` was last called; it goes on counting."""
        return self._tally

    @property
    def is_over(self) -> bool:
        """Whether no further request may be sent."""
        return self._over.is_set()

    def wait_until_over(self, seconds: float | None = None) -> bool:
        """Waits until no further request may be sent, at most so long; whether that is so."""
        return self._over.wait(seconds)

    def at_ns(self, run_ns: int) -> int:
        """A time of the run on the clock that stamps have."""
        return self._start_ns + run_ns

    def until_s(self, run_ns: int) -> float:
        """Seconds from now to a time of the run, below 0 when it has passed."""
        return (self._start_ns + run_ns - self._clock_ns()) / _NS_PER_S

    def next_ask(self, arrival: Arrival | None = None, history: Messages = ()) -> Ask:
        """What the next request asks; `arrival` is that of an open loop, `history` what was said before."""
        return self._workload.next(arrival, history)

    def write(self, ask: Ask) -> bytes:
        """The bytes of a request."""
        return self._writer.write(ask)

    def open_exchange(self, due_ns: int | None = None) -> Exchange:
        """An exchange that starts now; `due_ns` is the time of the run at which an open loop wanted it."""
        due_at_ns = None if due_ns is None else self._start_ns + due_ns
        self._begun += 1
        return Exchange(started_ns=self._clock_ns(), due_ns=due_at_ns)

    def drop(self, arrival: Arrival) -> None:
        """Counts a request that was due and is not sent."""
        self._tally.drop(arrival.due_ns, self.window)

    def close_exchange(self, exchange: Exchange, *, cut_off: bool = False) -> Record:
        """Reads and counts what became of an exchange; `cut_off` means that the run's end interrupted it."""
        return returned(self.closing(exchange, cut_off=cut_off))

    def closing(self, exchange: Exchange, *, cut_off: bool = False) -> Generator[None, None, Record]:
        """As `close_exchange`, in steps between which others may have their turn."""
        streamed = self.settings.operation.streams
        completion = yield from reading(exchange, streamed=streamed)
        if cut_off:
            completion.end_as(Outcome.UNFINISHED, "cut off by the end of the run")
        completion.broken &= self._clauses
        self._hide_key(completion)
        self.recorded += 1
        record = make_record(
            exchange,
            completion,
            run_start_ns=self._start_ns,
            worker=self.share.worker,
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

    def note_lag(self, lag_ms: float, ticks: int) -> None:
        """Counts by how much the loop of this process came late, and how many ticks that swallowed."""
        self._tally.figures["loop_lag_ms"].add(lag_ms, ticks)

    def note_use(self, cpu_s: float, wall_s: float) -> None:
        """Notes what this process has used of a core in the window so far."""
        self._tally.use[str(self.share.worker)] = (cpu_s, wall_s)

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
        taken, self._tally = self._tally, Tally(self.settings.slo)
        return taken.to_wire()

    def _hide_key(self, completion: Completion) -> None:
        # a server may quote the key that it refuses
        if completion.detail:
            completion.detail = completion.detail.replace(self._key, "***")
        if completion.id:
            completion.id = completion.id.replace(self._key, "***")
        if completion.finish_reason:
            completion.finish_reason = completion.finish_reason.replace(self._key, "***")
