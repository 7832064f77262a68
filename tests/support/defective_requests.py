"""Defects of a server in what it makes of a request."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.support.defective_server import error, on
from tests.support.other_server import Answer, Body, Defect, Request


def reading(change: Callable[[Request], Request]) -> Defect:
    """Changes a request as it is read."""
    return Defect(request=change)


def bodied(change: Callable[[Body], Body]) -> Defect:
    """Changes a request's JSON as it is read."""

    def changed(request: Request) -> Request:
        body = request.json
        return replace(request, body=json.dumps(change(body)).encode()) if isinstance(body, dict) else request

    return Defect(request=changed)


def failing(applies: Callable[[Request], bool], status: int = 500) -> Defect:
    """Fails where it should answer."""
    return on(lambda request, _answer: applies(request), lambda _answer: Answer(status, _JSON, body=error()))


_JSON = [("Content-Type", "application/json")]


def accepting(*names: str) -> Defect:
    """Does not look at these fields."""
    return Defect(tolerant=frozenset(names))


def coerced(body: Body) -> Body:
    """Digits in quotes are numbers, as lax validators read them."""
    return {name: _as_number(value) if name in _NUMBERS else value for name, value in body.items()}


def _as_number(value: Any) -> Any:
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


_NUMBERS = frozenset(("temperature", "top_p", "max_tokens", "frequency_penalty", "presence_penalty", "seed"))


def no_system(body: Any) -> bool:
    """Whether a body has a system message."""
    return isinstance(body, dict) and any(
        isinstance(each, dict) and each.get("role") == "system" for each in listed(body.get("messages"))
    )


def listed(value: Any) -> list[Any]:
    """A list, empty for what is none."""
    return value if isinstance(value, list) else []


def emptied(request: Request) -> Request:
    """A body in chunks is not read."""
    return replace(request, body=b"") if "transfer-encoding" in request.headers else request


def with_key(request: Request) -> Request:
    """Any key is a good one."""
    return rekeyed(request, lambda _key: "mock-valid")


def queried(request: Request) -> Request:
    """A key in the query is as good as one in the header."""
    key = request.path.partition("api_key=")[2]
    return rekeyed(request, lambda _key: key) if key else request


def shortened(request: Request) -> Request:
    """A key that begins like the good one is good."""
    return rekeyed(request, lambda key: "mock-valid" if key.startswith("mock-valid") else key)


def any_scheme(request: Request) -> Request:
    """Whatever stands before a key is no matter."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return (
        replace(request, headers={**request.headers, "authorization": f"Bearer {key}"}) if scheme and key else request
    )


def no_scheme(request: Request) -> Request:
    """A key needs nothing before it."""
    key = request.headers.get("authorization", "")
    bare = bool(key) and " " not in key
    return replace(request, headers={**request.headers, "authorization": f"Bearer {key}"}) if bare else request


def forgetful(body: Body) -> Body:
    """The conversation before the last message is lost."""
    messages = body.get("messages")
    return {**body, "messages": messages[-1:]} if isinstance(messages, list) else body


def rekeyed(request: Request, change: Callable[[str], str]) -> Request:
    """A request with another key."""
    key = request.headers.get("authorization", "").partition(" ")[2]
    return replace(request, headers={**request.headers, "authorization": f"Bearer {change(key)}"})


def contented(body: Body) -> Body:
    """Takes a message without content for a greeting."""
    messages = body.get("messages")
    if not isinstance(messages, list):
        return body
    return {**body, "messages": [{"content": "hello", **each} if isinstance(each, dict) else each for each in messages]}


def any_role(body: Body) -> Body:
    """Takes an unknown role for the user's."""
    messages = body.get("messages")
    if not isinstance(messages, list):
        return body
    good = ("system", "user", "assistant")
    return {
        **body,
        "messages": [
            {**each, "role": "user"}
            if isinstance(each, dict) and each.get("role", "user") not in good and "role" in each
            else each
            for each in messages
        ],
    }
