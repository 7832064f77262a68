"""The edge of clients in the same process, whatever thread or event loop they run in: no socket, no loop of its own.

An answer is a sequence of steps: a time before which nothing comes, the head, a part of the body. Who drives it waits
in his own way (a thread sleeps, a coroutine awaits), so that the same answer serves both. The engine needs no clock
work: whoever wants his next token has it compute what became due, and deadlines do not move when that comes late.
The head is that of the wire, with the edits of incidents; framing is left out, what a client would make of a connection
that ends is raised as `LostError` (`delivery`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Generator, Iterator, Mapping

from mixtral_contract.mock.http import response_encoder as framing
from mixtral_contract.mock.http.request_parser import Received
from mixtral_contract.mock.http.response_encoder import DateField
from mixtral_contract.mock.journal.journal import CLIENT_LEFT, CUT, Entry
from mixtral_contract.mock.messages.messages import Outgoing, Refusal, Reply, Request
from mixtral_contract.mock.service import journaling as recorder
from mixtral_contract.mock.service.call import Call
from mixtral_contract.mock.service.mock import Mock
from mixtral_contract.mock.testing.reply_steps import Delivery, LostError, Step, head
from mixtral_contract.mock.timing.engine import Deployment, Engine, Generation, Overload
from mixtral_contract.mock.timing.scheduler import GAP_NS
from mixtral_contract.primitives.base_url import BaseUrl


class InProcessServer:
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
                aside = mock.routes.answer(request, None)
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
        return framing.outgoing(reply, Received(request, keep_alive=True, http_1_0=False), date)


class _Visit:
    """One request and how far its answer is."""

    def __init__(self, desk: InProcessServer, call: Call, entry: Entry) -> None:
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
        yield from Delivery(made, self._call.request, self, paced=bool(reply.tokens), streams=made.chunked).steps()

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
            self._generation.sent.append(tokens, now_ns)
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


def _origin(server: str) -> str:
    address = BaseUrl.parse(server)
    return f"{address.scheme}://{address.authority}"


def _aside(made: Outgoing) -> Iterator[Step]:
    yield head(made)
    yield b"".join(made.frames)
