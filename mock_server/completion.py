"""A completion, and how it looks on the wire: one JSON object, or the events of a stream.

The events are written here and read by `spec.sse` elsewhere; the two share no code, so that no misreading is shared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from mock_server import choices
from mock_server.choices import Choice

DONE = b"data: [DONE]\n\n"
_PLACE = "\0"
_PLACED = orjson.dumps(_PLACE)


@dataclass(frozen=True, slots=True)
class Completion:
    """What is answered: the text of each token, why it ended, and what it is counted as.

    `stopped_by` is the stop sequence that ended the text, `usage` what the answer says of its tokens. `choices` is None
    where one free text was asked for; else it holds every choice, the first one's text being `pieces` too.
    """

    id: str
    created: int
    model: str
    pieces: tuple[str, ...]
    finish_reason: str
    stopped_by: str | None
    usage: Mapping[str, int]
    choices: tuple[Choice, ...] | None = None

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
        message = {"role": "assistant", "content": "".join(completion.pieces)}
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


def frames(completion: Completion, *, include_usage: bool) -> list[bytes]:
    """What leaves with each token of the stream: its event, the first with the opening one, the last with the end.

    A completion without tokens is one frame.
    """
    base = {
        "id": completion.id,
        "object": "chat.completion.chunk",
        "created": completion.created,
        "model": completion.model,
    }
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
    ending = _event(base | _choice({}, completion.finish_reason) | rest)
    # all content events differ in one string only: the rest is encoded once
    before, _, after = _event(base | _choice({"content": _PLACE}, None) | rest).partition(_PLACED)
    events = [before + orjson.dumps(piece) + after for piece in completion.pieces] or [b""]
    events[0] = opening + events[0]
    events[-1] += ending + closing
    return events


def _choice(delta: Mapping[str, Any], finish_reason: str | None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


def _event(chunk: Mapping[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(chunk) + b"\n\n"
