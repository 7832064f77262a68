"""The life of one request: admitted, read, prepared, given its turn, settled or refused, written into the journal.

Knows no socket, thread or event loop. Who drives it says when the next step may be taken, and hands the bytes over; the
mock is not locked here. The engine asks for nothing but a `Turns`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from mixtral_contract.mock.journal.journal import Entry
from mixtral_contract.mock.messages.messages import Reply, Request
from mixtral_contract.mock.service import journaling
from mixtral_contract.mock.service.call import Call
from mixtral_contract.mock.service.mock import Mock
from mixtral_contract.mock.timing.engine import Generation, Overload
from mixtral_contract.primitives.bounded.work import TooMuchWorkError, Work


class Turns(Protocol):
    """What gives completions their turn."""

    def start(self, generation: Generation, start_ns: int) -> None:
        """Takes a completion in that was asked for at that time."""

    def cancel(self, generation: Generation) -> None:
        """Gives up whatever a completion holds."""


class JournaledReply:
    """An answer and its entry in the journal."""

    __slots__ = ("_mock", "entry")

    def __init__(self, mock: Mock, entry: Entry) -> None:
        self._mock = mock
        self.entry = mock.journal.begin(entry)

    def wrote(self, size: int) -> int:
        """Writes down that so many bytes were handed to the client; the time of it, in nanoseconds."""
        now_ns = self._mock.clock()
        self.entry.wrote(size, now_ns)
        return now_ns

    def end(self, how: str | None = None) -> None:
        """Writes down how the answer ended, the first time; None when every byte of it is out."""
        self._mock.journal.end(self.entry, how or journaling.ending(self.entry), self._mock.clock())


class ProtocolRefusal(JournaledReply):
    """The refusal of what is no HTTP request; `reply` is it."""

    __slots__ = ("reply",)

    def __init__(self, mock: Mock, status: int, message: str, path: str, connection: int) -> None:
        now_ns = mock.clock()
        super().__init__(mock, journaling.malformed(path, now_ns, connection))
        self.reply = mock.service.refuse_protocol(status, message, path)
        journaling.decide(self.entry, self.reply, journaling.PROTOCOL, now_ns)


class Exchange(JournaledReply):
    """One request of a path that the contract has, or that nothing has, and its answer.

    In this order: `admit`, `read` and `prepare`, each of which returns the refusal, if any; then `complete` where no
    completion waits for a turn, or else `start`; `wrote` with every write, and `end`.
    """

    __slots__ = ("_on_turn", "_settled", "_turns", "call", "generation")

    _on_turn: Callable[[Reply], None]
    _turns: Turns

    def __init__(self, mock: Mock, request: Request, connection: int | None = None) -> None:
        now_ns = mock.clock()
        # what a JournaledReply is made of, without a call for it: every request passes here
        self._mock = mock
        self.entry = mock.journal.begin(journaling.received(request, now_ns, connection))
        if mock.journal.keeps_bodies:
            self.entry.body = request.body
        self.call = Call(request, now_ns)
        self.generation: Generation | None = None
        self._settled: Reply | None = None

    def admit(self) -> Reply | None:
        """The refusal by the head; None when the body may be read."""
        refused = self._mock.service.admit(self.call)
        return None if refused is None else self.refuse(refused)

    def read(self) -> Reply | None:
        """The refusal of the body, not written down yet, for `prepare`; any thread may do this."""
        return self._mock.service.read(self.call)

    def read_within(self, work: Work) -> Reply | None:
        """The same within a limit.

        Raises: TooMuchWorkError when that is over.
        """
        return self._mock.service.read_within(self.call, work)

    def too_much_work(self, error: TooMuchWorkError) -> Reply:
        """The refusal of a body that cannot be read within its limit, for `prepare`."""
        return self._mock.service.too_much_work(self.call, error)

    def too_busy(self) -> Reply:
        """The refusal of a body that nobody has the time to read, for `prepare`."""
        message = "expected few long bodies at once, got more than are read soon"
        return self._mock.service.overloaded(self.call, Overload(503, message, wait_s=1))

    def prepare(self, refused: Reply | None) -> Reply | None:
        """The refusal by what `read` returned or by what the account may do; None when the completion is made."""
        refused = refused or self._mock.service.prepare(self.call)
        return None if refused is None else self.refuse(refused)

    def refuse(self, reply: Reply) -> Reply:
        """The refusal, written down."""
        journaling.identify(self.entry, self.call)
        journaling.decide(self.entry, reply, self.call.refused_at, self._mock.clock())
        return reply

    def complete(self) -> Reply:
        """The reply of a completion that waits for no turn, billed; one without tokens refuses it after all."""
        reply = self._mock.service.settle(self.call)
        if not reply.tokens:
            return self.refuse(reply)
        journaling.identify(self.entry, self.call)
        journaling.decide(self.entry, reply, None, self._mock.clock())
        return reply

    @property
    def has_own_pace(self) -> bool:
        """Whether the answer's script says at what pace it leaves."""
        return self.call.scripted is not None and self.call.scripted.script.pace is not None

    def left_at_once(self, tokens: int, size: int) -> None:
        """Writes down that the whole answer left in one write, and ends with that."""
        entry, now_ns = self.entry, self._mock.clock()
        entry.left_at_once(tokens, now_ns, size)
        self._mock.journal.end(entry, journaling.ending(entry), now_ns)

    def start(
        self,
        turns: Turns,
        *,
        on_turn: Callable[[Reply], None],
        deliver: Callable[[], None],
        settled: Reply | None = None,
    ) -> None:
        """Asks for the completion's turn.

        `on_turn` is called with the reply, which `settled` is where that is known: without tokens it is a refusal;
        `deliver` is called whenever tokens became due.
        """
        self._turns, self._on_turn, self._settled = turns, on_turn, settled
        self.generation = generation = Generation(
            tokens=self.call.completion.steps,
            prompt_tokens=self.call.script.prompt_tokens,
            begin=self._begin,
            deliver=deliver,
            refuse=self._overloaded,
            pace=None if self.call.scripted is None else self.call.scripted.script.pace,
        )
        journaling.identify(self.entry, self.call)
        self.entry.generation = generation
        turns.start(generation, self.call.now_ns)

    def end(self, how: str | None = None) -> None:
        """Writes down how the answer ended, the first time, and gives up what it holds unless every byte is out.

        Nothing of it is left for the garbage collector, which would hold up all streams for tens of milliseconds when
        it comes upon those of a minute: the engine's ways back to it go.
        """
        generation = self.generation
        if how is not None:
            if generation is not None:
                self._turns.cancel(generation)
            self._mock.service.abandon(self.call)
        super().end(how)
        if generation is not None:
            generation.begin = generation.deliver = _nothing
            generation.refuse = _never

    def _begin(self) -> None:
        generation = self.generation
        assert generation is not None
        reply = self._settled or self._mock.service.settle(self.call)
        if reply.tokens:
            generation.tokens, generation.together = reply.tokens, reply.together or reply.frames is None
            journaling.decide(self.entry, reply, None, self._mock.clock())
        else:
            self._turns.cancel(generation)
            self.refuse(reply)
        self._on_turn(reply)

    def _overloaded(self, overload: Overload) -> None:
        self._on_turn(self.refuse(self._mock.service.overloaded(self.call, overload)))


def _nothing() -> None:
    """Takes the place of a callback whose exchange is over: no more tokens are delivered."""


def _never(_overload: Overload) -> None:
    """The same for the refusal of a turn."""
