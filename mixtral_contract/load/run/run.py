"""One run in one process: what its users send, and what becomes of it. Knows the clock; knows no Locust."""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Callable, Generator, Sequence
from time import perf_counter_ns
from typing import Any

from mixtral_contract.load.client.exchange import Exchange
from mixtral_contract.load.costs.payments import Payments
from mixtral_contract.load.counts.counts import RunCounts
from mixtral_contract.load.prompt_files.own_prompt import OwnPrompt
from mixtral_contract.load.reading.clause_checks import applying
from mixtral_contract.load.reading.completion import Completion, reading, returned
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.reading.record import Record, make_record
from mixtral_contract.load.reading.token_check import TokenCheck
from mixtral_contract.load.requests.encoder import RequestWriter
from mixtral_contract.load.requests.generator import ChatRequest, Messages, RequestGenerator
from mixtral_contract.load.run.answer_watch import AnswerWatch
from mixtral_contract.load.run.backoff import pause_s
from mixtral_contract.load.run.request_log import RequestLog
from mixtral_contract.load.settings.settings import Settings
from mixtral_contract.load.units.window import Window
from mixtral_contract.load.workload.arrivals import Arrival, Share
from mixtral_contract.primitives.tokenizer import tokenizer

_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000
_CREDITS = "x-remaining-credits"
_DECIMAL = re.compile(r"\d+(\.\d+)?")
_FUNDS_EVERY_S = 0.05
_HELD_EVERY_S = 1.0
_NEVER = Window(2**63)


class Run:
    """Requests out, records in; `drain_counts` hands over what was counted since the last time.

    The run's clock starts here. Workers on several machines have no clock in common, so each counts from its own start,
    which the master's first job triggers.
    """

    def __init__(
        self,
        settings: Settings,
        key: str,
        *,
        run_id: str,
        share: Share,
        secrets: Sequence[str] = (),
        clock_ns: Callable[[], int] = perf_counter_ns,
    ) -> None:
        self.settings = settings
        self.run_id = run_id
        self.share = share
        self.recorded = 0
        self._secrets = tuple(filter(None, (key, *secrets)))
        self._clock_ns = clock_ns
        self._writer = RequestWriter(settings, key)
        self._workload = RequestGenerator(settings, share)
        self._clauses = applying(settings.operation)
        self._limits_answers = settings.limits_answers
        self._tokens = TokenCheck(tokenizer(settings.contract_model.tokenizer).count)
        self._journal = RequestLog(settings.out, run_id, share.worker)
        self._tally = RunCounts(settings.slo)
        self._over = threading.Event()
        self._under_way: dict[int, Exchange] = {}
        self._payments = Payments(settings.cost, share.workers)
        self.on_spent: Callable[[], None] = lambda: None
        """Called once, when no further request fits into the budget."""
        self._answers = AnswerWatch(settings.give_up_s)
        self._rests = settings.staging is not None
        self._held_until_ns = 0
        self._retry_after_s = 0.0
        self.window = Window(round(settings.warmup_s * _NS_PER_S))
        self._start_ns = clock_ns()

    @property
    def in_flight(self) -> int:
        """How many requests were begun and have not ended; what has is read and recorded a little later."""
        return sum(not each.complete and each.failure is None for each in self._under_way.values())

    @property
    def so_far(self) -> RunCounts:
        """What was counted since `drain_counts` was last called; it goes on counting."""
        return self._tally

    @property
    def is_over(self) -> bool:
        """Whether no further request may be sent."""
        return self._over.is_set()

    @property
    def is_hopeless(self) -> bool:
        """Whether it is to be given up, because nothing answers."""
        stamps_ns = (each.end_ns for each in self._under_way.values() if each.status == 200)
        received_ns = max((stamp_ns for stamp_ns in stamps_ns if stamp_ns is not None), default=None)
        return self._answers.is_hopeless(self.now_ns(), None if received_ns is None else received_ns - self._start_ns)

    @property
    def is_sending(self) -> bool:
        """Whether requests may be sent now: not after the run, nor between its stages."""
        return not self._rests and not self.is_over

    def wait_until_over(self, seconds: float | None = None) -> bool:
        """Waits until no further request may be sent, at most so long; whether that is so."""
        return self._over.wait(seconds)

    def at_ns(self, run_ns: int) -> int:
        """A time of the run on the clock that stamps have."""
        return self._start_ns + run_ns

    def until_s(self, run_ns: int) -> float:
        """Seconds from now to a time of the run, below 0 when it has passed."""
        return (self._start_ns + run_ns - self._clock_ns()) / _NS_PER_S

    def next_ask(
        self, arrival: Arrival | None = None, history: Messages = (), follow_ups: Sequence[OwnPrompt] = ()
    ) -> ChatRequest:
        """What the next request asks; `arrival` is that of an open loop, `history` what was said before.

        `follow_ups` are what a conversation from a file still has to ask.
        """
        return self._workload.next(arrival, history, follow_ups)

    def write(self, ask: ChatRequest) -> bytes:
        """The bytes of a request."""
        return self._writer.write(ask)

    def open_exchange(self, due_ns: int | None = None, asked: ChatRequest | None = None) -> Exchange:
        """An exchange that starts now; `due_ns` is the time of the run at which an open loop wanted it."""
        due_at_ns = None if due_ns is None else self._start_ns + due_ns
        exchange = Exchange(started_ns=self._clock_ns(), due_ns=due_at_ns)
        if asked is not None:
            exchange.asked_tokens = asked.max_tokens if self._limits_answers else None
            exchange.asked_prompt_tokens = asked.prompt_tokens
        self._under_way[id(exchange)] = exchange
        self._answers.ask(self.now_ns())
        return exchange

    def admits(self, arrival: Arrival) -> bool:
        """Whether a request of an open loop may leave now; one that the target asked to wait with is counted."""
        if self._rests:
            return False
        if self._clock_ns() < self._held_until_ns:
            self._tally.hold_back(arrival.due_ns, self._window_of(arrival.due_ns))
            return False
        if not self._reserve():
            self._tally.hold_back(arrival.due_ns, self._window_of(arrival.due_ns))
            return False
        return True

    def wait_while_held(self) -> bool:
        """Waits as long as the target asked to be left alone, whoever was told so; whether requests may leave then."""
        began_ns = self.now_ns()
        while self.is_sending and (held_s := self.held_s):
            self.wait_until_over(min(held_s, _HELD_EVERY_S))
        self._tally.wait_in_vain(began_ns, self.now_ns(), self.window)
        return self.is_sending

    def wait_for_funds(self) -> bool:
        """Waits until the budget has room for one more request of a closed loop; whether it ever has."""
        while not self._reserve():
            if self.wait_until_over(_FUNDS_EVERY_S) or self._rests:
                return False
        return True

    def drop(self, arrival: Arrival, *, was_admitted: bool = True) -> None:
        """Counts a request that was due and is not sent; one that was admitted gives its room in the budget back."""
        if was_admitted:
            self._payments.release()
        self._tally.drop(arrival.due_ns, self._window_of(arrival.due_ns))

    def close_exchange(self, exchange: Exchange, *, cut_off: bool = False) -> Record:
        """Reads and counts what became of an exchange; `cut_off` means that the run's end interrupted it."""
        return returned(self.record_steps(exchange, cut_off=cut_off))

    def record_steps(self, exchange: Exchange, *, cut_off: bool = False) -> Generator[None, None, Record]:
        """As `close_exchange`, in steps between which others may have their turn."""
        streamed = self.settings.operation.streams
        completion = yield from reading(exchange, streamed=streamed, secrets=self._secrets)
        if cut_off:
            completion.end_as(Outcome.UNFINISHED, "cut off by the end of the run")
        tokens = (yield from self._tokens.check(completion)) if completion.outcome is Outcome.OK else None
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
            tokens=tokens,
        )
        self._under_way.pop(id(exchange), None)
        self._answers.end(record, others_wait=bool(self._under_way))
        self._tally.add(record, self._window_of(record.window_ns))
        self._journal.write(record)
        self._pay(record, exchange)
        if record.outcome is Outcome.RATE_LIMITED:
            self._hold(pause_s(record.outcome, exchange.headers, dt.datetime.now(dt.UTC)))
        return record

    def pause_after(self, record: Record, exchange: Exchange) -> None:
        """Waits as long as such an end asks for, at most until the run is over."""
        seconds = pause_s(record.outcome, exchange.headers, dt.datetime.now(dt.UTC))
        if seconds:
            began_ns = self.now_ns()
            try:
                self._over.wait(seconds)
            finally:
                self._tally.wait_in_vain(began_ns, self.now_ns(), self.window)

    def under_way(self) -> list[Exchange]:
        """The requests that were begun and are not recorded yet."""
        return list(self._under_way.values())

    @property
    def held_s(self) -> float:
        """For how many seconds from now the target asked to be left alone."""
        return max(0.0, (self._held_until_ns - self._clock_ns()) / _NS_PER_S)

    def now_ns(self) -> int:
        """The time of the run."""
        return self._clock_ns() - self._start_ns

    def begin_stage(self, window: Window) -> None:
        """Lets requests leave again, and counts them for this window alone."""
        self._tally, self.window = self._tally.as_warmup(), window
        self._retry_after_s = 0.0
        self._rests = self.is_over

    def rest(self) -> None:
        """Lets no further request leave until the next stage."""
        self._rests = True

    def close_window(self) -> None:
        """Ends the stage's window now, where it has not ended yet."""
        end_ns = self.window.end_ns
        now_ns = self.now_ns()
        self.window = Window(self.window.start_ns, now_ns if end_ns is None else min(end_ns, now_ns))

    def end_stage(self) -> tuple[RunCounts, float]:
        """What was counted in the stage, and the longest wait that the target asked for."""
        taken, self._tally = self._tally, RunCounts(self.settings.slo)
        return taken, self._retry_after_s

    def refused(self) -> int:
        """How many requests of the stage the target refused for coming too often."""
        return self._tally.outcomes[Outcome.RATE_LIMITED] + self._tally.warmup_outcomes[Outcome.RATE_LIMITED]

    def was_cut_off(self) -> bool:
        """Whether requests of the stage did not end by themselves."""
        return bool(self._tally.outcomes[Outcome.UNFINISHED] + self._tally.warmup_outcomes[Outcome.UNFINISHED])

    def note_user(self, more: int) -> None:
        """Notes that a user of the closed loop began (1) or left (-1); after the window they all do."""
        if not self.is_over:
            self._tally.users[self.now_ns() // _NS_PER_MS] += more

    def note_lag(self, lag_ms: float, ticks: int) -> None:
        """Counts by how much the loop of this process came late, and how many ticks that swallowed."""
        self._tally.figures["loop_lag_ms"].add(lag_ms, ticks)

    def note_use(self, cpu_s: float, wall_s: float) -> None:
        """Notes what this process has used of a core in the window so far."""
        self._tally.use[str(self.share.worker)] = (cpu_s, wall_s)

    def stop(self) -> None:
        """Ends the window: requests that still run may end, but none is sent any more."""
        if not self.is_over:
            self.close_window()
            self._over.set()
            if self.settings.staging is None and self.window.end_ns is not None:
                self._tally.measured_s = max(0, self.window.end_ns - self.window.start_ns) / _NS_PER_S

    def close(self) -> None:
        """Ends the run in this process; its requests are all recorded."""
        self.stop()
        self._journal.close()
        if self._journal.failure is not None:
            self._tally.counts["log_failed"] = 1

    def drain_counts(self) -> dict[str, Any]:
        """What was counted since the last call, for `RunCounts.from_wire`."""
        taken, self._tally = self._tally, RunCounts(self.settings.slo)
        return taken.to_wire()

    def _window_of(self, time_ns: int) -> Window:
        """The window by which something that belongs to this time is counted; after a stage's it is in none."""
        end_ns = self.window.end_ns
        if self.settings.staging is None or end_ns is None or time_ns < end_ns:
            return self.window
        return _NEVER

    def _reserve(self) -> bool:
        """Whether the budget has room for one more request, which is then taken; an empty one ends the run."""
        if self._payments.reserve():
            return True
        if self._payments.is_empty and not self._tally.counts["out_of_budget"]:
            self._tally.counts["out_of_budget"] = 1
            self._rests = True
            self.on_spent()
        return False

    def _pay(self, record: Record, exchange: Exchange) -> None:
        left = _decimal(exchange.headers.get(_CREDITS, ""))
        if left is not None:
            self._tally.note_credits(left, left)
        self._payments.settle(record, left)

    def _hold(self, seconds: float) -> None:
        self._held_until_ns = max(self._held_until_ns, self._clock_ns() + round(seconds * _NS_PER_S))
        self._retry_after_s = max(self._retry_after_s, seconds)

    def _hide_key(self, completion: Completion) -> None:
        # a server may quote the key that it refuses
        for secret in self._secrets:
            if completion.id:
                completion.id = completion.id.replace(secret, "***")
            if completion.finish_reason:
                completion.finish_reason = completion.finish_reason.replace(secret, "***")


def _decimal(text: str) -> float | None:
    return float(text) if _DECIMAL.fullmatch(text.strip()) else None
