"""A completion on its way over one connection, and the shortest way for what most of its tokens are.

A thousand streams of fifty tokens a second are fifty thousand steps: what is the rule, one more token of a stream that
nothing disturbs and whose client reads, touches as few objects as can be. All else is the connection's.
"""

from __future__ import annotations

from collections.abc import Callable

from mixtral_contract.mock.http import response_encoder as framing
from mixtral_contract.mock.http.request_parser import Received
from mixtral_contract.mock.messages.messages import Outgoing
from mixtral_contract.mock.service.exchange import Exchange
from mixtral_contract.mock.timing.engine import Generation


class StreamWriter:
    """A completion from its question to its last byte.

    `made` is its bytes, None before its turn; `head` is what is to leave before the first frame, `frames` says how many
    have left, and `held` that the client does not read.
    """

    __slots__ = (
        "_chunk",
        "_clock",
        "_note",
        "_otherwise",
        "_write",
        "exchange",
        "frames",
        "generation",
        "head",
        "held",
        "made",
        "received",
        "streams",
    )  # fmt: skip

    generation: Generation

    def __init__(self, exchange: Exchange, received: Received) -> None:
        self.exchange = exchange
        self.received = received
        self.made: Outgoing | None = None
        self.streams = self.held = False
        self.head = b""
        self.frames = 0

    def make(self, made: Outgoing, *, streams: bool) -> None:
        """The turn has come: these are the bytes."""
        assert self.exchange.generation is not None
        self.generation = self.exchange.generation
        self.made, self.head, self.streams = made, made.head, streams

    def use_fast_path(self, write: Callable[[bytes], object], clock: Callable[[], int]) -> None:
        """Lets the engine write the tokens of a chunked stream without asking the connection, where that will do."""
        assert self.made is not None
        self._write, self._clock, self._otherwise = write, clock, self.generation.deliver
        self._chunk, self._note = framing.chunks(self.made.frames), self.generation.sent.flat.append
        self.generation.deliver = self._step

    def _step(self) -> None:
        # taken out of their slots before they are called: CPython 3.11 is quicker at that than at `self._write(data)`
        generation, chunk, write, clock, note = self.generation, self._chunk, self._write, self._clock, self._note
        due = generation.due
        if due != self.frames + 1 or due == generation.tokens or self.head or self.held:
            self._otherwise()
            return
        data = chunk(due - 1)
        write(data)
        self.frames = due
        generation.bytes_sent += len(data)
        note(due)
        note(clock())
