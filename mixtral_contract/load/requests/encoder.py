"""The bytes of a request: a conversation for a dialect's operation, as the contract documents it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from mixtral_contract.contract.openapi import EVENT_STREAM, JSON
from mixtral_contract.load.requests.generator import ChatRequest, RequestGenerator
from mixtral_contract.load.settings.settings import Settings, UsageError
from mixtral_contract.load.workload.arrivals import Share

USER_AGENT = "mixtral-contract-load"


def fields(settings: Settings, ask: ChatRequest) -> dict[str, Any]:
    """The body: the contract's required fields, of the optional ones those that a measurement needs, and its own."""
    operation = settings.operation
    documented = operation.request.properties
    wanted: dict[str, Any] = {
        "model": settings.model or operation.models[0].name,
        "max_tokens": ask.max_tokens,
        "stream": True,
        # without it a stream carries no usage, and tokens could only be estimated
        "stream_options": {"include_usage": True},
    }
    if not operation.streams:
        del wanted["stream"], wanted["stream_options"]
    sent = {name: value for name, value in wanted.items() if name in documented}
    return {**operation.minimal_request, "messages": ask.messages, **sent, **ask.fields}


def check_fields(settings: Settings) -> None:
    """Checks the first body against the contract.

    Raises: UsageError with the first thing that the contract does not allow.
    """
    for violation in settings.operation.request.violations(
        fields(settings, RequestGenerator(settings, Share()).next())
    ):
        raise UsageError(f"request: {violation.field}: {violation.message}")


class RequestWriter:
    """Writes the requests of one run; only what is asked differs."""

    def __init__(self, settings: Settings, key: str) -> None:
        self._settings = settings
        self._head = "".join(f"{name}: {value}\r\n" for name, value in _headers(settings, key).items())
        self._start = f"{settings.operation.method} {settings.target.target(settings.operation.path)} HTTP/1.1\r\n"

    def write(self, ask: ChatRequest) -> bytes:
        """Head and body of one request."""
        body = orjson.dumps(fields(self._settings, ask))
        return f"{self._start}{self._head}content-length: {len(body)}\r\n\r\n".encode("ascii") + body


def _headers(settings: Settings, key: str) -> Mapping[str, str]:
    credential = settings.operation.credentials[0]
    return {
        "host": settings.target.authority,
        credential.header: credential.value(key),
        "content-type": JSON,
        "accept": EVENT_STREAM if settings.operation.streams else JSON,
        # a compressed stream is held back until there is something to compress
        "accept-encoding": "identity",
        "user-agent": USER_AGENT,
    }
