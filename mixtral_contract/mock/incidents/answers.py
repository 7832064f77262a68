"""Incidents of any answer: statuses on demand, delays, wrong headers, cut connections."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus

from mixtral_contract.contract.openapi import Operation
from mixtral_contract.mock.incidents.incident import Kind, Parameter, ReplyEdit
from mixtral_contract.mock.messages.messages import Ending, Outgoing, Refusal, Write

_LENGTH = re.compile(rb"(?<=content-length: )\d+")
_MOST_MS = 86_400_000
_MOST = 10**9
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_CONDITIONS = {
    400: "invalid-request",
    401: "wrong-key",
    402: "no-credits",
    403: "forbidden",
    404: "unknown-model",
    405: "wrong-method",
    429: "rate-limited",
}
"""What an undocumented status is about, for the words that its envelope says."""


# arguments


def number(default: int, expected: str, *, least: int = 0) -> Parameter:
    """A whole number."""

    def read(text: str) -> int:
        number = int(text) if re.fullmatch(r"[+-]?[0-9]{1,10}", text) else _MOST + 1
        if not least <= number <= _MOST:
            raise ValueError
        return number

    return Parameter(str(default), expected, read)


def events_before(default: int) -> Parameter:
    """How many events leave unharmed before."""
    return number(default, "a number of events")


def milliseconds(default: int, *, least: float = 0) -> Parameter:
    """A time; a gap of nothing would be none."""

    def read(text: str) -> float:
        value = float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text) else math.nan
        if not least <= value <= _MOST_MS:
            raise ValueError
        return value

    return Parameter(str(default), f"milliseconds from {least} to {_MOST_MS}", read)


def in_ns(ms: float) -> int:
    """The time in nanoseconds."""
    return round(ms * 1e6)


def one_of(*words: str) -> Parameter:
    """One of these words; the first is the default."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError
        return text

    return Parameter(words[0], " or ".join(words), read)


# statuses

_BODIES: Mapping[str, tuple[str, Callable[[int, str], bytes]]] = {
    "html": (
        "text/html",
        lambda status, phrase: (
            f"<html>\r\n<head><title>{status} {phrase}</title></head>\r\n<body>\r\n"
            f"<center><h1>{status} {phrase}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
        ).encode(),
    ),
    "problem": (
        "application/problem+json",
        lambda status, phrase: f'{{"type":"about:blank","title":"{phrase}","status":{status}}}'.encode(),
    ),
    "text": ("text/plain", lambda _status, phrase: f"{phrase}\n".encode()),
    "empty": ("application/json", lambda _status, _phrase: b""),
}
"""The type and the body of errors that are not in the contract's envelope: gateways and proxies answer so."""


def _phrase(status: int) -> str:
    return _PHRASES.get(status, "Error")


def _refuse(operation: Operation, code: int, retry_after: int | str | None, **_body: str) -> Refusal:
    wait_s = retry_after if isinstance(retry_after, int) else 1 if retry_after == "auto" and code == 429 else None
    response = operation.responses.get(code)
    documented = response.conditions[0] if response is not None and response.conditions else None
    return Refusal(
        documented or _CONDITIONS.get(code) or ("invalid-request" if code < 500 else "failed"),
        response.description if response is not None else _phrase(code),
        wait_s=wait_s,
        status=code,
    )


def _error_body(passage: ReplyEdit, body: str, **_status: object) -> None:
    if body in _BODIES:
        media_type, written = _BODIES[body]
        passage.reply.headers["content-type"] = media_type
        passage.say(written(passage.reply.status, _phrase(passage.reply.status)))


def _seconds(text: str) -> int | str | None:
    if text in ("auto", "none"):
        return "auto" if text == "auto" else None
    return int(number(0, "seconds").read(text))


def _code(text: str) -> int:
    if not re.fullmatch(r"[45][0-9][0-9]", text):
        raise ValueError
    return int(text)


STATUS = Kind(
    "refused with this status, documented or not, before the key is looked at",
    {
        "retry_after": Parameter("auto", "seconds, or none, or auto (1 with 429)", _seconds),
        "body": one_of("contract", *_BODIES),
    },
    change=_error_body,
    refuse=_refuse,
)
CODE = Parameter("", "a status from 400 to 599", _code)
"""The number that names a status; it is no argument of its own."""


# answers


def _delay(passage: ReplyEdit, ms: float) -> None:
    passage.head.append(Write(before_ns=in_ns(ms)))


def _hang_up(passage: ReplyEdit, by: str) -> None:
    passage.head.append(Write(ending=Ending(by)))


def _content_type(passage: ReplyEdit, value: str) -> None:
    passage.reply.headers["content-type"] = value


def _content_length(passage: ReplyEdit, off: int) -> None:
    def edit(made: Outgoing) -> Outgoing:
        head = _LENGTH.sub(lambda found: b"%d" % max(0, int(found[0]) + off), made.head)
        return replace(made, head=head, close=True) if head != made.head else made

    passage.reply.edits = (*passage.reply.edits, edit)


def _cut(passage: ReplyEdit, after: int, by: str) -> None:
    left_out = passage.truncate(after)
    rest = b"" if passage.streams and by != "chunk" else left_out.data[: len(left_out.data) // 2]
    passage.append(Write(rest, left_out.before_ns, Ending(by)))


def _stall(passage: ReplyEdit, after: int, ms: float) -> None:
    place = passage.after(after)
    stalled = place.write
    if passage.streams:
        place.put(replace(stalled, before_ns=stalled.before_ns + in_ns(ms)))
        return
    middle = len(stalled.data) // 2
    place.put(
        replace(stalled, data=stalled.data[:middle], ending=None),
        Write(stalled.data[middle:], in_ns(ms), stalled.ending),
    )


def _trickle(passage: ReplyEdit, size: int, gap_ms: float) -> None:
    gap_ns = in_ns(gap_ms)
    for writes in passage.frames:
        pieces = []
        for write in writes:
            cuts = range(0, len(write.data), size)
            parts = [Write(write.data[start : start + size], gap_ns) for start in cuts] or [Write(before_ns=gap_ns)]
            parts[0] = replace(parts[0], before_ns=write.before_ns + gap_ns)
            parts[-1] = replace(parts[-1], ending=write.ending)
            pieces += parts
        writes[:] = pieces


def _media_type(text: str) -> str:
    if not re.fullmatch(r"[!-~]{1,100}", text):
        raise ValueError
    return text


CONNECTION: Mapping[str, Kind] = {
    "cut": Kind(
        "the connection ends after so many events, a whole answer in its middle (chunk: by fin, amid a chunk)",
        {"after": events_before(3), "by": one_of("fin", "rst", "chunk")},
        change=_cut,
    ),
    "stall": Kind(
        "nothing leaves for a while after so many events, of a whole answer in its middle",
        {"after": events_before(3), "ms": milliseconds(10_000)},
        change=_stall,
    ),
    "delay": Kind("not even the head leaves for a while", {"ms": milliseconds(1000)}, change=_delay),
    "hangup": Kind("the connection ends where the head was due", {"by": one_of("fin", "rst")}, change=_hang_up),
}
BODY: Mapping[str, Kind] = {
    "content-type": Kind(
        "the answer says that it is of this type",
        {"value": Parameter("text/plain", "a media type", _media_type)},
        change=_content_type,
    ),
    "content-length": Kind(
        "a whole answer says that it is longer (or, below zero, shorter) by so many bytes",
        {"off": number(10, "a number of bytes", least=-_MOST)},
        change=_content_length,
    ),
}
TRICKLE: Mapping[str, Kind] = {
    "trickle": Kind(
        "the body leaves so many bytes at a time, with a gap before each piece",
        {"size": number(16, "a number of bytes, at least 1", least=1), "gap_ms": milliseconds(50, least=1)},
        change=_trickle,
    ),
}
