"""Breaks of what is accepted, by its body: the service judges another body than was sent, or refuses a good one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from mixtral_contract.contract.openapi import Operation
from mixtral_contract.mock.breaks.broken_service import Break, Factory
from mixtral_contract.mock.breaks.headers import body_of, refused
from mixtral_contract.mock.messages.messages import Request
from mixtral_contract.mock.service.call import Call

Body = dict[str, Any]

_IMAGE = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs="
_LONG = 10_000
_NO_NUMBER = re.compile(rb": *(?:NaN|-?Infinity)")
_GREETING = [{"role": "user", "content": "Hello"}]


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


def forgiven(*names: str, numbers: bool = False) -> Factory:
    """Ignores these fields where they are not what the contract asks for; only where they are numbers if told so."""

    def change(operation: Operation, body: Body) -> None:
        for name in set(names) & operation.request.properties.keys() & body.keys():
            told = not numbers or (isinstance(body[name], int | float) and not isinstance(body[name], bool))
            if told and not operation.request.field(name).is_valid(body[name]):
                del body[name]

    return changed_body(change)


def _null_for_no_number() -> Break:
    return Break(request=lambda _, request: replace(request, body=_NO_NUMBER.sub(b": null", request.body)))


def _messages(body: Body) -> list[Body]:
    messages = body.get("messages")
    return [message for message in messages if isinstance(message, dict)] if isinstance(messages, list) else []


def _message_fields(operation: Operation, body: Body, name: str) -> list[tuple[Body, bool]]:
    """Each message that is an object, with whether its field of that name is valid."""
    field = operation.request.field("messages").items.field(name)
    return [(message, name in message and field.is_valid(message[name])) for message in _messages(body)]


def _is_example(call: Call) -> bool:
    return call.body in call.operation.examples.values()


def _has_maximum(call: Call) -> bool:
    fields = call.operation.request.properties
    return any("maximum" in fields.get(name, {}) and call.body[name] == fields[name]["maximum"] for name in call.body)


def _has_parts(call: Call) -> bool:
    return any(isinstance(message.get("content"), list) for message in call.completion_request.messages)


def has_role(call: Call, *roles: str) -> bool:
    """Whether these roles follow each other somewhere."""
    said = [message["role"] for message in call.completion_request.messages]
    return any(tuple(said[index : index + len(roles)]) == roles for index in range(len(said)))


def _seed_of_its_own(operation: Operation, body: Body) -> None:
    if "seed" in operation.request.properties and "seed" in body and operation.request.is_valid(body):
        body["seed"] = 7


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
        # null is a matter of its own
        if message.get("content") is not None and not valid:
            message["content"] = str(message["content"])


def _any_model(operation: Operation, body: Body) -> None:
    if isinstance(body.get("model"), str) and operation.model(body["model"]) is None:
        del body["model"]


def _content_first(call: Call) -> bool:
    return any(next(iter(message)) == "content" for message in call.completion_request.messages)


def _messages_alone(call: Call) -> bool:
    return "model" in call.operation.defaults and call.body.keys() == {"messages"}


def _any_number(operation: Operation, body: Body) -> None:
    for name, value in body.items():
        field = operation.request.properties.get(name, {})
        if {"integer", "number"} & set(field.get("type", ())) and isinstance(value, str | list | dict):
            body[name] = None


def _any_boolean(operation: Operation, body: Body) -> None:
    for name, value in body.items():
        field = operation.request.properties.get(name, {})
        if {"integer", "number"} & set(field.get("type", ())) and isinstance(value, bool):
            body[name] = int(value)


def _any_message(_operation: Operation, body: Body) -> None:
    messages = body.get("messages")
    if isinstance(messages, list):
        body["messages"] = [message if isinstance(message, dict) else _GREETING[0] for message in messages]


def _any_part(operation: Operation, body: Body) -> None:
    for message in _messages(body):
        parts = message.get("content")
        if isinstance(parts, list):
            schema = operation.request.field("messages").items.field("content")
            message["content"] = [
                part if schema.is_valid([part]) or _is_image(part) else {"type": "text", "text": str(part)}
                for part in parts
            ]


def _any_text(_operation: Operation, body: Body) -> None:
    for message in _messages(body):
        parts = message.get("content")
        for part in parts if isinstance(parts, list) else []:
            if isinstance(part, dict) and part.get("type") == "text" and "text" in part:
                part["text"] = str(part["text"])


def _default_for_no_text(operation: Operation, body: Body) -> None:
    if "model" in operation.defaults and not isinstance(body.get("model"), str):
        body.pop("model", None)


def _empty_for_null(_operation: Operation, body: Body) -> None:
    for message in _messages(body):
        if message.get("role") == "user" and "content" in message and message["content"] is None:
            message["content"] = ""


def _any_image(_operation: Operation, body: Body) -> None:
    for message in _messages(body):
        parts = message.get("content")
        for part in parts if isinstance(parts, list) else []:
            if _is_image(part):
                part["image_url"]["url"] = _IMAGE


def _is_image(part: Any) -> bool:
    return isinstance(part, dict) and isinstance(part.get("image_url"), dict) and "url" in part["image_url"]


def _usage_unasked(operation: Operation, body: Body) -> None:
    if operation.streams and body.get("stream") is True:
        body["stream_options"] = {"include_usage": True}


def _stream_anyway(_operation: Operation, body: Body) -> None:
    if body.get("stream") is False:
        body["stream"] = True


BODIES: Mapping[str, Factory] = {
    "REQ-01": refused(_is_example),
    "REQ-02": refused(lambda call: len(call.completion_request.messages) == 1),
    "REQ-03": refused(lambda call: has_role(call, "system")),
    "REQ-04": refused(_has_parts),
    "REQ-07": refused(_messages_alone),
    "REQ-08": refused(_lacks_model),
    "REQ-09": refused(_has_maximum),
    "REQ-11": refused(lambda call: isinstance(call.body.get("stop"), list)),
    "REQ-12": refused(lambda call: None in call.body.values()),
    "REQ-15": refused(lambda call: max(orjson.dumps(call.body).decode()) > "\uffff", "server-error"),
    "REQ-16": refused(lambda call: has_role(call, "user", "user"), "server-error"),
    "REQ-18": refused(lambda call: len(call.completion_request.messages) >= 5),
    "REQ-21": refused(lambda call: call.request.body[:1].isspace()),
    "REQ-22": refused(_content_first),
    "REQ-23": refused(lambda call: len(call.request.body) > _LONG),
    "RSP-34": changed_body(_seed_of_its_own),
    "NEG-01": _greet_if(lambda body: "messages" not in body),
    "NEG-02": _greet_if(lambda body: "messages" in body and not isinstance(body["messages"], list)),
    "NEG-03": _greet_if(lambda body: body.get("messages") == []),
    "NEG-04": changed_body(_fill_message),
    "NEG-05": changed_body(_any_role),
    "NEG-06": changed_body(_any_content),
    "NEG-07": forgiven("temperature", numbers=True),
    "NEG-08": forgiven("top_p", numbers=True),
    "NEG-09": forgiven("frequency_penalty", "presence_penalty", numbers=True),
    "NEG-10": forgiven("max_tokens", numbers=True),
    "NEG-11": forgiven("stream"),
    "NEG-12": forgiven("stop"),
    "NEG-13": changed_body(_any_model),
    "NEG-18": changed_body(_any_number),
    "NEG-19": changed_body(_any_boolean),
    "NEG-20": changed_body(_any_message),
    "NEG-21": changed_body(_any_part),
    "NEG-22": changed_body(_any_image),
    "NEG-25": changed_body(_empty_for_null),
    "NEG-26": changed_body(_default_for_no_text),
    "NEG-27": _null_for_no_number,
    "FUZZ-03": changed_body(_any_text),
    "STR-24": changed_body(_usage_unasked),
    "STR-07": changed_body(lambda _operation, body: body.pop("stream_options", None)),
    "STR-09": changed_body(_stream_anyway),
}
