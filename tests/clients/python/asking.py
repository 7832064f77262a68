"""What every driver in Python has in common: questions on stdin, what the client made of them on stdout, a line each.

Standard library only: the environments of the clients have nothing of ours.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any


@dataclass
class Question:
    """What the client is to ask; None is a field that it does not send."""

    messages: list[dict[str, Any]]
    key: str
    stream: bool = False
    max_tokens: int | None = None
    stop: list[str] | None = None
    temperature: float | None = None
    tools: list[dict[str, Any]] | None = None

    def fields(self) -> dict[str, Any]:
        """The fields beside messages and stream, by their names on the wire."""
        names = ("max_tokens", "stop", "temperature", "tools")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


@dataclass
class Heard:
    """What the client told its caller, as far as it came before an error did."""

    text: str = ""
    pieces: int = 0
    finish_reason: str | None = None
    usage: list[int] | None = None
    calls: list[list[str]] = field(default_factory=list)

    def say(self, text: str | None) -> None:
        """Takes in a piece of the text."""
        if text:
            self.text += text
            self.pieces += 1

    def call(self, index: int, name: str | None, arguments: str | None) -> None:
        """Takes in a call of a function, or a fragment of one: its name and its arguments as JSON text."""
        while len(self.calls) <= index:
            self.calls.append(["", ""])
        self.calls[index][0] += name or ""
        self.calls[index][1] += arguments or ""


Ask = Callable[[Question, Heard], None]


def drive(distribution: str, ask: Ask) -> None:
    """Answers each question on stdin, and says first which version of the client does."""
    with redirect_stdout(sys.stderr):  # LiteLLM prints advice there
        _drive(distribution, ask)


def _drive(distribution: str, ask: Ask) -> None:
    _say({"version": version(distribution)})
    for line in sys.stdin:
        heard = Heard()
        error = None
        try:
            ask(Question(**json.loads(line)), heard)
        except Exception as raised:  # noqa: BLE001  whatever the client raises is what is asked for
            error = {"type": type(raised).__name__, "status": _status(raised), "message": str(raised)}
        _say({**asdict(heard), "error": error})


def _say(said: dict[str, Any]) -> None:
    assert sys.__stdout__ is not None
    sys.__stdout__.write(json.dumps(said) + "\n")
    sys.__stdout__.flush()


def _status(error: BaseException) -> int | None:
    """The status that the error carries as a number, where clients are used to carry it."""
    for holder in (error, getattr(error, "response", None)):
        for name in ("status_code", "status"):
            if isinstance(status := getattr(holder, name, None), int):
                return status
    return None
