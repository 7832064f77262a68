"""A user's own prompts: JSON lines, each a conversation or one text, with further fields of its request if it has any.

Nothing of a line is left out: what is not sent is refused by its name.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson


class PromptFileError(ValueError):
    """The file holds no prompts; the message says in one line where and why."""


@dataclass(frozen=True, slots=True)
class OwnPrompt:
    """One conversation to complete; `max_tokens` None leaves the limit to the run, `fields` are sent beside it."""

    messages: Sequence[Mapping[str, Any]]
    max_tokens: int | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)


_OF_THE_RUN = ("model", "n", "stream", "stream_options")
"""What a measurement says itself; all answers of a run are of one kind."""


def read_prompts(path: Path, documented: Container[str] = ("max_tokens",)) -> tuple[OwnPrompt, ...]:
    """The prompts of a file, one a line: `{"messages": [...]}` or `{"prompt": "..."}`.

    A line may hold further fields of its request, of those `documented`: `max_tokens`, `tools`, `temperature`.

    Raises: PromptFileError, also for a field that would not be sent.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "bytes that are no UTF-8"
        raise PromptFileError(f"{path}: expected JSON lines, got {reason}") from error
    prompts = tuple(
        _prompt(f"{path}:{number}", line, documented) for number, line in enumerate(lines, 1) if line.strip()
    )
    if not prompts:
        raise PromptFileError(f"{path}: expected at least one prompt, got none")
    return prompts


def _prompt(where: str, line: str, documented: Container[str]) -> OwnPrompt:
    try:
        value = orjson.loads(line)
    except ValueError as error:
        raise PromptFileError(f"{where}: expected JSON, got {error}") from error
    if not isinstance(value, dict) or ("messages" in value) == ("prompt" in value):
        raise PromptFileError(f"{where}: expected an object with either messages or prompt, got {line[:80]!r}")
    fields = {name: value[name] for name in value if name not in ("messages", "prompt")}
    for name in fields:
        if name in _OF_THE_RUN or name not in documented:
            why = "which the run itself says" if name in _OF_THE_RUN else "which the dialect does not document"
            raise PromptFileError(f"{where}: expected messages or prompt and fields to send, got {name!r}, {why}")
    limit = fields.pop("max_tokens", None)
    if limit is not None and (type(limit) is not int or limit < 1):
        raise PromptFileError(f"{where}: max_tokens: expected a whole number of at least 1, got {limit!r}")
    if "prompt" in value:
        if not isinstance(value["prompt"], str):
            raise PromptFileError(f"{where}: prompt: expected a text, got {value['prompt']!r}")
        return OwnPrompt([{"role": "user", "content": value["prompt"]}], limit, fields)
    messages = value["messages"]
    if not isinstance(messages, list) or not messages or not all(isinstance(each, dict) for each in messages):
        raise PromptFileError(f"{where}: messages: expected a list of messages, got {str(messages)[:80]}")
    return OwnPrompt(messages, limit, fields)
