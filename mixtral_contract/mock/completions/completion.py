"""A completion, and how it looks on the wire: one JSON object, or the events of a stream.

The events are written here and read by `spec.sse` elsewhere; the two share no code, so that no misreading is shared.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import orjson

from mixtral_contract.mock.completions import choices
from mixtral_contract.mock.completions.choices import Choice

DONE = b"data: [DONE]\n\n"
_PLACE = "\0"
_PLACED = orjson.dumps(_PLACE)


class Text(tuple[str, ...]):  # noqa: SLOT001  the cache is the point
    """The text of each token; what every answer that says it needs of it is found out once."""

    @functools.cached_property
    def joined(self) -> str:
        """The whole text."""
        return "".join(self)


@dataclass(slots=True)
class Completion:
    """What is answered: the text of each token, why it ended, and what it is counted as.

    Not to be changed, `replace` it: that it could be is because a frozen one takes four times as long to make.

    `stopped_by` is the stop sequence that ended the text, `usage` what the answer says of its tokens. `choices` is None
    where one free text was asked for; else it holds every choice, the first one's text being `pieces` too.
    """

    id: str
    created: int
    model: str
    pieces: tuple[str, ...]
    finish_reason: str | None
    stopped_by: str | None
    usage: Mapping[str, int]
    choices: tuple[Choice, ...] | None = None

    @classmethod
    def of_choices(
        cls, name: str, created: int, model: str, choices: tuple[Choice, ...], usage: Mapping[str, int]
    ) -> Completion:
        """The completion with that name for its id that holds these choices."""
        first = choices[0]
        return cls(name, created, model, first.pieces, first.finish_reason, first.stopped_by, usage, choices)

    @property
    def steps(self) -> int:
        """How many tokens one after the other it takes, at least one; choices are written side by side."""
        if self.choices is None:
            return len(self.pieces) or 1
        return max(1, *(choice.tokens for choice in self.choices))


def usage(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    """The counts as an answer states them."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


def whole(completion: Completion) -> dict[str, Any]:
    """The completion as one JSON object."""
    if completion.choices is None:
        pieces = completion.pieces
        text = pieces.joined if isinstance(pieces, Text) else "".join(pieces)
        message = {"role": "assistant", "content": text}
        written = [{"index": 0, "message": message, "finish_reason": completion.finish_reason}]
    else:
        written = [choices.whole(index, each) for index, each in enumerate(completion.choices)]
    return {
        "id": completion.id,
        "object": "chat.completion",
        "created": completion.created,
        "model": completion.model,
        "choices": written,
        "usage": completion.usage,
    }


def chunk_head(completion: Completion) -> dict[str, Any]:
    """What every chunk of the stream begins with."""
    return {
        "id": completion.id,
        "object": "chat.completion.chunk",
        "created": completion.created,
        "model": completion.model,
    }


def frames(completion: Completion, *, include_usage: bool) -> Sequence[bytes]:
    """What leaves with each token of the stream: its event, the first with the opening one, the last with the end.

    A completion without tokens is one frame.
    """
    base = chunk_head(completion)
    # with usage asked for, every chunk but the last has the key and null in it
    rest = {"usage": None} if include_usage else {}
    closing = DONE
    if include_usage:
        closing = _event(base | {"choices": [], "usage": completion.usage}) + DONE
    if completion.choices is not None:
        steps = choices.steps(completion.choices)
        events = [b"".join(_event(base | {"choices": [each]} | rest) for each in step) for step in steps]
        events[-1] += closing
        return events
    opening = _event(base | _choice({"role": "assistant", "content": ""}, None) | rest)
    ending = _event(base | _choice({}, completion.finish_reason) | rest) + closing
    if not completion.pieces:
        return [opening + ending]
    # all content events differ in one string only: the rest is encoded once
    before, _, after = _event(base | _choice({"content": _PLACE}, None) | rest).partition(_PLACED)
    return Events(completion.pieces, before, after, (opening, ending))


class Events(Sequence[bytes]):
    """The frames of a text, each written when it is asked for: a thousand streams need not have all of theirs.

    An event is the JSON string of its piece between `before` and `after`; another comes before the first, and the end
    behind the last.
    """

    __slots__ = ("_around", "_last", "after", "before", "pieces")

    def __init__(self, pieces: tuple[str, ...], before: bytes, after: bytes, around: tuple[bytes, bytes]) -> None:
        self.pieces = pieces
        self.before = before
        self.after = after
        self._around = around
        self._last = len(pieces) - 1

    def __len__(self) -> int:
        return self._last + 1

    @overload
    def __getitem__(self, index: int) -> bytes: ...

    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...

    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        if isinstance(index, slice):
            return [self[each] for each in range(len(self))[index]]
        event = b"".join((self.before, orjson.dumps(self.pieces[index]), self.after))
        if 0 < index < self._last:
            return event
        index = range(self._last + 1)[index]
        if index == 0:
            event = self._around[0] + event
        return event + self._around[1] if index == self._last else event

    def __iter__(self) -> Iterator[bytes]:
        before, after = self.before, self.after
        events = [before + orjson.dumps(piece) + after for piece in self.pieces]
        events[0] = self._around[0] + events[0]
        events[-1] += self._around[1]
        return iter(events)


def _choice(delta: Mapping[str, Any], finish_reason: str | None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


def _event(chunk: Mapping[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(chunk) + b"\n\n"
