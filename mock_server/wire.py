"""HTTP/1.1 connections: the event loop's side of `http1`, `framing`, the service and the engine.

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

from mock_server import framing, http1, journal, recorder
from mock_server.checks import Call
from mock_server.control import Answer
from mock_server.engine import Generation, Overload
from mock_server.framing import DateField
from mock_server.http1 import Heads, Malformed, Reader, Received
from mock_server.journal import Entry
from mock_server.limits import Patience, Phase
from mock_server.message import Outgoing, Reply
from mock_server.mock import Mock
from mock_server.player import Player
from mock_server.sending import Sending

LONG_BODY_BYTES = 8 * 1024
"""From this size on a body is read in another thread: a thousand prompt tokens cost about a millisecond."""

_LINGER_S = 2.0
"""How long a connection that was ended amid a request is still read from (RFC 9112 section 9.6)."""


def protocol(mock: Mock) -> Callable[..., asyncio.Protocol]:
    """Makes the connections of a uvicorn server; stands where its protocol class would."""
    date, heads = DateField(mock.clock), http1.heads()

    def connect(*, server_state: Any, **_others: Any) -> Connection:
        return Connection(mock, date, server_state.connections, heads)

    return connect


class Connection(asyncio.Protocol):
    """One connection; requests are answered one after the other."""

    def __init__(self, mock: Mock, date: DateField, connections: set[Any], heads: Heads | None = None) -> None:
        self._mock = mock
        self._date = date
        self._pacer = mock.pacer()
        self._connections = connections
        self._number = next(mock.connections)
        self._entry: Entry | None = None
        self._reader = Reader(mock.limits, heads)
        self._waiting: deque[Received | Malformed] = deque()
        self._busy = False
        self._advancing = False
        self._sending: Sending | None = None
        self._player: Player | None = None
        self._write_paused = False
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
        if self._sending is not None:
            self._leave(self._sending)
        if self._player is not None:
            self._player.stop()
        self._end_entry(journal.SERVER_STOPPED if self._last else journal.CLIENT_LEFT)
        if self._linger is not None:
            self._linger.cancel()

    def data_received(self, data: bytes) -> None:
        """The client sent something."""
        self._waiting.extend(self._reader.feed(data))
        self._advance()

    def eof_received(self) -> None:
        """The client closed its side, as clients do that go away."""
        if self._sending is not None:
            self._leave(self._sending)
            self._end_entry(journal.CLIENT_LEFT)

    def _leave(self, sending: Sending) -> None:
        """The client gives the completion up."""
        self._pacer.cancel(sending.generation)
        self._mock.service.abandon(sending.call)

    def pause_writing(self) -> None:
        """The client reads more slowly than it is written to."""
        self._write_paused = True
        if self._sending is not None:
            self._sending.held = True

    def resume_writing(self) -> None:
        """The client caught up."""
        self._write_paused = False
        if self._sending is not None:
            self._sending.held = False
        if self._player is not None:
            self._player.play()
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
        mock, service, now_ns = self._mock, self._mock.service, self._mock.clock()
        if isinstance(received, Malformed):
            refused = service.refuse_protocol(received.status, received.message, received.path)
            self._entry = mock.journal.begin(recorder.malformed(received.path, now_ns, self._number))
            recorder.decide(self._entry, refused, recorder.PROTOCOL, now_ns)
            self._send(refused, None)
            return
        request = received.request
        known = request.head is not None and request.head.admission
        if not known and not service.contract.at(request.path):
            aside = mock.side.answer(request, self._peer())
            if aside is not None:
                self._answer_aside(aside, received)
                return
        self._entry = mock.journal.begin(recorder.received(request, now_ns, self._number))
        call = Call(request, now_ns)
        refused_call = service.admit(call)
        if refused_call is not None:
            self._send_refusal(refused_call, received, call)
        elif len(request.body) < LONG_BODY_BYTES:
            self._generate(service.read(call), received, call)
        else:
            reading = self._loop.run_in_executor(None, service.read, call)
            reading.add_done_callback(functools.partial(self._read_elsewhere, received, call))

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

    def _read_elsewhere(self, received: Received, call: Call, reading: asyncio.Future[Reply | None]) -> None:
        if not self._lost:
            self._generate(reading.result(), received, call)

    def _generate(self, refused: Reply | None, received: Received, call: Call) -> None:
        """Hands the completion to the engine, unless the call is refused."""
        refused = refused or self._mock.service.prepare(call)
        if refused is not None:
            self._send_refusal(refused, received, call)
        elif self._pacer.engine.is_instant:
            self._complete(received, call)
        else:
            self._queue(Sending(call, received, self._generation(call)))

    def _generation(self, call: Call) -> Generation:
        return Generation(
            tokens=call.completion.steps,
            prompt_tokens=call.script.prompt_tokens,
            begin=self._begin,
            deliver=self._deliver,
            refuse=self._refuse,
        )

    def _queue(self, sending: Sending) -> None:
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
            self._queue(Sending(call, received, self._generation(call), reply))
            return
        decided_ns, entry = self._mock.clock(), self._entry
        if entry is not None:
            recorder.identify(entry, call)
            recorder.decide(entry, reply, None, decided_ns)
        made = framing.outgoing(reply, received, self._date(decided_ns))
        data = made.frames[0] if len(made.frames) == 1 else b"".join(made.frames)
        data = b"".join((made.head, framing.chunk(data) if made.chunked else data, made.end))
        self._transport.write(data)
        if entry is not None:
            self._entry = None
            entry.at_once(reply.tokens, call.now_ns, self._mock.clock(), len(data))
            self._mock.journal.end(entry, recorder.ending(entry), entry.head_ns or 0)
        self._done(close=made.close, amid_request=False)

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
        data = b"".join(made.frames)
        self._write(made.head + (framing.chunk(data) if made.chunked else data) + made.end)
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
        sending, self._sending = self._sending, None
        assert sending is not None
        self._pacer.cancel(sending.generation)
        self._send_refusal(refused, sending.received, sending.call)

    def _play(self, made: Outgoing, generation: Generation | None) -> Player:
        """What sends a disturbed reply: a completion's with its generation, another with None."""

        def sent(count: int) -> None:
            if generation is not None:
                generation.sent.append((count, self._mock.clock()))

        def over() -> None:
            self._player = self._sending = None
            self._end_entry()
            self._done(close=made.close, amid_request=False)

        def cut() -> None:
            # nothing more is answered: the connection is busy until it is lost
            self._waiting.clear()
            self._end_entry(journal.CUT)
            if generation is not None:
                self._pacer.cancel(generation)

        return Player(
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
        generation.sent.append((due, self._write(data)))
        if finished:
            self._sending = None
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
