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
from mixtral_contract.mock.journal.journal import CLIENT_LEFT, CUT
from mixtral_contract.mock.messages.messages import Outgoing, Refusal, Reply, Request
from mixtral_contract.mock.service.exchange import Exchange
from mixtral_contract.mock.service.journaling import PROTOCOL
from mixtral_contract.mock.service.mock import Mock
from mixtral_contract.mock.testing.reply_steps import Delivery, LostError, Step, head
from mixtral_contract.mock.timing.engine import Deployment, Engine, Generation
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
        with self.lock:
            exchange = _InProcessExchange(self, Exchange(mock, request))
        try:
            yield from exchange.steps(origin)
        except LostError:
            exchange.end(CUT)
            raise
        finally:
            exchange.end(CLIENT_LEFT)

    def start(self, generation: Generation, start_ns: int) -> None:
        """Begins a completion that was asked for at that time."""
        self.engine.start(generation, start_ns, self.mock.clock())

    def cancel(self, generation: Generation) -> None:
        """Gives up whatever a completion holds."""
        self.engine.cancel(generation, self.mock.clock())

    def outgoing(self, reply: Reply, request: Request) -> Outgoing:
        """The reply as the wire would send it."""
        with self.lock:
            date = self._date()
        return framing.outgoing(reply, Received(request, keep_alive=True, http_1_0=False), date)


class _InProcessExchange:
    """One request and how far its answer is."""

    def __init__(self, server: InProcessServer, exchange: Exchange) -> None:
        self._server = server
        self._mock = server.mock
        self._exchange = exchange
        self._turn: list[Reply] = []

    def steps(self, origin: str | None) -> Iterator[Step]:
        """Waits for the decision and sends what it is."""
        reply = self._ask(origin)
        if reply is None:
            yield from self._until(lambda: bool(self._turn))
            reply = self._turn[0]
        request = self._exchange.call.request
        outgoing = self._server.outgoing(reply, request)
        yield from Delivery(outgoing, request, self, paced=bool(reply.tokens), streams=outgoing.chunked).steps()

    def end(self, how: str | None) -> None:
        """Writes down how the answer ended, the first time, and gives up what it holds."""
        if self._exchange.entry.end is None:
            with self._server.lock:
                self._exchange.end(how)

    def wait(self, tokens: int) -> Iterator[int]:
        """Until so many tokens are due; a completion that is held together is due at once, with its last."""
        yield from self._until(lambda: self.due >= tokens)

    @property
    def due(self) -> int:
        """How many tokens are due."""
        generation = self._exchange.generation
        return 0 if generation is None else generation.due

    @property
    def tokens(self) -> int:
        """How many tokens there will be."""
        generation = self._exchange.generation
        return 0 if generation is None else generation.tokens

    def left(self, size: int, tokens: int | None, *, finished: bool) -> None:
        """Writes down that bytes were handed to the client, and how many tokens are out with them."""
        now_ns, generation = self._exchange.wrote(size), self._exchange.generation
        if tokens is not None and generation is not None:
            generation.sent.append(tokens, now_ns)
        if finished:
            self.end(None)

    def later_ns(self, wait_ns: int) -> int:
        """The time after a wait."""
        return self._mock.clock() + wait_ns

    def _ask(self, origin: str | None) -> Reply | None:
        """Takes the request in: the refusal, None when it waits for its turn or has it."""
        exchange, lock = self._exchange, self._server.lock
        with lock:
            refused = self._too_long() or self._stray(origin)
            refused = exchange.admit() if refused is None else exchange.refuse(refused)
        if refused is not None:
            return refused
        refused = exchange.read()
        with lock:
            refused = exchange.prepare(refused)
            if refused is None:
                exchange.start(self._server, on_turn=self._turn.append, deliver=_nothing)
        return refused

    def _too_long(self) -> Reply | None:
        """The refusal of a body that is longer than the mock reads."""
        call, most_bytes = self._exchange.call, self._mock.limits.body_bytes
        if len(call.request.body) <= most_bytes:
            return None
        call.refused_at = PROTOCOL
        message = f"expected a body of at most {most_bytes} bytes, got more"
        return self._mock.service.refuse_protocol(413, message, call.request.path)

    def _stray(self, origin: str | None) -> Reply | None:
        """The refusal of a path that the contract has, on a server that does not."""
        call, service = self._exchange.call, self._mock.service
        path = call.request.path
        servers = self._server.servers(path)
        if origin is None or not servers or origin in servers:
            return None
        call.operation = next(iter(service.contract.at(path).values()))
        call.refused_at = "route"
        message = f"{origin}{path}: expected it at {' or '.join(sorted(servers))}"
        return service.refuse(call, Refusal("unknown-url", message))

    def _until(self, reached: Callable[[], bool]) -> Iterator[int]:
        """Has the engine compute what is due until that is enough; it is asked no more often than it pays."""
        while not reached():
            with self._server.lock:
                now_ns = self._mock.clock()
                self._server.engine.release(now_ns)
                next_ns = self._server.engine.next_ns
            if not reached():
                yield now_ns + GAP_NS if next_ns is None else max(next_ns, now_ns + GAP_NS)


def _nothing() -> None:
    """Nobody is told when tokens become due: who wants them asks."""


def _origin(server: str) -> str:
    address = BaseUrl.parse(server)
    return f"{address.scheme}://{address.authority}"


def _aside(made: Outgoing) -> Iterator[Step]:
    yield head(made)
    yield b"".join(made.frames)
