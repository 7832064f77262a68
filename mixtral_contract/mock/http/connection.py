"""HTTP/1.1 connections: the event loop's side of the parser, the exchange and the engine, above the reply writer.

Owns every byte that leaves and when. A request that comes before its turn (pipelining) waits and stops the reading, so
that a client cannot fill the memory; a client that does not read stops the writing. A client that takes too long over
a request is told so, and one that does nothing at all loses its connection.
"""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from collections.abc import Callable
from typing import Any, cast

from mixtral_contract.mock.http import request_parser as http1
from mixtral_contract.mock.http import response_encoder as framing
from mixtral_contract.mock.http.body_reader import BodyReader, Reading
from mixtral_contract.mock.http.reply_writer import ReplyWriter
from mixtral_contract.mock.http.request_parser import Heads, Malformed, Reader, Received
from mixtral_contract.mock.http.response_encoder import DateField
from mixtral_contract.mock.journal import journal
from mixtral_contract.mock.messages.limits import Patience, Phase
from mixtral_contract.mock.messages.messages import Answer, Reply
from mixtral_contract.mock.service.exchange import Exchange, ProtocolRefusal
from mixtral_contract.mock.service.mock import Mock

_LINGER_S = 2.0
"""How long a connection that was ended amid a request is still read from (RFC 9112 section 9.6)."""


def protocol(mock: Mock) -> Callable[..., asyncio.Protocol]:
    """Makes the connections of a uvicorn server; stands where its protocol class would."""
    date, heads, bodies = DateField(mock.clock), http1.heads(), BodyReader()

    def connect(*, server_state: Any, **_others: Any) -> Connection:
        return Connection(mock, date, server_state.connections, heads, bodies)

    return connect


class Connection(ReplyWriter, asyncio.Protocol):
    """One connection; requests are answered one after the other."""

    def __init__(
        self,
        mock: Mock,
        date: DateField,
        connections: set[Any],
        heads: Heads | None = None,
        bodies: BodyReader | None = None,
    ) -> None:
        super().__init__(mock, date)
        self._connections = connections
        self._number = next(mock.connections)
        self._reader = Reader(mock.limits, heads)
        self._bodies = bodies or BodyReader()
        self._reading: Reading | None = None
        self._waiting: deque[Received | Malformed] = deque()
        self._busy = False
        self._advancing = False
        self._read_paused = False
        self._last = False
        self._lost = False
        self._linger: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._patience = Patience(mock.limits)

    # the event loop's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's do not derive from it
        self._connections.add(self)
        self._watch = self._loop.call_later(self._patience.look_s, self._look)

    def connection_lost(self, _error: Exception | None) -> None:
        """The client is gone: what was on its way to it stops."""
        self._lost = True
        self._connections.discard(self)
        self._waiting.clear()
        self._watch.cancel()
        self._stream = None
        if self._reading is not None:
            self._reading.abandon()
        if self._incident_writer is not None:
            self._incident_writer.stop()
        self._reader.close()
        self._end(journal.SERVER_STOPPED if self._last else journal.CLIENT_LEFT)
        if self._linger is not None:
            self._linger.cancel()

    def data_received(self, data: bytes) -> None:
        """The client sent something."""
        self._waiting.extend(self._reader.feed(data))
        self._advance()

    def eof_received(self) -> None:
        """The client closed its side, as clients do that go away."""
        if self._stream is not None:
            self._end(journal.CLIENT_LEFT)

    def pause_writing(self) -> None:
        """The client reads more slowly than it is written to."""
        self._write_paused = True
        if self._stream is not None:
            self._stream.held = True

    def resume_writing(self) -> None:
        """The client caught up."""
        self._write_paused = False
        if self._stream is not None:
            self._stream.held = False
        if self._incident_writer is not None:
            self._incident_writer.resume()
        else:
            self._deliver()
        self._advance()

    def shutdown(self) -> None:
        """The server stops: the reply under way is the last."""
        self._last = True
        if not self._busy:
            self._transport.close()

    # time

    def _look(self) -> None:
        """Looks whether the connection went on, and ends it when it has not for too long."""
        if self._write_paused:
            progress = Phase.UNREAD, self._transport.get_write_buffer_size(), 0
        else:
            progress = (Phase.ANSWER, 0, 0) if self._busy else self._reader.progress
        left_s = self._patience.left_s(progress, self._loop.time())
        if left_s <= 0 and progress[0] in (Phase.HEAD, Phase.BODY):
            self._waiting.extend(self._reader.expire())
            self._advance()
            return
        if left_s <= 0:
            # what could not be written until now will not be
            (self._transport.abort if self._write_paused or self._transport.is_closing() else self._transport.close)()
            left_s = self._patience.look_s
        self._watch = self._loop.call_later(min(self._patience.look_s, left_s), self._look)

    # requests

    def _advance(self) -> None:
        """Answers what waits, one after the other, without recursion."""
        if self._advancing:
            return
        self._advancing = True
        try:
            while self._waiting and not self._busy and not self._write_paused:
                self._answer(self._waiting.popleft())
        finally:
            self._advancing = False
        if not self._lost and bool(self._waiting) != self._read_paused:
            self._read_paused = not self._read_paused
            (self._transport.pause_reading if self._read_paused else self._transport.resume_reading)()
        if self._reader.awaits_continue and not self._busy:
            self._reader.awaits_continue = False
            self._transport.write(framing.CONTINUE)

    def _answer(self, received: Received | Malformed) -> None:
        self._busy = True
        mock = self._mock
        if isinstance(received, Malformed):
            refusal = ProtocolRefusal(mock, received.status, received.message, received.path, self._number)
            self._journaled = refusal
            self._send(refusal.reply, None)
            return
        request = received.request
        known = request.head is not None and request.head.admission
        if not known and not mock.service.contract.at(request.path):
            aside = mock.routes.answer(request, self._peer())
            if aside is not None:
                self._answer_aside(aside, received)
                return
        exchange = self._journaled = Exchange(mock, request, self._number)
        refused = exchange.admit()
        if refused is not None:
            self._send(refused, received)
        else:
            self._reading = self._bodies.read(exchange, functools.partial(self._generate, exchange, received))

    def _answer_aside(self, aside: Answer, received: Received) -> None:
        """Answers what is not of the contract; what takes long in another thread."""
        if isinstance(aside, Reply):
            self._send(aside, received)
            return
        rendering = self._loop.run_in_executor(None, aside)
        rendering.add_done_callback(lambda done: None if self._lost else self._send(done.result(), received))

    def _peer(self) -> str | None:
        address = self._transport.get_extra_info("peername")
        return address[0] if isinstance(address, tuple) else None

    def _generate(self, exchange: Exchange, received: Received, refused: Reply | None) -> None:
        """Hands the completion to the engine, unless the call is refused."""
        self._reading = None
        refused = exchange.prepare(refused)
        if refused is not None:
            self._send(refused, received)
        elif self._pacer.engine.is_instant and not exchange.has_own_pace:
            self._complete(exchange, received)
        else:
            self._queue(exchange, received)

    # what comes behind a reply

    def _forget(self) -> None:
        self._waiting.clear()

    def _done(self, *, close: bool, amid_request: bool) -> None:
        self._busy = False
        if not close and not self._last:
            self._advance()
            return
        self._waiting.clear()
        if amid_request:
            # closing at once would reset the connection under a client that still sends, and lose the refusal
            if self._transport.can_write_eof():
                self._transport.write_eof()
            self._watch.cancel()
            self._linger = self._loop.call_later(_LINGER_S, self._transport.close)
        else:
            self._transport.close()
