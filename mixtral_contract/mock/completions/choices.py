"""Choices that are more than one free text, and how they look on the wire: several, with calls, with probabilities.

`mock_server.completion` writes the common case, one text, in one go; whatever else there is is written here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One function call: `opening` tokens up to the function's name, then the text of each token of its arguments."""

    id: str
    name: str
    opening: int
    arguments: tuple[str, ...]

    @property
    def tokens(self) -> int:
        """How many tokens the call is."""
        return self.opening + len(self.arguments)


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice: the text of each token, and calls; why it ended; `logprobs` has an entry per token, None unasked.

    `reasoning` and `refusal` are the tokens of what was thought before, and of why the model declines. A choice that
    never ends has no finish_reason.
    """

    pieces: tuple[str, ...]
    calls: tuple[ToolCall, ...]
    finish_reason: str | None
    stopped_by: str | None
    logprobs: tuple[Mapping[str, Any], ...] | None
    reasoning: tuple[str, ...] = ()
    refusal: tuple[str, ...] = ()

    @property
    def tokens(self) -> int:
        """How many tokens the choice is."""
        texts = len(self.pieces) + len(self.reasoning) + len(self.refusal)
        return texts + sum(call.tokens for call in self.calls)

    @property
    def says_no_text(self) -> bool:
        """Whether its text is null: it says something else instead."""
        return not self.pieces and bool(self.calls or self.refusal or self.reasoning)


def whole(index: int, choice: Choice) -> dict[str, Any]:
    """The choice as it stands in a whole completion."""
    message: dict[str, Any] = {"role": "assistant", "content": None if choice.says_no_text else "".join(choice.pieces)}
    if choice.reasoning:
        message["reasoning_content"] = "".join(choice.reasoning)
    if choice.refusal:
        message["refusal"] = "".join(choice.refusal)
    if choice.calls:
        message["tool_calls"] = [_opened(call, "".join(call.arguments)) for call in choice.calls]
    made = {"index": index, "message": message, "finish_reason": choice.finish_reason}
    return made if choice.logprobs is None else made | {"logprobs": _logprobs(choice, choice.logprobs)}


def steps(choices: tuple[Choice, ...]) -> Iterator[list[dict[str, Any]]]:
    """The choices of the chunks that leave with each token: one chunk per choice that is still being written.

    The first step opens every choice, a choice ends in the step of its last token. Choices without tokens are one step.
    """
    written = [_chunks(index, choice) for index, choice in enumerate(choices)]
    for step in zip_longest(*written, fillvalue=()):
        yield [chunk for chunks in step for chunk in chunks]


def _chunks(index: int, choice: Choice) -> Iterator[list[dict[str, Any]]]:
    """The choice's own chunks, those of one token together."""
    asked = choice.logprobs is not None
    unlikely = {"logprobs": None} if asked else {}
    opening = {"role": "assistant", "content": None if choice.says_no_text else ""}
    entries = choice.logprobs or ()
    waiting = [{"index": index, "delta": opening, **unlikely, "finish_reason": None}]
    for number, delta in enumerate(_deltas(choice)):
        if number:
            yield waiting
            waiting = []
        probable = {"logprobs": _content(entries[number : number + 1])} if entries else unlikely
        waiting.append({"index": index, "delta": delta, **probable, "finish_reason": None})
    yield [*waiting, {"index": index, "delta": {}, **unlikely, "finish_reason": choice.finish_reason}]


def _deltas(choice: Choice) -> Iterator[dict[str, Any]]:
    """What each token adds to the message."""
    for piece in choice.pieces:
        yield {"content": piece}
    for number, call in enumerate(choice.calls):
        # the function is named with the first token; the rest of its name adds nothing
        yield {"tool_calls": [{"index": number, **_opened(call, "")}]}
        for piece in ("",) * (call.opening - 1) + call.arguments:
            yield {"tool_calls": [{"index": number, "function": {"arguments": piece}}]}


def _opened(call: ToolCall, arguments: str) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _logprobs(choice: Choice, entries: tuple[Mapping[str, Any], ...]) -> dict[str, Any]:
    return _content(None if choice.says_no_text else entries)


def _content(entries: tuple[Mapping[str, Any], ...] | None) -> dict[str, Any]:
    return {"content": None if entries is None else list(entries), "refusal": None}
