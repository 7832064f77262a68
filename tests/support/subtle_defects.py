"""Defects that an ordinary request does not show: at the edge of a bound, of a limit, of a key, of a list.

Found by writing another server and breaking it in each place, to see what passed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.support.defective_requests import bodied, failing, listed, reading, rekeyed
from tests.support.defective_server import (
    Case,
    case,
    error,
    events,
    headers,
    is_refusal,
    is_whole,
    on,
    put,
    refused,
    usage,
    whole,
)
from tests.support.other_server import MODEL, Answer, Body, Defect, Request, Style


def unfinished(request: Request) -> Request:
    """A key that a good one begins with is good."""
    return rekeyed(request, lambda key: "mock-valid" if key and "mock-valid".startswith(key) else key)


def in_any_case(request: Request) -> Request:
    """The case of a key is not looked at."""
    return rekeyed(request, str.lower)


def silent(answer: Answer) -> Answer:
    """Says nothing."""
    answer.body["choices"][0]["message"]["content"] = ""
    return answer


def unsaid(choice: Body) -> None:
    """A stop sequence might begin in every delta."""
    if choice["delta"].get("content"):
        choice["delta"]["content"] = ""


def cut_short(choice: Body) -> None:
    """A stop sequence takes tokens away, as a limit does."""
    if choice["finish_reason"]:
        choice["finish_reason"] = "length"


def stopping(change: Callable[[Body], None]) -> Defect:
    """Changes each choice of a stream for which a stop sequence was named."""

    def changed(answer: Answer) -> None:
        for event in (answer.events or [])[:-1]:
            for choice in event["choices"]:
                change(choice)

    return on(lambda request, answer: answer.events is not None and bool(request.asks("stop")), changed)


def without(role: str) -> Callable[[Body], Body]:
    """Of a conversation what one side said before is lost."""

    def change(body: Body) -> Body:
        messages = body.get("messages")
        if not isinstance(messages, list):
            return body
        kept = [each for each in messages[:-1] if not isinstance(each, dict) or each.get("role") != role]
        return {**body, "messages": [*kept, *messages[-1:]]}

    return change


def counted_as_characters(_request: Request, head: bytes, pieces: list[bytes]) -> tuple[bytes, list[bytes]]:
    """A length in characters, and what is beyond it is cut off."""
    body = b"".join(pieces)
    if b"event-stream" in head or b"Content-Length" not in head or not body:
        return head, pieces
    length = len(body.decode())
    return re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % length, head), [body[:length]]


def null_as_empty(body: Body) -> Body:
    """Null is an empty text."""
    messages = [_without_null(each) for each in listed(body.get("messages"))]
    return {**body, "messages": messages} if messages else body


def _without_null(message: Any) -> Any:
    null = isinstance(message, dict) and message.get("content", "") is None
    return {**message, "content": ""} if null else message


def last_alone(body: Body) -> Body:
    """Of several messages those before the last are left out when they are none."""
    messages = listed(body.get("messages"))
    return {**body, "messages": [*filter(_is_object, messages[:-1]), messages[-1]]} if messages else body


def _is_object(message: Any) -> bool:
    return isinstance(message, dict)


def generous(body: Body) -> Body:
    """A presence_penalty just below its minimum is the minimum."""
    said = body.get("presence_penalty")
    return {**body, "presence_penalty": -2} if isinstance(said, float) and -2.1 < said < -2 else body


SUBTLE: dict[str, Case] = {
    "a key without its last letter": case(reading(unfinished), "AUT-12"),
    "a key in any case": case(reading(in_any_case), "AUT-12"),
    "406 for who accepts JSON alone": case(
        on(
            lambda request, answer: answer.events is not None and request.headers.get("accept") == "application/json",
            put(status=406, events=None, body=error()),
        ),
        "HTTP-08",
    ),
    "503 for too many": case(on(refused(429), put(status=503)), "ERR-14"),
    "a wait that is over": case(
        on(
            refused(429),
            headers(lambda headers: {**headers, "Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"}),
        ),
        "ERR-18",
    ),
    "problem details": case(
        on(is_refusal, lambda answer: replace(answer, body={"title": "no", "detail": "not like this"})),
        "ERR-19",
        "NEG-17",
    ),
    "words counted for tokens": case(whole(lambda body: body.update(usage=usage(9, 1))), "RSP-29"),
    "fractions of tokens": case(whole(lambda body: body.update(created=float(body["created"]))), "RSP-31", "RSP-03"),
    "nothing before the stop sequence": case(
        on(lambda request, answer: is_whole(request, answer) and bool(request.asks("stop")), silent), "RSP-30"
    ),
    "nothing streamed before the stop sequence": case(stopping(unsaid), "STR-30"),
    "length for a stream that a stop sequence ends": case(stopping(cut_short), "STR-31"),
    "a limit of 16 for who names none": case(
        bodied(lambda body: {**body, "max_tokens": body.get("max_tokens", 4)}), "RSP-17"
    ),
    "a limit of 512 for all": case(
        failing(lambda request: isinstance(limit := request.asks("max_tokens"), int) and limit > 512, 400),
        "REQ-09",
    ),
    "usage after [DONE]": case(
        events(lambda events: [*events[:-2], events[-1], events[-2]] if events[-2]["choices"] == [] else events),
        "STR-07",
        "SSE-08",
    ),
    "a length in characters": case(
        Defect(raw=counted_as_characters), "RSP-24", "HTTP-14", style=Style(framing="length", ascii_only=False)
    ),
    "the assistant's turns left out": case(bodied(without("assistant")), "RSP-11"),
    "the user's earlier turns left out": case(bodied(without("user")), "RSP-11"),
    "a challenge without a scheme": case(
        on(refused(401), headers(lambda headers: {**headers, "WWW-Authenticate": 'realm="chat"'})), "AUT-03"
    ),
    "null for a text": case(bodied(null_as_empty), "NEG-25"),
    "any type of model": case(
        bodied(lambda body: {**body, "model": MODEL} if not isinstance(body.get("model", ""), str) else body), "NEG-26"
    ),
    "NaN for a number": case(
        reading(lambda request: replace(request, body=request.body.replace(b": NaN", b": 0.5"))), "NEG-27"
    ),
    "500 for an empty text": case(failing(lambda request: b'"content": ""' in request.body), "REQ-15"),
    "no look at what stands before the last message": case(bodied(last_alone), "NEG-20"),
    "a penalty a little too low": case(bodied(generous), "NEG-09"),
}
