"""Incidents of streams: which events there are, how they are framed, and in which writes they leave.

An answer that is no stream they leave alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from mixtral_contract.mock.completions.completion import DONE
from mixtral_contract.mock.incidents.answers import events_before, in_ns, milliseconds, number, one_of
from mixtral_contract.mock.incidents.incident import Kind, Parameter, ReplyEdit
from mixtral_contract.mock.messages.messages import Write
from mixtral_contract.mock.replies.error_event import StreamError, error_event

_BOM = b"\xef\xbb\xbf"
_DATA = b"data: "
_UTF8_LEAD = 0xC0
_BEYOND_ASCII = ": \u2014\n".encode()

_ERRORS: Mapping[str, StreamError] = {
    "openai": StreamError(
        "ResourceExhausted: Worker local total request limit reached (33/32)", 503, "Service Unavailable"
    ),
    "problem": StreamError(
        "Internal error while making inference request",
        500,
        "urn:nvcf-worker-service:problem-details:internal-server-error",
    ),
    "bare": StreamError("The model failed while it was answering"),
}
"""Errors within a stream as users saw them, by the envelope that they came in."""


def _of_streams(change: Callable[..., None]) -> Callable[..., None]:
    def changed(passage: ReplyEdit, **arguments: Any) -> None:
        if passage.streams:
            change(passage, **arguments)

    return changed


def _kind(summary: str, change: Callable[..., None], **parameters: Parameter) -> Kind:
    return Kind(summary, parameters, change=_of_streams(change))


def _each(summary: str, change: Callable[[bytes], bytes]) -> Kind:
    """Changes the bytes of every event."""
    return _kind(summary, lambda passage: passage.edit(change))


# which events there are


def _end(passage: ReplyEdit, after: int) -> None:
    passage.truncate(after)


def _error(passage: ReplyEdit, after: int, envelope: str, done: str) -> None:
    passage.truncate(after)
    event = error_event(envelope, _ERRORS[envelope])
    passage.append(*(Write(data) for data in (event, DONE)[: 2 if done == "yes" else 1]))


def _duplicate(passage: ReplyEdit, after: int) -> None:
    place = passage.after(after)
    place.put(place.write, Write(place.write.data))


def _malformed(passage: ReplyEdit, after: int, kind: str) -> None:
    place = passage.after(after)
    data = place.write.data
    broken = data[: len(data) // 2] + b"\n\n" if kind == "json" else data.replace(b'"', b'"\xff', 1)
    place.put(replace(place.write, data=broken))


def _no_finish(passage: ReplyEdit) -> None:
    passage.edit(_without_finish)


def _without_finish(event: bytes) -> bytes:
    """The event without its finish_reason; nothing when it says nothing else."""
    try:
        chunk = orjson.loads(event.removeprefix(_DATA))
        ending = [choice for choice in chunk["choices"] if choice["finish_reason"] is not None]
    except (ValueError, KeyError, TypeError):
        return event
    if not ending:
        return event
    for choice in ending:
        choice["finish_reason"] = None
    says_more = chunk.get("usage") or any(choice.get("delta") for choice in ending)
    return _DATA + orjson.dumps(chunk) + b"\n\n" if says_more else b""


def _no_done(event: bytes) -> bytes:
    return b"" if event == DONE else event


# how they are framed


def _bom(passage: ReplyEdit) -> None:
    place = passage.after(0)
    place.put(replace(place.write, data=_BOM + place.write.data))


def _no_blank_line(passage: ReplyEdit) -> None:
    *_, last = passage.places()
    last.put(replace(last.write, data=last.write.data.removesuffix(b"\n")))


# in which writes they leave


def _coalesce(passage: ReplyEdit, events: int) -> None:
    held: list[Write] = []
    for writes in passage.frames[:-1]:
        held += writes
        if len(held) < events and not any(write.ending for write in writes):
            writes.clear()
        else:
            writes[:], held = [_joined(held)], []
    passage.frames[-1][:] = [_joined(held + passage.frames[-1])]


def _joined(writes: list[Write]) -> Write:
    data = b"".join(write.data for write in writes)
    return Write(data, sum(write.before_ns for write in writes), writes[-1].ending if writes else None)


def _split(passage: ReplyEdit, at: str, gap_ms: float) -> None:
    if at == "utf8" and not any(_utf8_place(place.write.data) for place in passage.places()):
        first = passage.after(0)
        first.put(replace(first.write, data=_BEYOND_ASCII + first.write.data))
    for writes in passage.frames:
        pieces = []
        for write in writes:
            place = _data_place(write.data) if at == "data" else _utf8_place(write.data)
            if place is None:
                pieces.append(write)
            else:
                pieces.append(replace(write, data=write.data[:place], ending=None))
                pieces.append(Write(write.data[place:], in_ns(gap_ms), write.ending))
        writes[:] = pieces


def _data_place(event: bytes) -> int | None:
    start = event.find(b"data:")
    return None if start < 0 else start + 2


def _utf8_place(event: bytes) -> int | None:
    return next((index + 1 for index, byte in enumerate(event) if byte >= _UTF8_LEAD), None)


EVENTS: Mapping[str, Kind] = {
    "end": _kind(
        "the stream ends cleanly after so many events: no finish_reason, no [DONE]", _end, after=events_before(3)
    ),
    "error": _kind(
        "an error comes as an event after so many good ones, and the stream ends cleanly",
        _error,
        after=events_before(3),
        envelope=one_of(*_ERRORS),
        done=one_of("no", "yes"),
    ),
    "no-finish": _kind("no event has a finish_reason", _no_finish),
    "no-done": _each("no [DONE] at the end", _no_done),
    "duplicate": _kind("the event after so many comes twice", _duplicate, after=events_before(3)),
    "malformed": _kind(
        "the event after so many is no JSON, or no UTF-8",
        _malformed,
        after=events_before(3),
        kind=one_of("json", "utf8"),
    ),
}
FRAMING: Mapping[str, Kind] = {
    "comments": _each("a comment before every event", lambda event: b": keep-alive\n\n" + event),
    "pings": _each("an event without data before every event", lambda event: b"event: ping\n\n" + event),
    "no-space": _each("no space behind data:", lambda event: event.replace(b"data: ", b"data:", 1)),
    "no-blank-line": _kind("no blank line behind the last event", _no_blank_line),
    "crlf": _each("lines end with CR LF", lambda event: event.replace(b"\n", b"\r\n")),
    "bom": _kind("a byte order mark before the first event", _bom),
}
WRITES: Mapping[str, Kind] = {
    "coalesce": _kind(
        "so many events, or a few more, leave in one write",
        _coalesce,
        events=number(8, "a number of events, at least 1", least=1),
    ),
    "split": _kind(
        "events leave in two writes, cut inside data: or inside their first character beyond ASCII; where there is none"
        " in the stream it begins with a comment that has one",
        _split,
        at=one_of("data", "utf8"),
        gap_ms=milliseconds(20, least=1),
    ),
}
