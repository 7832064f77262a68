"""An open loop: every request leaves when it is due, whatever became of those before.

Nothing waits here for a free place: a request that is due while the most allowed are on their way is dropped, and
counted, and so is what this process did not come to send before the end. The loop itself sends: a greenlet per request
would come when the others let it.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from time import perf_counter_ns

import gevent  # type: ignore[import-untyped]  # its stubs are a package of their own
from gevent.event import Event  # type: ignore[import-untyped]

from mixtral_contract.load.client.client import Client
from mixtral_contract.load.client.exchange import Exchange
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.requests.generator import ChatRequest
from mixtral_contract.load.run.closed_loop import said
from mixtral_contract.load.run.record_queue import SLICE_NS
from mixtral_contract.load.run.run import Run
from mixtral_contract.load.run.sender import Sender
from mixtral_contract.load.workload.arrivals import Arrival

_NS_PER_S = 1_000_000_000
_AHEAD = 64
"""So many requests are written before they are due: what that costs is no part of the lag."""

_GRACE_NS = 100_000_000
"""What was due so shortly before the end is not missed when it did not leave: the end came first."""

_AT_ONCE = 32
"""So many leave in one pass of a loop that is behind its schedule; between passes it reads."""


class OpenLoop:
    """Sends the arrivals of one process; a connection that is free is used again.

    `on_sent` is called once, by the loop or by the greenlet that writes, when the last of them has had its turn.
    """

    def __init__(
        self, run: Run, sender: Sender, arrivals: Iterator[Arrival], on_sent: Callable[[], None] = lambda: None
    ) -> None:
        self._run = run
        self._on_sent = on_sent
        self._all_written = self._all_said = False
        self._to_read = 0
        """How many turns of conversations were answered and may still have another one."""
        self._sender = sender
        self._has_turns = run.settings.turns > 1
        self._arrivals = arrivals
        self._written: deque[tuple[Arrival, ChatRequest, bytes]] = deque()
        self._is_waiting = False
        self._idle: list[Client] = []
        self._on_their_way: dict[Client, Exchange] = {}
        self._room = Event()
        self._returned = Event()
        self._writing = gevent.spawn(self._write)

    def drain(self, timeout_s: float) -> None:
        """Waits for the requests that are on their way, at most so long; those left are cut off, and recorded so."""
        self._writing.kill()
        self._count_missed()
        # what was written ahead belongs to what is over, also where another pump goes on
        self._written.clear()
        with gevent.Timeout(timeout_s, exception=False):
            while self._on_their_way:
                self._returned.clear()
                self._returned.wait()
        for client, exchange in list(self._on_their_way.items()):
            client.cut_off()
            client.close()
            self._sender.settle(exchange, cut_off=True)
        self._on_their_way.clear()
        for client in self._idle:
            client.close()

    def _count_missed(self) -> None:
        """Counts what was due in the window and never left, because this process was behind its schedule."""
        end_ns = self._run.window.end_ns
        written = (arrival for arrival, _, _ in self._written)
        for arrival in itertools.chain(written, self._arrivals):
            if end_ns is None or arrival.due_ns >= end_ns - _GRACE_NS:
                break
            self._run.drop(arrival, was_admitted=False)

    def _write(self) -> None:
        """Keeps requests written ahead; in between, sockets are read."""
        slice_ends_ns = perf_counter_ns() + SLICE_NS
        for arrival in self._arrivals:
            ask = self._run.next_ask(arrival)
            self._written.append((arrival, ask, self._run.write(ask)))
            self._wait_for_next()
            while len(self._written) >= _AHEAD:
                self._room.clear()
                self._room.wait()
            if perf_counter_ns() >= slice_ends_ns:
                self._sender.loop.turn()
                slice_ends_ns = perf_counter_ns() + SLICE_NS
        self._all_written = True
        self._say_sent()

    def _say_sent(self) -> None:
        goes_on = self._has_turns and (self._on_their_way or self._to_read)
        if self._all_written and not self._written and not goes_on and not self._all_said and not self._run.is_over:
            self._all_said = True
            self._on_sent()

    def _wait_for_next(self) -> None:
        if self._written and not self._is_waiting:
            self._is_waiting = True
            self._sender.loop.at(self._run.at_ns(self._written[0][0].due_ns), self._send_due)

    def _send_due(self) -> None:
        """Sends what is due; called by the loop."""
        self._is_waiting = False
        for _ in range(_AT_ONCE):
            if (
                self._run.is_over
                or not self._written
                or self._run.at_ns(self._written[0][0].due_ns) > perf_counter_ns()
            ):
                break
            self._send(*self._written.popleft())
        self._room.set()
        if not self._run.is_over:
            self._wait_for_next()
        self._say_sent()

    def _send(self, arrival: Arrival, ask: ChatRequest, request: bytes) -> None:
        if not self._run.admits(arrival):
            return
        if len(self._on_their_way) >= self._run.settings.max_in_flight:
            self._run.drop(arrival)
            return
        client = self._idle.pop() if self._idle else self._sender.client()
        exchange = self._on_their_way[client] = self._run.open_exchange(arrival.due_ns, ask)
        client.begin(request, exchange, lambda: self._ended(client, ask))

    def _ended(self, client: Client, ask: ChatRequest) -> None:
        exchange = self._on_their_way.pop(client, None)
        if exchange is None:  # cut off meanwhile
            return
        self._idle.append(client)
        if self._has_turns:
            self._to_read += 1
            gevent.spawn(self._go_on, ask, exchange)
        else:
            self._sender.settle(exchange)
        self._returned.set()

    def _go_on(self, ask: ChatRequest, exchange: Exchange) -> None:
        """Has an answer read, and the next turn of its conversation sent: due when it has been thought about."""
        run = self._run
        record = self._sender.record(exchange)
        history = said(run.settings, ask, exchange) if record.outcome is Outcome.OK else ()
        if not history or exchange.end_ns is None or run.is_over:
            self._turn_is_over()
            return
        due_ns = exchange.end_ns - run.at_ns(0) + round(run.settings.think_s * _NS_PER_S)
        turn = run.next_ask(history=history, follow_ups=ask.follow_ups)
        request = run.write(turn)
        self._sender.loop.at(run.at_ns(due_ns), lambda: self._send_turn(Arrival(due_ns), turn, request))

    def _send_turn(self, arrival: Arrival, ask: ChatRequest, request: bytes) -> None:
        if not self._run.is_over:
            self._send(arrival, ask, request)
        self._turn_is_over()

    def _turn_is_over(self) -> None:
        """One answer less is waiting for what follows it; what was sent meanwhile is on its way."""
        self._to_read -= 1
        self._say_sent()
