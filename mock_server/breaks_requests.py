"""Breaks of what is accepted: the service judges another request than was sent, or refuses what it would complete."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import orjson

from mock_server.admission import ACCOUNTS
from mock_server.broken import Break, Factory
from mock_server.checks import Call
from mock_server.message import Refusal, Request
from spec.contract import JSON, Operation

Body = dict[str, Any]

_GREETING = [{"role": "user", "content": "Hello"}]


def body_of(request: Request) -> Any:
    """The request's JSON value; None when it is none."""
    try:
        return orjson.loads(request.body)
    except ValueError:
        return None


def _header(change: Callable[[Operation, Request], Request]) -> Factory:
    return lambda: Break(request=change)


def changed_body(change: Callable[[Operation, Body], None]) -> Factory:
    """Changes the body of a request that has one."""

    def changed(operation: Operation, request: Request) -> Request:
        body = body_of(request)
        if not isinstance(body, dict):
            return request
        before = orjson.dumps(body)
        change(operation, body)
        after = orjson.dumps(body)
        return request if after == before else replace(request, body=after)

    return lambda: Break(request=changed)


def refused(applies: Callable[[Call], bool], condition: str = "invalid-request") -> Factory:
    """Refuses what would have been completed."""
    refusal = Refusal(condition, "refused by --break")
    return lambda: Break(instead=lambda call: refusal if applies(call) else None)


def forgiven(*names: str) -> Factory:
    """Ignores these fields where they are not what the contract asks for."""

    def change(operation: Operation, body: Body) -> None:
        for name in set(names) & operation.request.properties.keys() & body.keys():
            if not operation.request.field(name).is_valid(body[name]):
                del body[name]

    return changed_body(change)


def _with(request: Request, name: str, value: str) -> Request:
    kept = _without(request, lambda other, _value: other.lower() == name).fields
    return replace(request, fields=(*kept, (name, value)))


def _without(request: Request, drops: Callable[[str, str], bool]) -> Request:
    return replace(request, fields=tuple(field for field in request.fields if not drops(*field)))


def _messages(body: Body) -> list[Body]:
    messages = body.get("messages")
    return [message for message in messages if isinstance(message, dict)] if isinstance(messages, list) else []


def _message_fields(operation: Operation, body: Body, name: str) -> list[tuple[Body, bool]]:
    """Each message that is an object, with whether its field of that name is valid."""
    field = operation.request.field("messages").items.field(name)
    return [(message, name in message and field.is_valid(message[name])) for message in _messages(body)]


# header fields


def _has_capitals(call: Call) -> bool:
    headers = {credential.header for credential in call.operation.credentials}
    return any(name.isupper() and name.lower() in headers for name, _value in call.request.fields)


def _has_bare_key(call: Call) -> bool:
    headers = call.request.headers
    return any(credential.scheme is None and credential.header in headers for credential in call.operation.credentials)


def _has_small_scheme(call: Call) -> bool:
    sent = call.request.headers.get("authorization", "").partition(" ")[0]
    return any(credential.scheme == sent for credential in call.operation.credentials)


def _body_before_key(operation: Operation, request: Request) -> Request:
    body = body_of(request)
    if body is not None and operation.request.is_valid(body):
        return request
    credential = operation.credentials[0]
    return _with(request, credential.header, credential.value(ACCOUNTS[0].key))


def _key_in_query(operation: Operation, request: Request) -> Request:
    keys = parse_qs(request.query).get("api_key")
    credential = operation.credentials[0]
    return _with(request, credential.header, credential.value(keys[0])) if keys else request


# bodies


def _is_example(call: Call) -> bool:
    return call.body in call.operation.examples.values()


def _has_maximum(call: Call) -> bool:
    fields = call.operation.request.properties
    return any("maximum" in fields.get(name, {}) and call.body[name] == fields[name]["maximum"] for name in call.body)


def _has_parts(call: Call) -> bool:
    return any(isinstance(message.get("content"), list) for message in call.question.messages)


def has_role(call: Call, *roles: str) -> bool:
    """Whether these roles follow each other somewhere."""
    said = [message["role"] for message in call.question.messages]
    return any(tuple(said[index : index + len(roles)]) == roles for index in range(len(said)))


def _lacks_model(call: Call) -> bool:
    return "model" in call.operation.defaults and "model" not in call.body


def _greet_if(applies: Callable[[Body], bool]) -> Factory:
    def change(_operation: Operation, body: Body) -> None:
        if applies(body):
            body["messages"] = _GREETING

    return changed_body(change)


def _fill_message(operation: Operation, body: Body) -> None:
    for name, value in (("role", "user"), ("content", "")):
        for message, _valid in _message_fields(operation, body, name):
            message.setdefault(name, value)


def _any_role(operation: Operation, body: Body) -> None:
    for message, valid in _message_fields(operation, body, "role"):
        if "role" in message and not valid:
            message["role"] = "user"


def _any_content(operation: Operation, body: Body) -> None:
    for message, valid in _message_fields(operation, body, "content"):
        if "content" in message and not valid:
            message["content"] = str(message["content"])


def _any_model(operation: Operation, body: Body) -> None:
    if isinstance(body.get("model"), str) and operation.model(body["model"]) is None:
        del body["model"]


def _stream_anyway(_operation: Operation, body: Body) -> None:
    if body.get("stream") is False:
        body["stream"] = True


REQUESTS: Mapping[str, Factory] = {
    "HTTP-06": refused(lambda call: ";" in call.request.headers["content-type"]),
    "HTTP-07": _header(lambda _operation, request: _with(request, "content-type", JSON)),
    "HTTP-08": refused(lambda call: call.question.stream and call.request.headers.get("accept", "") == JSON),
    "HTTP-09": refused(_has_capitals, "missing-key"),
    "AUT-04": refused(_has_bare_key, "missing-key"),
    "AUT-07": refused(_has_small_scheme, "missing-key"),
    "AUT-08": _header(_body_before_key),
    "AUT-10": _header(_key_in_query),
    "REQ-01": refused(_is_example),
    "REQ-02": refused(lambda call: len(call.question.messages) == 1),
    "REQ-03": refused(lambda call: has_role(call, "system")),
    "REQ-04": refused(_has_parts),
    "REQ-08": refused(_lacks_model),
    "REQ-09": refused(_has_maximum),
    "REQ-11": refused(lambda call: isinstance(call.body.get("stop"), list)),
    "REQ-12": refused(lambda call: None in call.body.values()),
    "REQ-15": refused(lambda call: max(orjson.dumps(call.body).decode()) > "\uffff", "server-error"),
    "REQ-16": refused(lambda call: has_role(call, "user", "user"), "server-error"),
    "REQ-18": refused(lambda call: len(call.question.messages) >= 5),
    "NEG-01": _greet_if(lambda body: "messages" not in body),
    "NEG-02": _greet_if(lambda body: "messages" in body and not isinstance(body["messages"], list)),
    "NEG-03": _greet_if(lambda body: body.get("messages") == []),
    "NEG-04": changed_body(_fill_message),
    "NEG-05": changed_body(_any_role),
    "NEG-06": changed_body(_any_content),
    "NEG-07": forgiven("temperature"),
    "NEG-08": forgiven("top_p"),
    "NEG-09": forgiven("frequency_penalty", "presence_penalty"),
    "NEG-10": forgiven("max_tokens"),
    "NEG-11": forgiven("stream"),
    "NEG-12": forgiven("stop", "seed"),
    "NEG-13": changed_body(_any_model),
    "STR-07": changed_body(lambda _operation, body: body.pop("stream_options", None)),
    "STR-09": changed_body(_stream_anyway),
}
