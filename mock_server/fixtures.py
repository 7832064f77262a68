"""Scripted replies: which fixture a question meets, what it says, and which was nearest to a question that meets none.

A fixture is met by everything that it states and nothing else: the operation (dialect, so method and URL too), the
whole conversation or its last message, the model, further fields. The first that is met speaks. Pure: how often each
fixture spoke is kept here, files and time are not (see `fixture_file`).
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, NamedTuple, Protocol

from mock_server.replies import Question
from spec.contract import Operation
from spec.tokens import text_of

ANY = "any"
_SHOWN = 60
"""How many characters of an expected or received text a miss repeats."""

_COMPARED = 400
"""How many characters of two texts decide which fixture was nearest."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that a fixture says: a text, or a refusal when there is a status."""

    text: str = ""
    status: int | None = None
    message: str | None = None
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class Miss:
    """Why a question meets no fixture: what each one wanted otherwise, the nearest first."""

    nearest: str | None
    reasons: tuple[str, ...]

    def text(self) -> str:
        """The miss in one line."""
        if self.nearest is None:
            return "no fixture for this request: there is none at all"
        return f"no fixture for this request; nearest is {self.nearest!r}: {'; '.join(self.reasons)}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a text has to be: equal to, containing, or matched by; `kind` is one of these words."""

    kind: str
    text: str

    def accepts(self, text: str) -> bool:
        """Whether the text is what is wanted."""
        if self.kind == "contains":
            return self.text in text
        if self.kind == "matches":
            return re.search(self.text, text) is not None
        return self.kind == ANY or self.text == text

    def likeness(self, text: str) -> float:
        """From 0 to 1, how near a text comes."""
        return SequenceMatcher(None, self.text[:_COMPARED], text[:_COMPARED], autojunk=False).ratio()

    def __str__(self) -> str:
        quoted = _shown(self.text)
        return {"equals": quoted, ANY: "any text"}.get(self.kind, f"a text that {self.kind} {quoted}")


@dataclass(frozen=True, slots=True)
class WantedMessage:
    """What one message has to be; `images` is the number of its image parts."""

    role: str
    content: Wanted
    images: int

    def mismatches(self, where: str, message: Mapping[str, Any]) -> Iterator[Mismatch]:
        """What the message has otherwise."""
        content = message.get("content")
        text = text_of(content or "")
        images = 0 if content is None or isinstance(content, str) else sum("image_url" in part for part in content)
        if message["role"] != self.role:
            yield Mismatch(f"{where}.role: expected {self.role}, got {message['role']}")
        if not self.content.accepts(text):
            expected = f"{where}.content: expected {self.content}, got {_shown(text)}"
            yield Mismatch(expected, self.content.likeness(text))
        if images != self.images:
            yield Mismatch(f"{where}: expected {self.images} images, got {images}")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that a question has otherwise, in words, and from 0 to 1 how near it came all the same."""

    text: str
    likeness: float = 0.0


@dataclass(frozen=True, slots=True)
class Fixture:
    """One scripted reply.

    `messages` is the whole conversation (of a fixture with `turns`: how it opens), `last` its last message; None is no
    wish. `says` are the lines of the calls that meet it, one after the other, the last one for all that follow;
    `turns` are the lines of a conversation, by how many answers it already holds.
    """

    name: str
    dialects: frozenset[str]
    model: str | None
    messages: tuple[WantedMessage, ...] | None
    last: WantedMessage | None
    fields: Mapping[str, Any]
    says: tuple[Line, ...]
    turns: tuple[Line, ...]

    def mismatches(self, operation: Operation, asked: Question, body: Mapping[str, Any]) -> list[Mismatch]:
        """What the question has otherwise; empty when the fixture is met."""
        return [*self._mismatched_fields(operation, asked, body), *self._mismatched_messages(asked.messages)]

    def line(self, asked: Question, spoken: int) -> Line:
        """What it says to a question that meets it, having spoken that many times before."""
        if self.turns:
            return self.turns[_answers(asked.messages)]
        return self.says[min(spoken, len(self.says) - 1)]

    def _mismatched_fields(self, operation: Operation, asked: Question, body: Mapping[str, Any]) -> Iterator[Mismatch]:
        if ANY not in self.dialects and operation.dialect not in self.dialects:
            yield Mismatch(f"dialect: expected {' or '.join(sorted(self.dialects))}, got {operation.dialect}")
        if self.model is not None and self.model != asked.model.name:
            yield Mismatch(f"model: expected {self.model}, got {asked.model.name}")
        for name, value in self.fields.items():
            if body.get(name) != value:
                yield Mismatch(f"{name}: expected {_shown(value)}, got {_shown(body.get(name))}")

    def _mismatched_messages(self, messages: Sequence[Mapping[str, Any]]) -> Iterator[Mismatch]:
        if self.messages is not None:
            opening = messages[: len(self.messages)]
            if not self.turns and len(messages) != len(self.messages):
                yield Mismatch(f"messages: expected {len(self.messages)} of them, got {len(messages)}")
            elif len(opening) < len(self.messages):
                yield Mismatch(f"messages: expected at least {len(self.messages)} of them, got {len(messages)}")
            for index, (wanted, message) in enumerate(zip(self.messages, opening, strict=False)):
                yield from wanted.mismatches(f"messages.{index}", message)
        if self.last is not None:
            yield from self.last.mismatches(f"messages.{len(messages) - 1}", messages[-1])
        if self.turns:
            yield from self._mismatched_turns(messages)

    def _mismatched_turns(self, messages: Sequence[Mapping[str, Any]]) -> Iterator[Mismatch]:
        """A conversation is this one only if its answers are those that were given in it."""
        answers = [index for index, message in enumerate(messages) if message["role"] == "assistant"]
        if len(answers) >= len(self.turns):
            yield Mismatch(f"turn: expected at most {len(self.turns)}, got {len(answers) + 1}")
        for index, line in zip(answers, self.turns, strict=False):
            given = text_of(messages[index].get("content") or "")
            if given != line.text:
                yield Mismatch(f"messages.{index}.content: expected {_shown(line.text)}, got {_shown(given)}")


class Progress:
    """Which lines of a fixture were said: those before `next`, but for the ones that were given back."""

    def __init__(self) -> None:
        self.next = 0
        self._returned: list[int] = []

    def take(self) -> int:
        """The number of the line to say, which counts as said from now on."""
        if self._returned:
            return heapq.heappop(self._returned)
        self.next += 1
        return self.next - 1

    def give_back(self, number: int) -> None:
        """The line was not said after all: it is the next one."""
        heapq.heappush(self._returned, number)


class Met(NamedTuple):
    """What a fixture says to a call, and how to take that back from a call which gets no completion."""

    line: Line
    progress: Progress
    number: int

    def give_back(self) -> None:
        """Leaves the line to the next call."""
        self.progress.give_back(self.number)


class Fixtures:
    """All fixtures of one file, and how far each of them is.

    `refuse_unmatched` says what happens to a question that meets none: refused, or answered as if there were none.
    """

    def __init__(self, fixtures: Sequence[Fixture], *, refuse_unmatched: bool = True) -> None:
        self.fixtures = tuple(fixtures)
        self.refuse_unmatched = refuse_unmatched
        self.restart()

    def restart(self) -> None:
        """Begins each fixture's lines anew."""
        self._progress = {fixture.name: Progress() for fixture in self.fixtures}

    def meet(self, operation: Operation, asked: Question, body: Mapping[str, Any]) -> Met | Miss:
        """What the first fixture that is met says, or why none is."""
        missed: list[tuple[Fixture, list[Mismatch]]] = []
        for fixture in self.fixtures:
            mismatches = fixture.mismatches(operation, asked, body)
            if not mismatches:
                progress = self._progress[fixture.name]
                number = progress.take()
                return Met(fixture.line(asked, number), progress, number)
            missed.append((fixture, mismatches))
        return _nearest(missed)

    def succeed(self, earlier: Fixtures) -> None:
        """Takes the place of the fixtures before: those that did not change go on where they were."""
        before = {fixture.name: fixture for fixture in earlier.fixtures}
        for fixture in self.fixtures:
            if before.get(fixture.name) == fixture:
                self._progress[fixture.name] = earlier._progress[fixture.name]


class Scripts(Protocol):
    """Where the scripted replies of a mock come from, and how they are asked for."""

    def current(self, now_ns: int) -> Fixtures:
        """The fixtures that are in use."""

    def reset(self) -> None:
        """Lets every fixture begin with its first line again."""


def _nearest(missed: Sequence[tuple[Fixture, Sequence[Mismatch]]]) -> Miss:
    if not missed:
        return Miss(None, ())
    fixture, mismatches = min(missed, key=lambda each: sum(1 - mismatch.likeness for mismatch in each[1]))
    return Miss(fixture.name, tuple(mismatch.text for mismatch in mismatches))


def _answers(messages: Sequence[Mapping[str, Any]]) -> int:
    return sum(message["role"] == "assistant" for message in messages)


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
