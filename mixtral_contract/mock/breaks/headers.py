"""Breaks of what is accepted, by its header fields: the service judges another request than was sent, or refuses what
it would complete.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import orjson

from mixtral_contract.contract.openapi import JSON, Operation
from mixtral_contract.mock.accounts.accounts import ACCOUNTS
from mixtral_contract.mock.breaks.broken_service import Break, Factory
from mixtral_contract.mock.messages.messages import Refusal, Request
from mixtral_contract.mock.service.call import Call


def body_of(request: Request) -> Any:
    """The request's JSON value; None when it is none."""
    try:
        return orjson.loads(request.body)
    except ValueError:
        return None


def _header(change: Callable[[Operation, Request], Request]) -> Factory:
    return lambda: Break(request=change)


def refused(applies: Callable[[Call], bool], condition: str = "invalid-request") -> Factory:
    """Refuses what would have been completed."""
    refusal = Refusal(condition, "refused by --break")
    return lambda: Break(instead=lambda call: refusal if applies(call) else None)


def _with(request: Request, name: str, value: str) -> Request:
    kept = _without(request, lambda other, _value: other.lower() == name).fields
    return replace(request, fields=(*kept, (name, value)))


def _without(request: Request, drops: Callable[[str, str], bool]) -> Request:
    return replace(request, fields=tuple(field for field in request.fields if not drops(*field)))


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


def _has_capital_type(call: Call) -> bool:
    return call.request.headers["content-type"] != call.request.headers["content-type"].lower()


def _any_scheme(operation: Operation, request: Request) -> Request:
    credential = next(each for each in operation.credentials if each.scheme is not None)
    scheme, _, key = request.headers.get(credential.header, "").partition(" ")
    other = key and scheme.lower() != credential.scheme
    return _with(request, credential.header, credential.value(key)) if other else request


def _beginning_of_key(operation: Operation, request: Request) -> Request:
    for credential in operation.credentials:
        key = credential.key(request.headers.get(credential.header, "")) or ""
        known = next((account.key for account in ACCOUNTS if key.startswith(account.key)), key)
        if key != known:
            request = _with(request, credential.header, credential.value(known))
    return request


def _without_chunks(_operation: Operation, request: Request) -> Request:
    return replace(request, body=b"") if "transfer-encoding" in request.headers else request


REQUESTS: Mapping[str, Factory] = {
    "HTTP-06": refused(lambda call: ";" in call.request.headers["content-type"]),
    "HTTP-07": _header(lambda _operation, request: _with(request, "content-type", JSON)),
    "HTTP-08": refused(lambda call: call.completion_request.stream and call.request.headers.get("accept", "") == JSON),
    "HTTP-24": refused(lambda call: "expect" in call.request.headers),
    "HTTP-25": _header(_without_chunks),
    "HTTP-27": refused(_has_capital_type),
    "HTTP-09": refused(_has_capitals, "missing-key"),
    "AUT-04": refused(_has_bare_key, "missing-key"),
    "AUT-07": refused(_has_small_scheme, "missing-key"),
    "AUT-08": _header(_body_before_key),
    "AUT-10": _header(_key_in_query),
    "AUT-12": _header(_beginning_of_key),
    "AUT-13": _header(_any_scheme),
}
