"""A reply on its way to a client of the same process: its parts in their order, and the end that it comes to.

Knows no lock, engine or journal: what is due, and what becomes of a part that left, is asked of and told to a `Turn`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from mixtral_contract.mock.messages.messages import HEAD, Ending, Outgoing, Request, Write

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


class Turn(Protocol):
    """How far the completion is that the reply carries."""

    @property
    def due(self) -> int:
        """How many tokens are due."""

    @property
    def tokens(self) -> int:
        """How many tokens there will be."""

    def wait(self, tokens: int) -> Iterator[int]:
        """Until so many tokens are due."""

    def left(self, size: int, tokens: int | None, *, finished: bool) -> None:
        """Hears that bytes were handed to the client, and how many tokens are out with them."""

    def later_ns(self, wait_ns: int) -> int:
        """The time after a wait."""


class Delivery:
    """A reply on its way to the client."""

    def __init__(self, made: Outgoing, request: Request, turn: Turn, *, paced: bool, streams: bool) -> None:
        self._made = made
        self._head = head(made)
        self._turn = turn
        self._paced = paced
        self._streams = streams
        length = next((int(value) for name, value in self._head.fields if name == b"content-length"), None)
        self._length = None if request.method == "HEAD" else length
        self._got = 0

    def steps(self) -> Iterator[Step]:
        """Everything of it, and the end that it comes to."""
        turn, frames = self._turn, self._made.frames
        if self._paced and not self._streams:
            yield from turn.wait(turn.tokens)
        for write in (self._made.disturbed or {}).get(HEAD, ()):
            yield from self._pause(write)
        turn.left(len(self._made.head), None, finished=False)
        yield self._head
        out = 0
        while out < len(frames):
            if self._paced and self._streams:
                yield from turn.wait(out + 1)
            due = min(turn.due, len(frames)) if self._paced and self._streams else len(frames)
            yield from self._parts(out, due)
            out = due
        turn.left(0, None, finished=True)
        if self._length is not None and self._got < self._length:
            raise LostError(_AMID_BODY.format(got=self._got, wanted=self._length))

    def _parts(self, start: int, end: int) -> Iterator[Step]:
        """The writes of these frames: one for all of them, unless they are disturbed."""
        disturbed, frames = self._made.disturbed, self._made.frames
        tokens = self._turn.tokens if self._paced else None
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
        self._turn.left(len(data), tokens if self._paced else None, finished=last and whole)
        if data:
            yield data

    def _pause(self, write: Write, *, alone: bool = True) -> Iterator[int]:
        if write.before_ns:
            yield self._turn.later_ns(write.before_ns)
        if alone and write.ending is not None:
            raise LostError(_RESET if write.ending is Ending.RST else _NO_ANSWER, reset=write.ending is Ending.RST)

    def _lost(self, ending: Ending) -> LostError:
        if ending is Ending.RST:
            return LostError(_RESET, reset=True)
        if self._length is None:
            return LostError(_AMID_CHUNKS)
        return LostError(_AMID_BODY.format(got=self._got, wanted=self._length))


def head(made: Outgoing) -> Head:
    """What a client reads off the head that the wire would send."""
    line, *fields = made.head.split(b"\r\n")
    found = _STATUS.match(line + b"\r\n")
    assert found is not None
    pairs = (field.partition(b": ") for field in fields if field)
    return Head(int(found[1]), found[2], [(name, value) for name, _, value in pairs])
