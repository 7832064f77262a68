"""What every client is asked, and when its answer counts: one table, the same for all.

Pure: an answer and what the mock's journal has of it go in, a finding comes out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

TEXT = "Pourquoi le chat s’est-il assis sur l’ordinateur ? Pour garder un œil sur la souris 🐭."
"""What the mock says to JOKE: characters of one to four bytes, so that a client that counts bytes is found out."""

JOKE = "tell me a joke on cats"
_WEATHER_IN_PARIS = "What is the weather in Paris?"

_WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["C", "F"]}},
            "required": ["city", "unit"],
            "additionalProperties": False,
        },
    },
}


@dataclass(frozen=True)
class Seen:
    """What the client told its caller, the requests that the mock got for it, by its journal, and their grading."""

    answer: dict[str, Any]
    requests: Sequence[dict[str, Any]]
    faults: frozenset[str] = frozenset()

    @property
    def error(self) -> dict[str, Any] | None:
        """Type, status and message of what the client raised; None when it raised nothing."""
        error: dict[str, Any] | None = self.answer["error"]
        return error

    @property
    def statuses(self) -> list[int | None]:
        """What the requests were answered with, in their order."""
        return [request["status"] for request in self.requests]


Judge = Callable[[Seen], str | None]
"""None when the client does what is asked; else why not, in words that are the same in every run."""


@dataclass(frozen=True)
class Capability:
    """One thing that users expect of a client: the question, what befalls its answer, and how it is judged."""

    name: str
    judge: Judge
    question: dict[str, Any] = field(default_factory=dict)
    incident: str | None = None
    asked: str = JOKE
    key: str = "mock-valid"

    def as_question(self) -> dict[str, Any]:
        """What goes to the driver."""
        return {"messages": [{"role": "user", "content": self.asked}], "key": self.key, **self.question}


def _said(seen: Seen) -> str | None:
    if seen.error is not None:
        return f"raises {_name(seen.error)}"
    if seen.answer["text"] != TEXT:
        return "the text that arrives is not the one that was sent"
    return None


def _whole(seen: Seen) -> str | None:
    if seen.answer["finish_reason"] != "stop":
        return f"finish_reason is {seen.answer['finish_reason']}"
    return _said(seen)


def _piecewise(seen: Seen) -> str | None:
    if seen.answer["pieces"] < 5:
        return "the text does not arrive piece by piece"
    return _whole(seen)


def _counted(seen: Seen) -> str | None:
    request = seen.requests[-1]
    if seen.answer["usage"] != [request["prompt_tokens"], request["completion_tokens"]]:
        return "no usage" if seen.answer["usage"] is None else "another usage than was sent"
    return None


def _cut_short(seen: Seen) -> str | None:
    if seen.requests[-1]["completion_tokens"] != 5:
        return "max_tokens does not reach the endpoint"
    if seen.answer["finish_reason"] != "length":
        return f"finish_reason is {seen.answer['finish_reason']}"
    return None if seen.answer["text"] and TEXT.startswith(seen.answer["text"]) else "another text"


def _stopped(seen: Seen) -> str | None:
    if seen.answer["text"] == TEXT:
        return "stop does not reach the endpoint"
    return None if seen.answer["text"] == TEXT.partition("souris")[0] else "another text"


def _called(seen: Seen) -> str | None:
    if seen.error is not None:
        return f"raises {_name(seen.error)}: {seen.error['message'].splitlines()[0]}"
    if [name for name, _ in seen.answer["calls"]] != ["get_weather"]:
        return "the call does not reach the caller"
    arguments = json.loads(seen.answer["calls"][0][1])
    return None if set(arguments) == {"city", "unit"} else "the arguments are not those that were sent"


def _refused(status: int, *, naming: str = "") -> Judge:
    """The caller gets an error that carries the status and, if asked for, a message with a word; there is no retry."""

    def judge(seen: Seen) -> str | None:
        if seen.error is None:
            return "no error"
        if len(seen.requests) > 1:
            return f"asks {len(seen.requests)} times for what cannot change"
        if seen.error["status"] != status:
            return f"raises {_name(seen.error)} with the status in its text only"
        return None if naming in seen.error["message"] else f"raises {_name(seen.error)} without the endpoint's message"

    return judge


def _retried(seen: Seen) -> str | None:
    if len(seen.requests) == 1:
        return f"no retry of its own: raises {_name(seen.error)}" if seen.error else "no retry of its own"
    if seen.error is None:
        first, second = seen.requests[:2]
        waited_ns = second["received_ns"] - (first["received_ns"] + first["ended_after_ns"])
        if first["retry_after_s"] and waited_ns < (first["retry_after_s"] - 0.05) * 1e9:
            return "comes back before the time that Retry-After says"
    return _said(seen)


def _noticed(seen: Seen) -> str | None:
    if seen.error is not None:
        return None
    reason = seen.answer["finish_reason"]
    return f"no error, and finish_reason is {reason}" if reason else "no error; only finish_reason is missing"


_STREAM = {"stream": True}
_TOOLS = {"tools": [_WEATHER]}

CAPABILITIES = (
    Capability("whole answer", _whole),
    Capability("stream", _piecewise, _STREAM),
    Capability("usage, whole", _counted),
    Capability("usage, streamed", _counted, _STREAM),
    Capability("max_tokens", _cut_short, {"max_tokens": 5}),
    Capability("stop", _stopped, {"stop": ["souris"]}),
    Capability("tool call, whole", _called, _TOOLS, asked=_WEATHER_IN_PARIS),
    Capability("tool call, streamed", _called, {**_TOOLS, **_STREAM}, asked=_WEATHER_IN_PARIS),
    Capability("401: wrong key", _refused(401), key="wrong"),
    Capability("406: no credits", _refused(406), key="mock-exhausted"),
    Capability("400: field named", _refused(400, naming="temperature"), {"temperature": 2}),
    Capability("429, then answered", _retried, incident="429(retry_after=1)*1,ok"),
    Capability("500, then answered", _retried, incident="500*1,ok"),
    Capability("connection lost, then answered", _retried, incident="hangup*1,ok"),
    Capability("stream with comments", _piecewise, _STREAM, incident="comments"),
    Capability("stream cut inside a character", _piecewise, _STREAM, incident="split:at=utf8,gap_ms=5"),
    Capability("lost stream is noticed", _noticed, _STREAM, incident="cut:after=5,by=rst"),
    Capability("early end is noticed", _noticed, _STREAM, incident="end:after=5"),
    Capability("error in the stream is noticed", _noticed, _STREAM, incident="error:after=5"),
)


def _name(error: dict[str, Any] | None) -> str:
    return str(error["type"]) if error else "nothing"
