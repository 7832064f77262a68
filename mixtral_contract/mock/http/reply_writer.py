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
from mixtral_contract.mock.journal.journal import Entry
from mixtral_contract.mock.messages.messages import Outgoing, Reply
from mixtral_contract.mock.service import journaling as recorder
from mixtral_contract.mock.service.call import Call
from mixtral_contract.mock.service.mock import Mock
from mixtral_contract.mock.timing.engine import Generation, Overload


class ReplyWriter(abc.ABC):
    """The one reply that is under way over a connection, if any."""

    _transport: asyncio.Transport

    def __init__(self, mock: Mock, date: DateField) -> None:
        self._mock = mock
        self._date = date
        self._pacer = mock.pacer()
        self._entry: Entry | None = None
        self._sending: StreamWriter | None = None
        self._player: IncidentWriter | None = None
        self._write_paused = False

    @abc.abstractmethod
    def _done(self, *, close: bool, amid_request: bool) -> None:
        """The reply is out; whether the connection is to be closed, and whether its client may still be sending."""

    @abc.abstractmethod
    def _forget(self) -> None:
        """The reply was cut off: nothing more is answered."""

    # completions

    def _generation(self, call: Call) -> Generation:
        return Generation(
            tokens=call.completion.steps,
            prompt_tokens=call.script.prompt_tokens,
            begin=self._begin,
            deliver=self._deliver,
            refuse=self._refuse,
        )

    def _queue(self, sending: StreamWriter) -> None:
        """Asks the engine for the completion's turn."""
        self._sending = sending
        if self._entry is not None:
            recorder.identify(self._entry, sending.call)
            self._entry.generation = sending.generation
        self._pacer.start(sending.generation, sending.call.now_ns)

    def _complete(self, received: Received, call: Call) -> None:
        """Bills and writes a completion of which every token is due as soon as it is asked for."""
        reply = self._mock.service.settle(call)
        if not reply.tokens:
            self._send_refusal(reply, received, call)
            return
        if reply.disturbed is not None:
            self._queue(StreamWriter(call, received, self._generation(call), reply))
            return
        decided_ns, entry = self._mock.clock(), self._entry
        if entry is not None:
            recorder.identify(entry, call)
            recorder.decide(entry, reply, None, decided_ns)
        date, close = self._date(decided_ns), False
        data = framing.undisturbed(reply, received, date)
        if data is None:
            made = framing.outgoing(reply, received, date)
            data, close = framing.joined(made), made.close
        self._transport.write(data)
        if entry is not None:
            self._entry = None
            entry.left_at_once(reply.tokens, self._mock.clock(), len(data))
            self._mock.journal.end(entry, recorder.ending(entry), entry.head_ns or 0)
        self._done(close=close, amid_request=False)

    def _end_sending(self) -> StreamWriter | None:
        """The completion under way is so no more; None when there was none."""
        sending, self._sending = self._sending, None
        if sending is not None:
            sending.end()
        return sending

    # replies

    def _send_refusal(self, refused: Reply, received: Received, call: Call) -> None:
        """Writes a refusal, also in the journal."""
        if self._entry is not None:
            recorder.identify(self._entry, call)
            recorder.decide(self._entry, refused, call.refused_at, self._mock.clock())
        self._send(refused, received)

    def _send(self, reply: Reply, received: Received | None) -> None:
        """Writes a reply that waits for nothing."""
        made = framing.outgoing(reply, received, self._date())
        if made.disturbed is not None:
            self._player = self._play(made, None)
            self._player.deliver(len(made.frames), finished=True)
            return
        self._write(framing.joined(made))
        self._end_entry()
        self._done(close=made.close, amid_request=received is None)

    def _begin(self) -> None:
        """The completion's turn: it is billed."""
        sending = self._sending
        assert sending is not None
        generation = sending.generation
        reply = sending.settled or self._mock.service.settle(sending.call)
        if not reply.tokens:
            self._drop(reply)
            return
        generation.tokens, generation.together = reply.tokens, reply.together or reply.frames is None
        made = framing.outgoing(reply, sending.received, self._date())
        sending.make(made, streams=reply.frames is not None)
        sending.held = self._write_paused
        if made.disturbed is not None:
            self._player = self._play(made, generation)
        elif made.chunked:
            sending.shorten(self._transport.write, self._mock.clock)
        if self._entry is not None:
            recorder.decide(self._entry, reply, None, self._mock.clock())

    def _refuse(self, overload: Overload) -> None:
        """The completion gets no turn."""
        assert self._sending is not None
        self._drop(self._mock.service.overloaded(self._sending.call, overload))

    def _drop(self, refused: Reply) -> None:
        """Sends a refusal in the place of the completion."""
        sending = self._end_sending()
        assert sending is not None
        self._pacer.cancel(sending.generation)
        self._send_refusal(refused, sending.received, sending.call)

    def _play(self, made: Outgoing, generation: Generation | None) -> IncidentWriter:
        """What sends a disturbed reply: a completion's with its generation, another with None."""

        def sent(count: int) -> None:
            if generation is not None:
                generation.sent.append(count, self._mock.clock())

        def over() -> None:
            self._player = None
            self._end_sending()
            self._end_entry()
            self._done(close=made.close, amid_request=False)

        def cut() -> None:
            # nothing more is answered: the connection is busy until it is lost
            self._forget()
            self._end_entry(journal.CUT)
            if generation is not None:
                self._pacer.cancel(generation)

        return IncidentWriter(
            self._transport, made, write=self._write, paused=lambda: self._write_paused, sent=sent, over=over, cut=cut
        )

    def _deliver(self) -> None:
        """Writes what is due and has not left; what a slow client holds up leaves when it reads again.

        A stream is promised as soon as it is decided: its head leaves before its first token is due.
        """
        sending = self._sending
        if sending is None or sending.made is None:
            return
        made, generation = sending.made, sending.generation
        if self._player is not None and (sending.streams or generation.due):
            self._player.deliver(generation.due, finished=generation.finished)
        if self._player is not None or self._sending is None or self._write_paused:
            return
        if generation.due == sending.frames:
            if sending.streams and sending.head:
                self._write(sending.head)
                sending.head = b""
            return
        first, due = sending.frames, generation.due
        data = made.frames[first] if due == first + 1 else b"".join(made.frames[first:due])
        if made.chunked:
            data = framing.chunk(data)
        finished = due == generation.tokens
        if sending.head or finished:
            data = sending.head + data + (made.end if finished else b"")
            sending.head = b""
        sending.frames = due
        generation.sent.append(due, self._write(data))
        if finished:
            self._end_sending()
            self._end_entry()
            self._done(close=made.close, amid_request=False)

    def _write(self, data: bytes) -> int:
        """Hands bytes to the socket; the time after that."""
        self._transport.write(data)
        now_ns = self._mock.clock()
        entry = self._entry
        if entry is not None:
            entry.wrote(len(data), now_ns)
        return now_ns

    def _end_entry(self, end: str | None = None) -> None:
        """Writes down how the answer ended; None when all of it is out."""
        entry, self._entry = self._entry, None
        if entry is not None:
            self._mock.journal.end(entry, end or recorder.ending(entry), self._mock.clock())
