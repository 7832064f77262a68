"""What every reader makes of a file: prompts of a user's own, each with what belongs to its request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


class PromptFileError(ValueError):
    """The file holds no prompts; the message says in one line where and why."""


@dataclass(frozen=True, slots=True)
class OwnPrompt:
    """One request that a file asks for, and what is to be asked after its answer.

    `max_tokens` None leaves the limit to `answer`, the recorded answer whose length it then is, or to the run.
    `fields` are sent beside the messages. `follow_ups` are further turns, each sent after the answer to the one before;
    one that `is_whole` repeats what was said itself. `prompt_tokens` is the length of a text that is still to
    be made, `block_ids` name the blocks that it consists of: then `messages` is empty. `timestamp_ms` is when the
    request was recorded.
    """

    messages: Sequence[Mapping[str, Any]]
    max_tokens: int | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    answer: str | None = None
    follow_ups: tuple[OwnPrompt, ...] = ()
    is_whole: bool = False
    prompt_tokens: int | None = None
    block_ids: tuple[int, ...] = ()
    timestamp_ms: float | None = None


@dataclass(frozen=True, slots=True)
class PromptFile:
    """The prompts of a file in its order; `format` is one of `formats.FORMATS`.

    `left_out` counts conversations in which nobody asks anything. `replaced` names the fields of which the run sends
    its own, `unused` the columns of a table that nobody asked for.
    """

    format: str
    prompts: tuple[OwnPrompt, ...]
    left_out: int = 0
    replaced: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
