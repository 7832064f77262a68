"""The fields of an answer or a chunk that a reader looks at, each of which may be of another type than it should be."""

from __future__ import annotations

from typing import Any

import orjson

QUOTED = 320
"""Longest quotation of an answer: what its end cuts in two is not shown, a secret least of all."""


class MalformedError(ValueError):
    """What was received is not the JSON of a completion."""


def json_object(text: str | bytes) -> dict[str, Any]:
    """The JSON object that a text is.

    Raises: MalformedError for anything else.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        shown = text if isinstance(text, str) else text.decode("utf-8", "replace")
        raise MalformedError(f"expected JSON, got {shown[:QUOTED]!r}") from None
    return as_object(value, "answer")


def choices_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The choices of an answer or a chunk.

    Raises: MalformedError when they are no list of objects.
    """
    choices = answer.get("choices")
    if not isinstance(choices, list):
        raise MalformedError(f"choices: expected a list, got {str(choices)[:QUOTED]}")
    return [as_object(choice, "choice") for choice in choices]


def as_object(value: Any, name: str) -> dict[str, Any]:
    """The value, which has to be an object; `name` says where it stands.

    Raises: MalformedError for anything else.
    """
    if not isinstance(value, dict):
        raise MalformedError(f"{name}: expected an object, got {str(value)[:QUOTED]}")
    return value


def finish_reason_of(choice: dict[str, Any]) -> str | None:
    """Why a choice ended; None while it goes on.

    Raises: MalformedError for anything else.
    """
    reason = choice.get("finish_reason")
    if reason is not None and not isinstance(reason, str):
        raise MalformedError(f"finish_reason: expected a string or null, got {str(reason)[:QUOTED]}")
    return reason
