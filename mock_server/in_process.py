"""The edge of clients in the same process, whatever thread or event loop they run in: no socket, no loop of its own.

An answer is a sequence of steps: a time before which nothing comes, the head, a part of the body. Who drives it waits
in his own way (a thread sleeps, a coroutine awaits), so that the same answer serves both. The engine needs no clock
work: whoever wants his next token has it compute what became due, and deadlines do not move when that comes late.
The head is that of the wire, with the edits of incidents; framing is left out, what a client would make of a connection
that ends is raised as `LostError`.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from typing import NamedTuple

from mock_server import http1, recorder
from mock_server.checks import Call
from mock_server.engine import Deployment, Engine, Generation, Overload
from mock_server.http1 import DateField, Received
from mock_server.journal import CLIENT_LEFT, CUT, Entry
from mock_server.message import HEAD, Ending, Outgoing, Refusal, Reply, Request, Write
from mock_server.mock import Mock
from mock_server.pacer import GAP_NS
from spec.address import Address

_STATUS = re.compile(rb"HTTP/1\.1 (\d+) ([^\r]*)\r\n")

_NO_ANSWER = "Server disconnected without sending a response."
_AMID_CHUNKS = "peer closed connection without sending complete message body (incomplete chunked read)"
_AMID_BODY = "peer closed connection without sending complete message body (received {got} bytes, expected {wanted})"
_RESET = "[Errno 104] Connection reset by peer"


class LostError(ConnectionError):
    """The connection ended before the answer did; `reset` says that it was reset rather than closed.

    The message is what httpx says then.
    """

    def __init__(self, message: str, *, reset: bool = False) -> None:
        super().__init__(message)
        self.reset = reset


class Head(NamedTuple):
    """Status, phrase and header fields of an answer."""

    status: int
    phrase: bytes
    fields: list[tuple[bytes, bytes]]


Step = Head | bytes | int
"""The head, a part of the body, or a time in nanoseconds of the mock's clock before which nothing more comes."""


class Desk:
    """Where the clients of one process are served; any thread may ask, and ask for the next step of its answer.

    `lock` is held whenever the mock's accounts, incidents and journal are touched.
    """

    def __init__(self, mock: Mock) -> None:
        self.mock = mock
        self.lock = threading.RLock()
        self.engine = Engine(mock.pace)
        self._date = DateField(mock.clock)
        self._origins = {
            operation.server: _origin(operation.server) for operation in mock.service.contract.operations.values()
        }

    @property
    def origins(self) -> Collection[str]:
        """Scheme and host of every server that the contract names."""
        return set(self._origins.values())

    def servers(self, path: str) -> Mapping[str, str]:
        """The servers on which the contract has a path, by their origin."""
        operations = self.mock.service.contract.at(path).values()
        return {self._origins[operation.server]: operation.server for operation in operations}

    def set_pace(self, pace: Deployment) -> None:
        """Sets the pace of all completions to come."""
        with self.lock:
            self.mock.set_pace(pace)
            self.engine.replace(pace)

    def answer(self, request: Request, origin: str | None = None) -> Generator[Step]:
        """The steps of the answer, the head first among what is no time; closing it before its end is hanging up.

        `origin` is the scheme and host asked, None for any: a path that the contract has on another is unknown there.

        Raises: LostError, amid the steps, where an incident ends the connection.
        """
        mock = self.mock
        if not mock.service.contract.at(request.path):
            with self.lock:
                aside = mock.side.answer(request, None)
                reply = aside if aside is None or isinstance(aside, Reply) else aside()
            if reply is not None:
                yield from _aside(self.outgoing(reply, request))
                return
        call = Call(request, mock.clock())
        with self.lock:
            entry = mock.journal.begin(recorder.received(request, call.now_ns))
        visit = _Visit(self, call, entry)
        try:
            yield from visit.steps(origin)
        except LostError:
            visit.end(CUT)
            raise
        finally:
            visit.end(CLIENT_LEFT)

    def outgoing(self, reply: Reply, request: Request) -> Outgoing:
        """The reply as the wire would send it."""
        with self.lock:
            date = self._date()
        return http1.outgoing(reply, Received(request, keep_alive=True, http_1_0=False), date)


class _Visit:
    """One request and how far its answer is."""

    def __init__(self, desk: Desk, call: Call, entry: Entry) -> None:
        self._desk = desk
        self._mock = desk.mock
        self._call = call
        self._entry = entry
        self._generation: Generation | None = None
        self._turn: list[Reply] = []

    def steps(self, origin: str | None) -> Iterator[Step]:
        """Waits for the decision and sends what it is."""
        reply = self._ask(origin)
        if reply is None:
            yield from self._until(lambda: bool(self._turn))
            reply = self._turn[0]
        with self._desk.lock:
            if self._generation is None:
                recorder.identify(self._entry, self._call)
            recorder.decide(self._entry, reply, self._call.refused_at, self._mock.clock())
        made = self._desk.outgoing(reply, self._call.request)
        yield from _Passage(made, self._call.request, self, paced=bool(reply.tokens), streams=made.chunked).steps()

    def end(self, end: str) -> None:
        """Writes down how the answer ended, the first time, and gives up what it holds."""
        if self._entry.end is not None:
            return
        with self._desk.lock:
            if self._generation is not None:
                self._desk.engine.cancel(self._generation, self._mock.clock())
            self._mock.service.abandon(self._call)
            self._mock.journal.end(self._entry, end, self._mock.clock())

    def wait(self, tokens: int) -> Iterator[int]:
        """Until so many tokens are due; a completion that is held together is due at once, with its last."""
        yield from self._until(lambda: self.due >= tokens)

    @property
    def due(self) -> int:
        """How many tokens are due."""
        return 0 if self._generation is None else self._generation.due

    @property
    def tokens(self) -> int:
        """How many tokens there will be."""
        return 0 if self._generation is None else self._generation.tokens

    def left(self, size: int, tokens: int | None, *, finished: bool) -> None:
        """Writes down that bytes were handed to the client, and how many tokens are out with them."""
        now_ns, entry = self._mock.clock(), self._entry
        entry.wrote(size, now_ns)
        if tokens is not None and self._generation is not None:
            self._generation.sent.append((tokens, now_ns))
        if finished:
            self.end(recorder.ending(entry))

    def later_ns(self, wait_ns: int) -> int:
        """The time after a wait."""
        return self._mock.clock() + wait_ns

    def _ask(self, origin: str | None) -> Reply | None:
        """Takes the request in: the refusal, None when it waits for its turn or has it."""
        service, call, lock = self._mock.service, self._call, self._desk.lock
        if len(call.request.body) > self._mock.limits.body_bytes:
            message = f"expected a body of at most {self._mock.limits.body_bytes} bytes, got more"
            call.refused_at = recorder.PROTOCOL
            return service.refuse_protocol(413, message, call.request.path)
        with lock:
            refused = self._stray(origin) or service.admit(call)
        refused = refused or service.read(call)
        if refused is not None:
            return refused
        with lock:
            refused = service.prepare(call)
            if refused is None:
                self._start()
        return refused

    def _stray(self, origin: str | None) -> Reply | None:
        """The refusal of a path that the contract has, on a server that does not."""
        call, service = self._call, self._mock.service
        path = call.request.path
        servers = self._desk.servers(path)
        if origin is None or not servers or origin in servers:
            return None
        call.operation = next(iter(service.contract.at(path).values()))
        call.refused_at = "route"
        message = f"{origin}{path}: expected it at {' or '.join(sorted(servers))}"
        return service.refuse(call, Refusal("unknown-url", message))

    def _start(self) -> None:
        call = self._call
        generation = self._generation = Generation(
            tokens=call.completion.steps,
            prompt_tokens=call.script.prompt_tokens,
            begin=self._begin,
            deliver=lambda: None,
            refuse=self._refuse,
        )
        recorder.identify(self._entry, call)
        self._entry.generation = generation
        self._desk.engine.start(generation, call.now_ns, self._mock.clock())

    def _begin(self) -> None:
        assert self._generation is not None
        reply = self._mock.service.settle(self._call)
        if reply.tokens:
            self._generation.tokens = reply.tokens
            self._generation.together = reply.together or reply.frames is None
        else:
            self._desk.engine.cancel(self._generation, self._mock.clock())
        self._turn.append(reply)

    def _refuse(self, overload: Overload) -> None:
        self._turn.append(self._mock.service.overloaded(self._call, overload))

    def _until(self, reached: Callable[[], bool]) -> Iterator[int]:
        """Has the engine compute what is due until that is enough; it is asked no more often than it pays."""
        while not reached():
            with self._desk.lock:
                now_ns = self._mock.clock()
                self._desk.engine.release(now_ns)
                next_ns = self._desk.engine.next_ns
            if not reached():
                yield now_ns + GAP_NS if next_ns is None else max(next_ns, now_ns + GAP_NS)


class _Passage:
    """A reply on its way to the client."""

    def __init__(self, made: Outgoing, request: Request, visit: _Visit, *, paced: bool, streams: bool) -> None:
        self._made = made
        self._head = _head(made)
        self._visit = visit
        self._paced = paced
        self._streams = streams
        length = next((int(value) for name, value in self._head.fields if name == b"content-length"), None)
        self._length = None if request.method == "HEAD" else length
        self._got = 0

    def steps(self) -> Iterator[Step]:
        """Everything of it, and the end that it comes to."""
        visit, frames = self._visit, self._made.frames
        if self._paced and not self._streams:
            yield from visit.wait(visit.tokens)
        for write in (self._made.disturbed or {}).get(HEAD, ()):
            yield from self._pause(write)
        visit.left(len(self._made.head), None, finished=False)
        yield self._head
        out = 0
        while out < len(frames):
            if self._paced and self._streams:
                yield from visit.wait(out + 1)
            due = min(visit.due, len(frames)) if self._paced and self._streams else len(frames)
            yield from self._parts(out, due)
            out = due
        visit.left(0, None, finished=True)
        if self._length is not None and self._got < self._length:
            raise LostError(_AMID_BODY.format(got=self._got, wanted=self._length))

    def _parts(self, start: int, end: int) -> Iterator[Step]:
        """The writes of these frames: one for all of them, unless they are disturbed."""
        disturbed, frames = self._made.disturbed, self._made.frames
        tokens = self._visit.tokens if self._paced else None
        if disturbed is None:
            yield from self._part(
                b"".join(frames[start:end]), end if self._streams else tokens, last=end == len(frames)
            )
            return
        for index in range(start, end):
            writes = disturbed.get(index, (Write(frames[index]),))
            for number, write in enumerate(writes, 1):
                yield from self._pause(write, alone=False)
                out = (index + 1 if self._streams else tokens) if number == len(writes) else None
                ends = write.ending is not None
                last = number == len(writes) and index + 1 == len(frames) and not ends
                yield from self._part(write.data, out if self._paced and not ends else None, last=last)
                if write.ending is not None:
                    raise self._lost(write.ending)

    def _part(self, data: bytes, tokens: int | None, *, last: bool) -> Iterator[bytes]:
        """A part, written down before it is handed over: who has the last one may never come back."""
        if self._length is not None:
            data = data[: self._length - self._got]
        self._got += len(data)
        whole = self._length is None or self._got >= self._length
        self._visit.left(len(data), tokens if self._paced else None, finished=last and whole)
        if data:
            yield data

    def _pause(self, write: Write, *, alone: bool = True) -> Iterator[int]:
        if write.before_ns:
            yield self._visit.later_ns(write.before_ns)
        if alone and write.ending is not None:
            raise LostError(_RESET if write.ending is Ending.RST else _NO_ANSWER, reset=write.ending is Ending.RST)

    def _lost(self, ending: Ending) -> LostError:
        if ending is Ending.RST:
            return LostError(_RESET, reset=True)
        if self._length is None:
            return LostError(_AMID_CHUNKS)
        return LostError(_AMID_BODY.format(got=self._got, wanted=self._length))


def _origin(server: str) -> str:
    address = Address.parse(server)
    return f"{address.scheme}://{address.authority}"


def _aside(made: Outgoing) -> Iterator[Step]:
    yield _head(made)
    yield b"".join(made.frames)


def _head(made: Outgoing) -> Head:
    line, *fields = made.head.split(b"\r\n")
    found = _STATUS.match(line + b"\r\n")
    assert found is not None
    pairs = (field.partition(b": ") for field in fields if field)
    return Head(int(found[1]), found[2], [(name, value) for name, _, value in pairs])
