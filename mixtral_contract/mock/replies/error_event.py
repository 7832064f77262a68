"""Errors within a stream, as users saw them: OpenAI's envelope, RFC 9457's, and a bare text.

Source: OpenAI's envelope with an `object`, langchain-ai/langchain-nvidia#201.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson


class StreamError(NamedTuple):
    """What an error says; None where it says nothing of it."""

    message: str
    code: int | str | None = None
    type: str | None = None


def error_event(envelope: str, error: StreamError) -> bytes:
    """The event; `envelope` is a name of `ENVELOPES`."""
    return b"data: " + orjson.dumps(ENVELOPES[envelope](error)) + b"\n\n"


def _openai(error: StreamError) -> dict[str, Any]:
    said = {"object": "error", "message": error.message, "type": error.type or "server_error", "param": None}
    return {"error": {**said, "code": error.code}}


def _problem(error: StreamError) -> dict[str, Any]:
    status = error.code if isinstance(error.code, int) else 500
    return {
        "type": error.type or "about:blank",
        "title": "Internal Server Error" if status == 500 else error.message,
        "status": status,
        "detail": error.message,
    }


ENVELOPES: Mapping[str, Callable[[StreamError], dict[str, Any]]] = {
    "openai": _openai,
    "problem": _problem,
    "bare": lambda error: {"error": error.message},
}
"""The ways to write an error, by name."""
