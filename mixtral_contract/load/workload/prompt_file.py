"""A user's own prompts: JSON lines, each a conversation or one text, with a limit for its answer if it has one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson


class PromptFileError(ValueError):
    """The file holds no prompts; the message says in one line where and why."""


@dataclass(frozen=True, slots=True)
class OwnPrompt:
    """One conversation to complete; `max_tokens` None leaves the limit to the run."""

    messages: Sequence[Mapping[str, Any]]
    max_tokens: int | None = None


def read_prompts(path: Path) -> tuple[OwnPrompt, ...]:
    """The prompts of a file, one a line: `{"messages": [...]}` or `{"prompt": "..."}`, `max_tokens` if wanted.

    Raises: PromptFileError.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "bytes that are no UTF-8"
        raise PromptFileError(f"{path}: expected JSON lines, got {reason}") from error
    prompts = tuple(_prompt(f"{path}:{number}", line) for number, line in enumerate(lines, 1) if line.strip())
    if not prompts:
        raise PromptFileError(f"{path}: expected at least one prompt, got none")
    return prompts


def _prompt(where: str, line: str) -> OwnPrompt:
    try:
        value = orjson.loads(line)
    except ValueError as error:
        raise PromptFileError(f"{where}: expected JSON, got {error}") from error
    if not isinstance(value, dict) or ("messages" in value) == ("prompt" in value):
        raise PromptFileError(f"{where}: expected an object with either messages or prompt, got {line[:80]!r}")
    limit = value.get("max_tokens")
    if limit is not None and (type(limit) is not int or limit < 1):
        raise PromptFileError(f"{where}: max_tokens: expected a whole number of at least 1, got {limit!r}")
    if "prompt" in value:
        if not isinstance(value["prompt"], str):
            raise PromptFileError(f"{where}: prompt: expected a text, got {value['prompt']!r}")
        return OwnPrompt([{"role": "user", "content": value["prompt"]}], limit)
    messages = value["messages"]
    if not isinstance(messages, list) or not messages or not all(isinstance(each, dict) for each in messages):
        raise PromptFileError(f"{where}: messages: expected a list of messages, got {str(messages)[:80]}")
    return OwnPrompt(messages, limit)
