"""The HTTP/1.1 client of one user, or of one place in an open loop: one exchange at a time, on a kept connection.

A client library in between would cost time before the stamps: they build the request after their clock has started, and
glue what separate `recv` calls returned.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns

import gevent  # type: ignore[import-untyped]  # its stubs are a package of their own
from gevent.event import Event  # type: ignore[import-untyped]
from httptools import HttpParserError

from mixtral_contract.load.client.connection import Connection
from mixtral_contract.load.client.deadlines import Deadline
from mixtral_contract.load.client.event_loop import Loop
from mixtral_contract.load.client.exchange import Exchange, ExchangeReader
from mixtral_contract.load.client.resolver import Destination

_NS_PER_S = 1_000_000_000


class Client:
    """Performs one exchange at a time and keeps the connection where the server allows it.

    `resends` allows it to send a request a second time when the server closed the kept connection without a byte of an
    answer. Not where a completion may be billed: nobody knows whether the first one was.
    """

    def __init__(self, loop: Loop, destination: Destination, timeout_s: float, *, resends: bool = True) -> None:
        self._loop = loop
        self._destination = destination
        self._timeout_s = timeout_s
        self._resends = resends
        self._connection: Connection | None = None
        self._is_open = False
        self._request = b""
        self._exchange: Exchange | None = None
        self._reader: ExchangeReader | None = None
        self._deadline: Deadline | None = None
        self._connecting_ns: int | None = None

    def perform(self, request: bytes, exchange: Exchange) -> None:
        """Sends the request and reads its answer into the exchange, while other greenlets go on.

        What network and server do wrong ends in the exchange too; the end of the run raises, and cuts it off.
        """
        ended = Event()
        self.begin(request, exchange, ended.set)
        try:
            ended.wait()
        except BaseException:
            self.cut_off()
            raise

    def begin(self, request: bytes, exchange: Exchange, ended: Callable[[], None]) -> None:
        """Sends the request and calls `ended` from the loop when the exchange is over, whatever it came to."""
        self._request, self._exchange, self._ended = request, exchange, ended
        self._reader = None
        self._deadline = self._loop.at(perf_counter_ns() + round(self._timeout_s * _NS_PER_S), self._time_out)
        if self._is_open:
            self._connecting_ns = None
            self._ask(exchange)
        elif self._destination.addresses:
            self._connect()
        else:
            gevent.spawn(self._resolve, exchange)

    def cut_off(self) -> None:
        """Ends the exchange that is under way, without calling anybody."""
        self._ended = _nobody
        self._end(None)

    def close(self) -> None:
        """Closes the connection, if there is one."""
        self._is_open = False
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _resolve(self, exchange: Exchange) -> None:
        failure = None
        try:
            self._destination.resolve()
        except OSError as error:
            failure = f"{type(error).__name__}: {error}"
        if self._exchange is not exchange:  # its time is over
            return
        if failure is None:
            self._connect()
        else:
            self._end(failure)

    def _connect(self) -> None:
        self.close()
        self._connecting_ns = perf_counter_ns()
        self._connection = Connection(
            self._loop,
            self._destination,
            on_open=self._on_open,
            on_received=self._on_received,
            on_end=self._on_end,
        )

    def _ask(self, exchange: Exchange) -> None:
        assert self._connection is not None
        self._reader = ExchangeReader(exchange)
        exchange.sent_ns = perf_counter_ns()
        self._connection.send(self._request)

    def _on_open(self) -> None:
        exchange = self._exchange
        assert exchange is not None
        assert self._connecting_ns is not None
        self._is_open = True
        exchange.connect_ns = perf_counter_ns() - self._connecting_ns
        self._ask(exchange)

    def _on_received(self, received: bytes, now_ns: int) -> None:
        exchange = self._exchange
        if exchange is None or self._reader is None:
            # nobody asked: whatever this connection says next cannot be believed
            self.close()
            return
        try:
            self._reader.feed(received, now_ns)
        except HttpParserError as error:
            self._end(f"{type(error).__name__}: {error}")
            return
        if exchange.complete:
            self._end(None)

    def _on_end(self, error: Exception | None) -> None:
        exchange, self._connection = self._exchange, None
        self._is_open = False
        if exchange is None:
            return  # a kept connection that the server no longer keeps
        if self._reader is not None and self._reader.end():
            # without a length a reset is an end, too, and all that tells it from a cut
            self._end(None if error is None else f"{type(error).__name__}: {error}")
        elif self._reader is not None and self._connecting_ns is None and exchange.first_byte_ns is None:
            self._on_unanswered(exchange)
        else:
            error = error or ConnectionError("closed before the end of the answer")
            self._end(f"{type(error).__name__}: {error}")

    def _on_unanswered(self, exchange: Exchange) -> None:
        """The server closed the kept connection while the request was on its way to it.

        A failure of neither, which every client that keeps connections meets.
        Source: RFC 9112 section 9.3.1; RFC 9110 section 9.2.2, a POST is not to be repeated without knowing better.
        """
        if self._resends:
            exchange.sent_again = True
            self._connect()
        else:
            exchange.unanswered = True
            self._end("the kept connection was closed without an answer; not sent again, for it may have been billed")

    def _time_out(self) -> None:
        if self._exchange is not None:
            self._exchange.timed_out = True
        self._deadline = None
        self._end(f"no end after {self._timeout_s:g} s")

    def _end(self, failure: str | None) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            return
        if self._deadline is not None:
            self._loop.cancel(self._deadline)
            self._deadline = None
        exchange.failure = failure
        if not exchange.complete or exchange.end_ns is None:
            exchange.end_ns = perf_counter_ns()
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        sending = self._connection is not None and self._connection.is_sending
        if failure or not exchange.complete or not exchange.reusable or sending:
            self.close()
        self._loop.soon(self._ended)


def _nobody() -> None:
    """Whom a cut exchange is told to."""
