"""Replies on their way out of a connection: completions at the pace of the engine, all else at once.

The writing side of a connection; what is read, and what comes behind a reply, is for who derives from it to say. They
are one object, because a stream's every token passes here.
"""

from __future__ import annotations

import abc
import asyncio

from mixtral_contract.mock.http import response_encoder as framing
from mixtral_contract.mock.http.incident_writer import IncidentWriter
from mixtral_contract.mock.http.request_parser import Received
from mixtral_contract.mock.http.response_encoder import DateField
from mixtral_contract.mock.http.stream_writer import StreamWriter
from mixtral_contract.mock.journal import journal
from mixtral_contract.mock.messages.messages import Outgoing, Reply
from mixtral_contract.mock.service.exchange import Exchange, JournaledReply
from mixtral_contract.mock.service.mock import Mock
from mixtral_contract.mock.timing.engine import Generation


class ReplyWriter(abc.ABC):
    """The one reply that is under way over a connection, if any."""

    _transport: asyncio.Transport

    def __init__(self, mock: Mock, date: DateField) -> None:
        self._mock = mock
        self._date = date
        self._pacer = mock.pacer()
        self._journaled: JournaledReply | None = None
        self._stream: StreamWriter | None = None
        self._incident_writer: IncidentWriter | None = None
        self._write_paused = False

    @abc.abstractmethod
    def _done(self, *, close: bool, amid_request: bool) -> None:
        """The reply is out; whether the connection is to be closed, and whether its client may still be sending."""

    @abc.abstractmethod
    def _forget(self) -> None:
        """The reply was cut off: nothing more is answered."""

    # completions

    def _complete(self, exchange: Exchange, received: Received) -> None:
        """Bills and writes a completion of which every token is due as soon as it is asked for."""
        reply = exchange.complete()
        if not reply.tokens:
            self._send(reply, received)
            return
        if reply.disturbed is not None:
            self._queue(exchange, received, reply)
            return
        date, close = self._date(exchange.entry.decided_ns), False
        data = framing.undisturbed(reply, received, date)
        if data is None:
            made = framing.outgoing(reply, received, date)
            data, close = framing.joined(made), made.close
        self._transport.write(data)
        self._journaled = None
        exchange.left_at_once(reply.tokens, len(data))
        self._done(close=close, amid_request=False)

    def _queue(self, exchange: Exchange, received: Received, settled: Reply | None = None) -> None:
        """Asks the engine for the completion's turn."""
        self._stream = StreamWriter(exchange, received)
        exchange.start(self._pacer, on_turn=self._begin, deliver=self._deliver, settled=settled)

    def _begin(self, reply: Reply) -> None:
        """The completion's turn, or the refusal in its place."""
        stream = self._stream
        assert stream is not None
        if not reply.tokens:
            self._stream = None
            self._send(reply, stream.received)
            return
        made = framing.outgoing(reply, stream.received, self._date())
        stream.make(made, streams=reply.frames is not None)
        stream.held = self._write_paused
        if made.disturbed is not None:
            self._incident_writer = self._disturb(made, stream.generation)
        elif made.chunked:
            stream.use_fast_path(self._transport.write, self._mock.clock)

    # replies

    def _send(self, reply: Reply, received: Received | None) -> None:
        """Writes a reply that waits for nothing."""
        made = framing.outgoing(reply, received, self._date())
        if made.disturbed is not None:
            self._incident_writer = self._disturb(made, None)
            self._incident_writer.deliver(len(made.frames), finished=True)
            return
        self._write(framing.joined(made))
        self._end()
        self._done(close=made.close, amid_request=received is None)

    def _disturb(self, made: Outgoing, generation: Generation | None) -> IncidentWriter:
        """What sends a disturbed reply: a completion's with its generation, another with None."""

        def sent(count: int) -> None:
            if generation is not None:
                generation.sent.append(count, self._mock.clock())

        def over() -> None:
            self._incident_writer = None
            self._stream = None
            self._end()
            self._done(close=made.close, amid_request=False)

        def cut() -> None:
            # nothing more is answered: the connection is busy until it is lost
            self._forget()
            self._end(journal.CUT)

        return IncidentWriter(
            self._transport, made, write=self._write, paused=lambda: self._write_paused, sent=sent, over=over, cut=cut
        )

    def _deliver(self) -> None:
        """Writes what is due and has not left; what a slow client holds up leaves when it reads again.

        A stream is promised as soon as it is decided: its head leaves before its first token is due.
        """
        stream = self._stream
        if stream is None or stream.made is None:
            return
        made, generation = stream.made, stream.generation
        if self._incident_writer is not None and (stream.streams or generation.due):
            self._incident_writer.deliver(generation.due, finished=generation.finished)
        if self._incident_writer is not None or self._stream is None or self._write_paused:
            return
        if generation.due == stream.frames:
            if stream.streams and stream.head:
                self._write(stream.head)
                stream.head = b""
            return
        first, due = stream.frames, generation.due
        data = made.frames[first] if due == first + 1 else b"".join(made.frames[first:due])
        if made.chunked:
            data = framing.chunk(data)
        finished = due == generation.tokens
        if stream.head or finished:
            data = stream.head + data + (made.end if finished else b"")
            stream.head = b""
        stream.frames = due
        generation.sent.append(due, self._write(data))
        if finished:
            self._stream = None
            self._end()
            self._done(close=made.close, amid_request=False)

    def _write(self, data: bytes) -> int:
        """Hands bytes to the socket; the time after that."""
        self._transport.write(data)
        return self._mock.clock() if self._journaled is None else self._journaled.wrote(len(data))

    def _end(self, how: str | None = None) -> None:
        """Writes down how the answer ended; None when all of it is out."""
        journaled, self._journaled = self._journaled, None
        if journaled is not None:
            journaled.end(how)
