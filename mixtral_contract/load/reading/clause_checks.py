"""Judges an answer with status 200 by the cheap passive clauses of the contract: it may have come fast and be wrong.

A few comparisons per event, on what was parsed anyway. Which clauses apply to an operation is for the caller to say;
the whole of the contract, and with more care, is for the suite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from mixtral_contract.contract import clauses
from mixtral_contract.contract.openapi import Operation

Fields = Mapping[str, Any]

_HEAD = ("id", "object", "created", "model")
"""What stands in every chunk of a stream and stays the same."""

_TEXTS = ("content", "reasoning_content", "reasoning", "refusal")
_CALLS = ("tool_calls", "function_call")
_WRITTEN = (*_TEXTS[1:], *_CALLS)

_CHUNK: Mapping[str, Callable[[Fields, Fields], bool]] = {
    "STR-01": lambda chunk, _: chunk.get("object") != "chat.completion.chunk",
    "STR-02": lambda chunk, first: any(chunk.get(name) != first.get(name) for name in ("id", "model")),
    "STR-15": lambda chunk, _: any(name not in chunk for name in (*_HEAD, "choices")),
    "STR-16": lambda chunk, first: chunk.get("created") != first.get("created"),
}
"""What breaks a clause in one chunk, besides its choices; the second argument is the stream's first chunk."""

_ANSWER: Mapping[str, Callable[[Fields, Sequence[Fields]], bool]] = {
    "RSP-01": lambda answer, _: any(name not in answer for name in (*_HEAD, "choices", "usage")),
    "RSP-02": lambda answer, _: answer.get("object") != "chat.completion",
    "RSP-04": lambda _, choices: [choice.get("index") for choice in choices] != [0],
    "RSP-05": lambda _, choices: any(_message(choice).get("role") != "assistant" for choice in choices),
    "RSP-10": lambda answer, _: not _adds_up(answer.get("usage")),
}
"""What breaks a clause in an answer in one piece: the answer and its choices."""


def applying(operation: Operation) -> frozenset[str]:
    """The ids of the clauses that the operation has to keep."""
    return frozenset(
        clause.id for clause in clauses.load().values() if clause.level != "info" and clause.applies(operation)
    )


def judge_answer(answer: Fields, choices: Sequence[Fields]) -> Iterable[str]:
    """The clauses that an answer in one piece breaks."""
    return (clause for clause, breaks in _ANSWER.items() if breaks(answer, choices))


class StreamJudge:
    """Sees the events of one stream in order; `broken` are the clauses that they broke so far."""

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self._first: Fields | None = None
        self._seen: tuple[Any, ...] | None = None
        self._finishes = 0
        self._roles = 0
        self._dones = 0
        self._usage_in_last = False

    def done(self, data: str) -> None:
        """Sees the event `[DONE]`, perhaps with blanks around it."""
        self._dones += 1
        if data != data.strip():
            self.broken.add("SSE-08")

    def event(self, kind: str, data: str) -> None:
        """Sees the frame of an event that is not `[DONE]`."""
        if self._dones:
            self.broken.add("SSE-08")
        if kind != "message":
            self.broken.add("SSE-05")
        if not data:
            self.broken.add("SSE-09")

    def chunk(self, chunk: Fields, choices: Sequence[Fields]) -> None:
        """Sees the object in an event."""
        # most chunks of a stream differ in their choices alone
        seen = (chunk.get("id"), chunk.get("object"), chunk.get("created"), chunk.get("model"))
        if seen != self._seen:
            self._seen, self._first = seen, self._first or chunk
            first = self._first
            self.broken.update(clause for clause, breaks in _CHUNK.items() if breaks(chunk, first))
            if first is chunk and choices and _delta(choices[0]).get("role") != "assistant":
                self.broken.add("STR-03")
        usage = chunk.get("usage")
        if self._usage_in_last:
            self.broken.add("STR-23")
        if usage is not None and not _adds_up(usage):
            self.broken.add("STR-22")
        self._usage_in_last = usage is not None
        if choices:
            self._see_choices(choices)
        elif usage is None:
            self.broken.add("STR-15")

    def end(self, *, rest: bool) -> None:
        """Sees the end of a stream that its framing calls whole; `rest`: no blank line ended its last event."""
        if rest:
            self.broken.add("SSE-07")
        if self._dones != 1:
            self.broken.add("SSE-08")
        if self._finishes != 1:
            self.broken.add("STR-05")
        if not self._usage_in_last:
            self.broken.add("STR-07")

    def _see_choices(self, choices: Sequence[Fields]) -> None:
        for choice in choices:
            delta = _delta(choice)
            if choice.get("index") != 0:
                self.broken.add("STR-17")
            if "finish_reason" not in choice:
                self.broken.add("STR-06")
            if self._finishes and carries_token(delta):
                self.broken.add("STR-05")
            if choice.get("finish_reason"):
                self._finishes += 1
            if delta.get("role") is not None:
                self._roles += 1
                if self._roles > 1:
                    self.broken.add("STR-18")


def carries_token(delta: Fields) -> bool:
    """Whether a delta holds something that a model wrote: content, reasoning, a refusal or a part of a call.

    One that only names the role, or is empty, is no token.
    """
    return bool(delta.get("content")) or any(delta.get(name) for name in _WRITTEN)


def written(delta: Fields) -> bytes:
    """The text that a model wrote in a delta or message: content, reasoning, refusal, names and arguments of calls."""
    texts = [delta.get(name) for name in _TEXTS]
    calls = delta.get("tool_calls")
    called = [delta.get("function_call"), *map(_function, calls if isinstance(calls, list) else ())]
    texts += [call.get(name) for call in called if isinstance(call, Mapping) for name in ("name", "arguments")]
    return "".join(text for text in texts if isinstance(text, str)).encode("utf-8", "replace")


def calls_of(delta: Fields) -> int:
    """How many calls begin in a delta or stand in a message: those that name their function."""
    calls = delta.get("tool_calls")
    called = [delta.get("function_call"), *map(_function, calls if isinstance(calls, list) else ())]
    return sum(isinstance(call, Mapping) and bool(call.get("name")) for call in called)


def _adds_up(usage: Any) -> bool:
    if not isinstance(usage, Mapping):
        return False
    prompt, completion, total = (usage.get(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens"))
    return type(prompt) is type(completion) is type(total) is int and prompt + completion == total


def _delta(choice: Fields) -> Fields:
    delta = choice.get("delta")
    return delta if isinstance(delta, Mapping) else {}


def _function(call: Any) -> Any:
    return call.get("function") if isinstance(call, Mapping) else None


def _message(choice: Fields) -> Fields:
    message = choice.get("message")
    return message if isinstance(message, Mapping) else {}
