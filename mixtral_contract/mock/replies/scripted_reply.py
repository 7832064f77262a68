"""A scripted reply as a value: what each choice says, what happens in between, and what the answer states besides.

Made by `reader` of plain data, and by nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mixtral_contract.mock.messages.messages import Write
from mixtral_contract.mock.timing.engine import Pace

TEXT = "content"
REASONING = "reasoning_content"
DECLINED = "refusal"


@dataclass(frozen=True, slots=True)
class Said:
    """Some text of a message, under its name on the wire: content, reasoning_content or refusal."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Called:
    """A call of a function; `arguments` is their text as it is sent, `id` is None where one is to be made."""

    name: str
    arguments: str
    id: str | None


@dataclass(frozen=True, slots=True)
class Failure:
    """An error within a stream, which ends it; `done` says whether [DONE] follows."""

    message: str
    code: int | str | None
    type: str | None
    envelope: str
    done: bool

    @property
    def status(self) -> int:
        """The status of an answer that is not streamed."""
        return self.code if isinstance(self.code, int) and 400 <= self.code <= 599 else 500


@dataclass(frozen=True, slots=True)
class Finish:
    """Where the chunk with finish_reason leaves."""


Part = Said | Called | Failure | Finish | Write
"""One thing of a choice in its order; a `Write` is a pause, bytes that are no chunk, or the end of the connection."""


@dataclass(frozen=True, slots=True)
class ChoiceScript:
    """What one choice says.

    `ends` says whether a finish_reason is given: then it is `finish_reason`, and None is said as null. `logprobs` has
    an entry per token of the text, None where none are given.
    """

    parts: tuple[Part, ...]
    ends: bool = False
    finish_reason: str | None = None
    logprobs: tuple[Mapping[str, Any], ...] | None = None

    @property
    def is_text(self) -> bool:
        """Whether it is one text and nothing else, as the mock's own answers are."""
        return self.logprobs is None and not self.ends and all(_is_text(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class ScriptedRefusal:
    """A refusal instead of an answer; what is None is as documented for the status."""

    status: int
    message: str | None = None
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class ScriptedReply:
    """What one request is answered with: a refusal, or choices, the last of which is said by all further ones.

    `usage` stands in the place of true counts, `pace` in that of the mock's, `oddities` are those of `oddities.py`.
    """

    choices: tuple[ChoiceScript, ...] = ()
    refusal: ScriptedRefusal | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)
    pace: Pace | None = None
    oddities: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str | None:
        """The one text that it is, as the mock's own answers are; None where there is more to it."""
        if self.refusal is not None or self.usage or self.pace or self.oddities or len(self.choices) != 1:
            return None
        (choice,) = self.choices
        return said(choice, TEXT) if choice.is_text else None

    @property
    def failure(self) -> Failure | None:
        """The error that ends a stream of it; None without one."""
        parts = (part for choice in self.choices for part in choice.parts)
        return next((part for part in parts if isinstance(part, Failure)), None)


def said(choice: ChoiceScript, name: str) -> str:
    """All text of a choice under that name."""
    return "".join(part.text for part in choice.parts if isinstance(part, Said) and part.name == name)


def called(choice: ChoiceScript) -> tuple[Called, ...]:
    """The calls of a choice, in their order."""
    return tuple(part for part in choice.parts if isinstance(part, Called))


def _is_text(part: Part) -> bool:
    return isinstance(part, Said) and part.name == TEXT
