"""A recorded answer as a scripted reply: what it said, in its order, with its errors, its end and its pace.

Ids, times of creation and how the bytes were cut are not kept: a reply has its own. What is no chunk, error or comment
stands as raw bytes.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from itertools import pairwise
from statistics import median
from typing import Any

import orjson

from mixtral_contract.cassettes.exchange import CUT, Answer

Data = dict[str, Any]

_MS_NS = 1_000_000
_TEXTS = {"content": "text", "reasoning_content": "reasoning_content", "refusal": "refusal"}
_LEAST_PAUSE_NS = 100 * _MS_NS
_SLOWER = 4
"""A gap this many times the usual one, and longer than the least pause, is a pause rather than the pace."""


def reply_of(answer: Answer) -> Data:
    """The plain data of the reply that an answer was."""
    headers = {name.lower(): value for name, value in answer.headers}
    if answer.status != 200:
        return _refusal(answer, headers)
    if headers.get("content-type", "").startswith("text/event-stream"):
        return _Stream(answer).reply
    return _whole(answer)


def _refusal(answer: Answer, headers: Mapping[str, str]) -> Data:
    made: Data = {"status": answer.status if 400 <= answer.status <= 599 else 500}
    error = _json(answer.body)
    error = error.get("error", error) if isinstance(error, dict) else None
    message = error.get("message", error.get("detail")) if isinstance(error, dict) else error
    if isinstance(message, str):
        made["message"] = message
    if headers.get("retry-after", "").isdecimal():
        made["retry_after_s"] = int(headers["retry-after"])
    return made


def _whole(answer: Answer) -> Data:
    said = _json(answer.body)
    if not isinstance(said, dict) or not said.get("choices"):
        return {"parts": [_raw(answer.body or b"\n")]}
    choices = []
    for choice in said["choices"]:
        message = choice.get("message") or {}
        made: Data = {name: message[wire] for wire, name in _TEXTS.items() if message.get(wire)}
        calls = [_call(call) for call in message.get("tool_calls") or ()]
        made |= {"tool_calls": calls} if calls else {}
        made |= _stated((choice.get("logprobs") or {}).get("content") or [], made.get("text", ""))
        choices.append((made or {"text": ""}) | {"finish_reason": choice.get("finish_reason")})
    made = choices[0] if len(choices) == 1 else {"choices": choices}
    if said.get("usage"):
        made["usage"] = _counts(said["usage"])
    if answer.ending == CUT:
        made = {"parts": [{"text": str(made.get("text", ""))}, {"cut": "fin"}]}
    return made | ({"pace": {"ttft_ms": _ms(answer.head_ns)}} if answer.head_ns >= _MS_NS else {})


class _Choice:
    """What one choice of a stream said so far."""

    def __init__(self) -> None:
        self.parts: list[Data] = []
        self.calls: dict[Any, Data] = {}
        self.logprobs: list[Data] = []
        self.finish_reason: str | None = None

    def say(self, choice: Mapping[str, Any]) -> None:
        """Takes in a chunk."""
        delta = choice.get("delta") or {}
        for wire, name in _TEXTS.items():
            if delta.get(wire):
                self._text(name, delta[wire])
        for fragment in delta.get("tool_calls") or ():
            self._fragment(fragment)
        self.logprobs += (choice.get("logprobs") or {}).get("content") or ()
        self.finish_reason = choice.get("finish_reason") or self.finish_reason

    def _text(self, name: str, text: str) -> None:
        if self.parts and name in self.parts[-1]:
            self.parts[-1][name] += text
        else:
            self.parts.append({name: text})

    def _fragment(self, fragment: Mapping[str, Any]) -> None:
        key, function = fragment.get("index"), fragment.get("function") or {}
        if key not in self.calls:
            self.calls[key] = {"name": function.get("name") or "", "arguments": ""}
            self.calls[key] |= {"id": fragment["id"]} if fragment.get("id") else {}
            self.parts.append({"tool_call": self.calls[key]})
        self.calls[key]["name"] = self.calls[key]["name"] or function.get("name") or ""
        arguments = function.get("arguments") or ""
        self.calls[key]["arguments"] += arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()

    @property
    def data(self) -> Data:
        """The choice as plain data."""
        made: Data = {"parts": self.parts or [{"text": ""}]}
        made |= _stated(self.logprobs, "".join(part.get("text", "") for part in self.parts))
        over = any("error" in part or "cut" in part for part in self.parts)
        return made if over else made | {"finish_reason": self.finish_reason}


class _Stream:
    """A recorded stream, event by event."""

    def __init__(self, answer: Answer) -> None:
        self._choices: dict[int, _Choice] = {}
        self._last = 0
        self._usage: Data | None = None
        events = [*_events(answer)]
        gaps = [later - earlier for (earlier, _), (later, _) in pairwise(events)]
        self._usual_ns = median(gaps) if gaps else 0
        self._first_ns = events[0][0] if events else answer.end_ns
        before_ns = self._first_ns
        for at_ns, event in events:
            if at_ns - before_ns > max(_LEAST_PAUSE_NS, _SLOWER * self._usual_ns):
                self._add({"pause": round((at_ns - before_ns) / 1e9, 3)})
            before_ns = at_ns
            self._hear(event)
        if answer.ending == CUT:
            self._add({"cut": "fin"})

    def _hear(self, event: bytes) -> None:
        text = event.strip(b"\r\n")
        if text.startswith(b":") and b"\n" not in text:
            self._add({"comment": text[1:].strip().decode("utf-8", "replace")})
            return
        said = _json(text.removeprefix(b"data:"))
        if isinstance(said, dict) and "choices" in said:
            self._usage = said.get("usage") or self._usage
            for choice in said["choices"]:
                self._last = choice.get("index", 0)
                self._choices.setdefault(self._last, _Choice()).say(choice)
        elif isinstance(said, dict) and ("error" in said or "detail" in said):
            self._add({"error": _error(said)})
        elif text != b"data: [DONE]":
            self._add(_raw(event))

    def _add(self, part: Data) -> None:
        """Adds what is no chunk to the choice that spoke last; nothing follows a cut, and nothing said an error."""
        self._choices.setdefault(self._last, _Choice()).parts.append(part)

    @property
    def reply(self) -> Data:
        """The stream as a reply."""
        choices = [self._choices[index].data for index in sorted(self._choices)] or [{"text": ""}]
        made: Data = choices[0] if len(choices) == 1 else {"choices": choices}
        made |= {"usage": _counts(self._usage)} if self._usage else {}
        pace = {"ttft_ms": _ms(self._first_ns), "itl_ms": _ms(self._usual_ns)}
        return made | ({"pace": pace} if any(pace.values()) else {})


def _events(answer: Answer) -> Iterator[tuple[int, bytes]]:
    """Each event with the blank line behind it, and when its last byte came."""
    rest = b""
    for piece in answer.pieces:
        rest += piece.data
        while (end := _end(rest)) is not None:
            yield piece.at_ns, rest[:end]
            rest = rest[end:]
    if rest:
        yield answer.end_ns, rest


def _end(received: bytes) -> int | None:
    ends = [at + len(line) for line in (b"\n\n", b"\r\n\r\n") if (at := received.find(line)) >= 0]
    return min(ends, default=None)


def _error(said: Mapping[str, Any]) -> Data:
    error = said.get("error", said)
    if isinstance(error, str):
        return {"message": error, "envelope": "bare"}
    if "detail" in said:
        made = {"message": said["detail"], "code": said.get("status"), "type": said.get("type"), "envelope": "problem"}
    else:
        made = {"message": error.get("message"), "code": error.get("code"), "type": error.get("type")}
    return {name: value for name, value in made.items() if value is not None} | {
        "message": str(made["message"] or "error")
    }


def _stated(entries: list[Data], text: str) -> Data:
    """The probabilities, where their tokens are those of the text."""
    return {"logprobs": entries} if entries and "".join(entry["token"] for entry in entries) == text else {}


def _call(call: Mapping[str, Any]) -> Data:
    made = {"name": call["function"]["name"], "arguments": call["function"]["arguments"]}
    return made | ({"id": call["id"]} if call.get("id") else {})


def _counts(usage: Mapping[str, Any]) -> Data:
    return {name: value for name, value in usage.items() if value is not None}


def _raw(data: bytes) -> Data:
    try:
        return {"raw": data.decode()}
    except UnicodeDecodeError:
        return {"raw": {"base64": base64.b64encode(data).decode()}}


def _json(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except ValueError:
        return None


def _ms(ns: float) -> float:
    return round(ns / _MS_NS, 1) if ns >= _MS_NS else 0
