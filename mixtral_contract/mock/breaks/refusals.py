"""Breaks of refusals: another status, another message, another shape, a header that is missing."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal

import orjson

from mixtral_contract.contract.openapi import EVENT_STREAM
from mixtral_contract.mock.accounts.accounts import PRICE
from mixtral_contract.mock.breaks.broken_service import Break, Factory
from mixtral_contract.mock.breaks.headers import body_of
from mixtral_contract.mock.completions.completion import DONE
from mixtral_contract.mock.messages.messages import Refusal, Reply
from mixtral_contract.mock.service.call import Call
from mixtral_contract.mock.service.service import CREDITS_HEADER

_TRACE = "\nTraceback (most recent call last):\n  File \"/srv/app/model.py\", line 42, in complete\nKeyError: 'role'"
_IN_A_ROW = 6
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_LONG_NUMBER = re.compile(rb"[0-9]{40}")
_PAGE = b"<!DOCTYPE html><html><head><title>Not Found</title></head><body><h1>Not Found</h1></body></html>\n"


def _status(condition: str, status: int, applies: Callable[[Call], bool] = lambda _call: True) -> Factory:
    """Answers a condition with another status than the documented one."""

    def changed(call: Call, refusal: Refusal) -> Refusal:
        if refusal.preference is None and refusal.condition == condition and applies(call):
            return replace(refusal, status=status)
        return refusal

    return lambda: Break(refusal=changed)


def _message(condition: str, change: Callable[[Call, Refusal], Refusal]) -> Factory:
    """Changes what the refusal of a condition says."""
    return lambda: Break(
        refusal=lambda call, refusal: change(call, refusal) if refusal.condition == condition else refusal
    )


def _reply(change: Callable[[Call, Reply, Refusal], None]) -> Factory:
    """Changes the reply that refuses."""

    def changed(call: Call, reply: Reply) -> None:
        if reply.refusal is not None:
            change(call, reply, reply.refusal)

    return lambda: Break(reply=changed)


def _without(*names: str) -> Factory:
    def changed(_call: Call, reply: Reply, _refusal: Refusal) -> None:
        for name in names:
            reply.headers.pop(name, None)

    return _reply(changed)


def _is_json(call: Call) -> bool:
    return body_of(call.request) is not None or call.request.body.strip() == b"null"


def _has_grammar(call: Call) -> bool:
    """Whether the body is JSON by RFC 8259's grammar, also where a number or a nesting is beyond what is read here."""
    try:
        json.loads(call.request.body, parse_constant=_refuse_constant, parse_int=str)
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def _refuse_constant(name: str) -> None:
    raise ValueError(f"expected JSON, got {name}")


def _lacks_content(call: Call) -> bool:
    body = body_of(call.request)
    messages = body.get("messages") if isinstance(body, dict) else None
    if not isinstance(messages, list):
        return False
    return any(isinstance(message, dict) and "content" not in message for message in messages)


def _repeat_key(call: Call, refusal: Refusal) -> Refusal:
    sent = (call.request.headers.get(credential.header, "") for credential in call.operation.credentials)
    return replace(refusal, message=f"{refusal.message}: {' '.join(filter(None, sent))}")


def _page(_call: Call, reply: Reply, refusal: Refusal) -> None:
    if refusal.condition == "unknown-url":
        reply.content = _PAGE
        reply.headers["content-type"] = "text/html"


def _detail(_call: Call, reply: Reply, refusal: Refusal) -> None:
    if reply.status == 401:
        reply.content = {"detail": refusal.message}


def _all_under_detail(_call: Call, reply: Reply, refusal: Refusal) -> None:
    reply.content = {"detail": refusal.message}


def _other_status_inside(_call: Call, reply: Reply, _refusal: Refusal) -> None:
    # every refusal gets the key, so that all keep one shape
    reply.content = {**reply.content, "status": 499 if reply.status == 400 else reply.status}


def _inside_stream(condition: str) -> Factory:
    """Refuses within the stream that was asked for."""
    return _reply(lambda call, reply, refusal: _streamed(call, reply) if refusal.condition == condition else None)


def _streamed(call: Call, reply: Reply) -> None:
    body = body_of(call.request)
    if call.operation.streams and isinstance(body, dict) and body.get("stream") is True:
        reply.status, reply.tokens = 200, 1
        reply.headers = {"content-type": f"{EVENT_STREAM}; charset=utf-8", "cache-control": "no-cache"}
        reply.frames = [b"data: " + orjson.dumps(reply.content) + b"\n\n" + DONE]


def _closing(condition: str) -> Factory:
    """Ends the connection after the refusal, without a word."""

    def changed(_call: Call, reply: Reply, refusal: Refusal) -> None:
        if refusal.condition == condition:
            reply.edits = (*reply.edits, lambda made: replace(made, close=True))

    return _reply(changed)


def _kept_open(_call: Call, reply: Reply, refusal: Refusal) -> None:
    if refusal.condition == "missing-key":
        reply.edits = (*reply.edits, lambda made: replace(made, close=False))


def _with_body(call: Call, reply: Reply, _refusal: Refusal) -> None:
    if call.request.method == "HEAD":
        body = orjson.dumps(reply.content)
        reply.edits = (*reply.edits, lambda made: replace(made, frames=[body]))


def _plain(_call: Call, reply: Reply, _refusal: Refusal) -> None:
    reply.headers["content-type"] = "text/plain"


def _wait(value: str) -> Factory:
    def changed(_call: Call, reply: Reply, _refusal: Refusal) -> None:
        if "retry-after" in reply.headers:
            reply.headers["retry-after"] = value

    return _reply(changed)


def _failing(applies: Callable[[bytes], bool]) -> Factory:
    """Fails on such a body, whatever would have become of it."""
    failure = Refusal("server-error", "failed by --break")
    return lambda: Break(
        instead=lambda call: failure if applies(call.request.body) else None,
        refusal=lambda call, refusal: (
            replace(refusal, status=500)
            if refusal.condition == "invalid-request" and applies(call.request.body)
            else refusal
        ),
    )


def _too_long(_call: Call, refusal: Refusal) -> Refusal:
    return replace(refusal, status=500) if refusal.code == "context_length_exceeded" else refusal


def _charged_in_a_row() -> Break:
    owed, refused = Decimal(0), 0

    def changed(_call: Call, reply: Reply) -> None:
        nonlocal owed, refused
        if reply.refusal is not None:
            refused = refused + 1 if reply.refusal.condition == "invalid-request" else refused
            if refused == _IN_A_ROW:
                owed, refused = owed + 10 * PRICE, 0
        elif CREDITS_HEADER in reply.headers:
            refused = 0
            reply.headers[CREDITS_HEADER] = f"{Decimal(reply.headers[CREDITS_HEADER]) - owed:f}"

    return Break(reply=changed)


def _impatient() -> Break:
    refused = 0

    def changed(_call: Call, reply: Reply) -> None:
        nonlocal refused
        refused = refused + 1 if "retry-after" in reply.headers else 0
        if refused >= _IN_A_ROW:
            reply.headers["retry-after"] = "0"

    return Break(reply=changed)


def _every_second() -> Break:
    refused = itertools.count(1)

    def changed(_call: Call, refusal: Refusal) -> Refusal:
        counts = refusal.condition == "invalid-request" and refusal.preference is None
        return replace(refusal, status=404) if counts and next(refused) % 2 == 0 else refusal

    return Break(refusal=changed)


def _charged() -> Break:
    owed = Decimal(0)

    def changed(_call: Call, reply: Reply) -> None:
        nonlocal owed
        if reply.refusal is not None and reply.refusal.condition == "invalid-request":
            owed += 10 * PRICE
        if CREDITS_HEADER in reply.headers:
            reply.headers[CREDITS_HEADER] = f"{Decimal(reply.headers[CREDITS_HEADER]) - owed:f}"

    return Break(reply=changed)


REFUSALS: Mapping[str, Factory] = {
    "HTTP-02": _status("wrong-method", 404),
    "HTTP-03": _without("allow"),
    "HTTP-04": _status("unknown-url", 400),
    "HTTP-11": _status("invalid-request", 500, lambda call: call.request.body != b"" and not _has_grammar(call)),
    "HTTP-12": _status("invalid-request", 500, lambda call: call.request.body == b""),
    "AUT-01": _status("missing-key", 400),
    "AUT-02": _status("wrong-key", 400),
    "AUT-03": _without("www-authenticate"),
    "AUT-09": _message("wrong-key", _repeat_key),
    "NEG-15": _every_second,
    "NEG-16": _status(
        "invalid-request", 500, lambda call: _is_json(call) and not isinstance(body_of(call.request), dict)
    ),
    "NEG-17": _message(
        "invalid-request", lambda _call, refusal: replace(refusal, message="invalid request", param=None)
    ),
    "HTTP-21": _reply(_with_body),
    "HTTP-22": _closing("wrong-key"),
    "HTTP-23": _closing("wrong-method"),
    "HTTP-26": _reply(_kept_open),
    "AUT-11": _inside_stream("wrong-key"),
    "REQ-19": _message("invalid-request", _too_long),
    "REQ-20": _failing(lambda body: _SURROGATE.search(body) is not None),
    "NEG-23": _failing(lambda body: _LONG_NUMBER.search(body) is not None),
    "NEG-24": _failing(lambda body: max(body.count(b"["), body.count(b"{")) > 1000),
    "ERR-16": _reply(_plain),
    "ERR-17": _wait("soon"),
    "ERR-18": _wait("0"),
    "SSE-02": _inside_stream("invalid-request"),
    "ERR-01": _reply(_page),
    "ERR-02": _reply(_detail),
    "ERR-19": _reply(_all_under_detail),
    "ERR-03": _reply(_other_status_inside),
    "ERR-04": _message("invalid-request", lambda _call, refusal: replace(refusal, message=refusal.message + _TRACE)),
    "ERR-05": _status("no-credits", 403),
    "ERR-06": _status("forbidden", 400),
    "ERR-07": _without("retry-after", "retry-after-ms", "x-rate-limit-reset-at-utc"),
    "ERR-08": _status("invalid-request", 422, _lacks_content),
    "ERR-14": _status("rate-limited", 403),
    "CRD-06": _charged,
    "FUZZ-01": _failing(lambda body: b'"content":""' in body.replace(b" ", b"")),
    "FUZZ-04": _charged_in_a_row,
    "FUZZ-05": _impatient,
}
