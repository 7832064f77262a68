"""Breaks of completions, whole ones above all: what they say, what they count, and the headers they come with."""

from __future__ import annotations

import gzip
import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from mixtral_contract.contract.openapi import Operation
from mixtral_contract.mock.breaks.bodies import has_role
from mixtral_contract.mock.breaks.broken_service import Break, Factory
from mixtral_contract.mock.breaks.headers import body_of
from mixtral_contract.mock.completions.completion import Completion, usage
from mixtral_contract.mock.messages.messages import Outgoing, Reply, Request
from mixtral_contract.mock.service.call import Call
from mixtral_contract.mock.service.service import CREDITS_HEADER

_LENGTH = re.compile(rb"content-length: (\d+)")
_DATE = re.compile(rb"Date: [^\r]*\r\n")
_TYPE = re.compile(rb"content-type: application/json")
_HEAD_END = b"\r\n\r\n"
_FEW = 2
_PAGE = " and so on" * 100
"""A text that no two tokens hold."""


def completion(change: Callable[[Call, Completion], Completion]) -> Factory:
    """Changes a completion before it becomes a reply."""
    return lambda: Break(completion=change)


def counted(made: Completion, *, prompt: int = 0, completion: int = 0) -> Completion:
    """The completion with more tokens counted than there are; the total stays the sum."""
    counts = made.usage
    return replace(made, usage=usage(counts["prompt_tokens"] + prompt, counts["completion_tokens"] + completion))


def _whole(change: Callable[[dict[str, Any]], None]) -> Factory:
    """Changes the body of a whole completion."""

    def changed(_call: Call, reply: Reply) -> None:
        if reply.refusal is None and reply.frames is None:
            change(reply.content)

    return lambda: Break(reply=changed)


def _set(name: str, value: Any) -> Factory:
    return _whole(lambda body: body.update({name: value}))


def _choice(change: Callable[[dict[str, Any]], None]) -> Factory:
    return _whole(lambda body: change(body["choices"][0]))


def _text_part(choice: dict[str, Any]) -> None:
    choice["message"]["content"] = [{"type": "text", "text": choice["message"]["content"]}]


def _edit(change: Callable[[Outgoing], Outgoing]) -> Factory:
    """Changes the bytes of every reply but a stream."""

    def changed(_call: Call, reply: Reply) -> None:
        if reply.frames is None and reply.refusal is None:
            reply.edits = (*reply.edits, change)

    return lambda: Break(reply=changed)


def _credits(value: Callable[[], str | None]) -> Factory:
    """Puts a value into the header of the remaining credits, or takes it away."""

    def changed(_call: Call, reply: Reply) -> None:
        if CREDITS_HEADER in reply.headers:
            stated = value()
            reply.headers.pop(CREDITS_HEADER)
            reply.headers.update({} if stated is None else {CREDITS_HEADER: stated})

    return lambda: Break(reply=changed)


def _one_longer(made: Outgoing) -> Outgoing:
    head = _LENGTH.sub(lambda found: b"content-length: %d" % (int(found[1]) + 1), made.head)
    return replace(made, head=head, close=True)


def _one_body(made: Outgoing, body: bytes, *fields: bytes) -> Outgoing:
    """The reply with another body, its length, and more fields."""
    head = _LENGTH.sub(b"content-length: %d" % len(body), made.head)
    return replace(made, head=_with_fields(head, *fields), frames=[body])


def _with_fields(head: bytes, *fields: bytes) -> bytes:
    return b"\r\n".join((head.removesuffix(_HEAD_END), *fields)) + _HEAD_END


def _compressed(made: Outgoing) -> Outgoing:
    return _one_body(made, gzip.compress(made.frames[0], mtime=0), b"content-encoding: gzip")


def _chunked_with_length(made: Outgoing) -> Outgoing:
    body = made.frames[0]
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    return replace(made, head=_with_fields(made.head, b"transfer-encoding: chunked"), frames=[chunks])


def _dated_twice(made: Outgoing) -> Outgoing:
    found = _DATE.search(made.head)
    return replace(made, head=_with_fields(made.head, found.group().strip())) if found else made


def _in_latin_1(made: Outgoing) -> Outgoing:
    return replace(made, head=_TYPE.sub(rb"\g<0>; charset=iso-8859-1", made.head))


def _iso_date(_call: Call, reply: Reply) -> None:
    reply.edits = (
        *reply.edits,
        lambda made: replace(made, head=_DATE.sub(b"Date: 2026-01-31T12:00:00Z\r\n", made.head)),
    )


def _model_twice(made: Outgoing) -> Outgoing:
    return _one_body(made, made.frames[0].replace(b'"object":', b'"model":"x","object":', 1))


def _not_a_number(made: Outgoing) -> Outgoing:
    return _one_body(made, made.frames[0].replace(b'"object":', b'"load":NaN,"object":', 1))


def _index_as_float(body: dict[str, Any]) -> None:
    if len(body["choices"]) == 1:
        body["choices"][0]["index"] = 0.0


def _objectless(call: Call, reply: Reply) -> None:
    empty = (
        any(message.get("content") == "" for message in call.completion_request.messages)
        if reply.refusal is None
        else False
    )
    if empty and reply.frames is None:
        del reply.content["object"]


def _dateless(_call: Call, reply: Reply) -> None:
    reply.edits = (*reply.edits, lambda made: replace(made, head=_DATE.sub(b"", made.head)))


def _plain(_call: Call, reply: Reply) -> None:
    if reply.refusal is None and reply.frames is None:
        reply.headers["content-type"] = "text/plain"


def _parts(call: Call, made: Completion) -> Completion:
    contents = (message.get("content") for message in call.completion_request.messages)
    return counted(
        made, prompt=sum(part["type"] == "text" for parts in contents if isinstance(parts, list) for part in parts)
    )


def _stop_for_length(call: Call, made: Completion) -> Completion:
    return (
        made
        if call.completion_request.stream or made.finish_reason != "length"
        else replace(made, finish_reason="stop")
    )


def _with_stop(call: Call, made: Completion) -> Completion:
    if call.completion_request.stream or made.stopped_by is None:
        return made
    return replace(made, pieces=(*made.pieces, made.stopped_by))


def with_page(made: Completion) -> Completion:
    """The completion with a page after a text that was cut to two tokens or one; what it counts stays."""
    few = made.finish_reason == "length" and made.usage["completion_tokens"] <= 2
    return replace(made, pieces=(*made.pieces, _PAGE)) if few else made


def _on_and_on(call: Call, made: Completion) -> Completion:
    return made if call.completion_request.stream else with_page(made)


def one_more(made: Completion) -> Completion:
    """The completion with one token more, where a limit cut it to a few."""
    few = made.finish_reason == "length" and made.choices is None and made.usage["completion_tokens"] <= _FEW
    return counted(made, completion=1) if few else made


def _empty_at_stop(call: Call, made: Completion) -> Completion:
    return made if call.completion_request.stream or made.stopped_by is None else replace(made, pieces=())


def _length_for_stop(call: Call, made: Completion) -> Completion:
    return made if call.completion_request.stream or made.stopped_by is None else replace(made, finish_reason="length")


def _first_of_list(operation: Operation, request: Request) -> Request:
    body = body_of(request)
    stop = body.get("stop") if isinstance(body, dict) else None
    if "stop" not in operation.request.properties or not isinstance(stop, list):
        return request
    if not all(isinstance(sequence, str) for sequence in stop):
        return request
    return replace(request, body=orjson.dumps({**body, "stop": stop[:1]}))


def _stopped_in_any_case(call: Call, made: Completion) -> Completion:
    if "stop" not in call.operation.request.properties:
        return made
    given = call.body.get("stop") or ()
    text = "".join(made.pieces)
    sequences = [given] if isinstance(given, str) else given
    found = [at for sequence in sequences if (at := text.lower().find(sequence.lower())) >= 0]
    return replace(made, pieces=(text[: min(found)],)) if found and not call.completion_request.stream else made


def _page_at_stop(call: Call, made: Completion) -> Completion:
    return made if call.completion_request.stream or made.stopped_by is None else counted(made, completion=1000)


def _system_uncounted(call: Call, made: Completion) -> Completion:
    return counted(made, prompt=9 - made.usage["prompt_tokens"]) if has_role(call, "system") else made


def _beyond_limit(call: Call, made: Completion) -> Completion:
    given = "max_tokens" in call.operation.request.properties and call.body.get("max_tokens") is not None
    return counted(made, completion=100) if given else made


def _beyond_default(call: Call, made: Completion) -> Completion:
    by_default = "max_tokens" in call.operation.defaults and call.body.get("max_tokens") is None
    return counted(made, completion=2000) if by_default else made


def _fewer_for_more(call: Call, made: Completion) -> Completion:
    return counted(made, prompt=100 - len(call.completion_request.messages) - made.usage["prompt_tokens"])


def _numbered(applies: Callable[[Call], bool] = lambda _call: True) -> Factory:
    """Puts its own number before each whole text to which it applies."""

    def factory() -> Break:
        numbers = itertools.count(1)

        def changed(call: Call, made: Completion) -> Completion:
            if call.completion_request.stream or not applies(call):
                return made
            return replace(made, pieces=(f"{next(numbers)}. ", *made.pieces))

        return Break(completion=changed)

    return factory


def _rising() -> Break:
    numbers = itertools.count(1000)
    return _credits(lambda: str(next(numbers)))()


ANSWERS: Mapping[str, Factory] = {
    "HTTP-05": lambda: Break(reply=_plain),
    "HTTP-10": lambda: Break(reply=_dateless),
    "HTTP-14": _edit(_one_longer),
    "HTTP-15": _edit(_compressed),
    "HTTP-16": _edit(lambda made: replace(made, end=b"\0\0")),
    "HTTP-17": _edit(_chunked_with_length),
    "HTTP-18": _edit(_dated_twice),
    "HTTP-19": _edit(lambda made: replace(made, head=_with_fields(made.head, b"x-note: one", b" two"))),
    "HTTP-28": _edit(_in_latin_1),
    "HTTP-31": lambda: Break(reply=_iso_date),
    "REQ-05": completion(_parts),
    "RSP-01": _whole(lambda body: body.pop("created")),
    "RSP-02": _set("object", "completion"),
    "RSP-03": _set("created", 1),
    "RSP-04": _choice(lambda choice: choice.update(index=1)),
    "RSP-05": _choice(lambda choice: choice["message"].update(role="user")),
    "RSP-06": _choice(_text_part),
    "RSP-07": _choice(lambda choice: choice.update(finish_reason="done")),
    "RSP-08": completion(_stop_for_length),
    "RSP-09": completion(_beyond_limit),
    "RSP-10": _whole(
        lambda body: body.update(usage={**body["usage"], "total_tokens": body["usage"]["total_tokens"] + 1})
    ),
    "RSP-11": completion(_fewer_for_more),
    "RSP-12": completion(lambda _call, made: replace(made, model=f"other-{made.model}")),
    "RSP-13": _set("id", "chatcmpl-1"),
    "RSP-14": completion(_with_stop),
    "RSP-15": _numbered(),
    "RSP-17": completion(_beyond_default),
    "RSP-19": _set("id", 1),
    "RSP-20": completion(lambda _call, made: counted(made, prompt=-made.usage["prompt_tokens"])),
    "RSP-21": _edit(lambda made: _one_body(made, b"\xef\xbb\xbf" + made.frames[0])),
    "RSP-22": _edit(_not_a_number),
    "RSP-23": _edit(_model_twice),
    "RSP-24": completion(lambda _call, made: replace(made, pieces=("\ufffd", *made.pieces))),
    "RSP-25": completion(_on_and_on),
    "RSP-26": completion(_length_for_stop),
    "RSP-27": lambda: Break(request=_first_of_list),
    "RSP-28": completion(lambda _call, made: replace(made, pieces=(*made.pieces, "</s>"))),
    "RSP-29": completion(lambda call, made: made if call.completion_request.stream else one_more(made)),
    "RSP-30": completion(_empty_at_stop),
    "RSP-31": _whole(_index_as_float),
    "RSP-32": completion(_system_uncounted),
    "RSP-33": _numbered(lambda call: call.body.get("seed") == 0),
    "RSP-35": completion(_stopped_in_any_case),
    "RSP-36": completion(_page_at_stop),
    "FUZZ-02": lambda: Break(reply=_objectless),
    "ERR-12": _set("error", {"message": "the model failed"}),
    "CRD-01": _credits(lambda: None),
    "CRD-02": _credits(lambda: "unlimited"),
    "CRD-03": _rising,
    "CRD-09": _credits(lambda: "1000"),
}
