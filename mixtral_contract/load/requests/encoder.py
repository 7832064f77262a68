"""The bytes of a request: a conversation for a dialect's operation, as the contract documents it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import orjson

from mixtral_contract.contract.openapi import EVENT_STREAM, JSON
from mixtral_contract.load.requests.generator import ChatRequest, RequestGenerator
from mixtral_contract.load.settings.settings import Settings, UsageError
from mixtral_contract.load.workload.arrivals import Share
from mixtral_contract.load.workload.request_changes import USAGE

USER_AGENT = "mixtral-contract-load"


class RequestBody:
    """The bodies of one run: the contract's required fields, of the optional ones those that a measurement needs.

    What is the same in all of them is put together once.
    """

    def __init__(self, settings: Settings) -> None:
        operation, changes = settings.operation, settings.changes
        required = operation.minimal_request
        wanted: dict[str, Any] = {"model": settings.model or operation.models[0].name, changes.limit: None}
        if operation.streams:
            wanted["stream"] = True
            # without it a stream carries no usage, and tokens could only be estimated
            wanted |= {"stream_options": usage} if (usage := USAGE[changes.usage]) is not None else {}
        self._fixed = changes.apply({**required, **wanted}, {*operation.request.properties, *required})
        self._limit = changes.limit if changes.limit in self._fixed and changes.limit not in changes.body else None
        self._settled = {*changes.body, *changes.left_out}

    def of(self, ask: ChatRequest) -> dict[str, Any]:
        """The body of one request, with the fields of its own."""
        body = {**self._fixed, "messages": ask.messages}
        if self._limit is not None:
            body[self._limit] = ask.max_tokens
        if ask.fields:
            body.update((name, value) for name, value in ask.fields.items() if name not in self._settled)
        return body


def fields(settings: Settings, ask: ChatRequest) -> dict[str, Any]:
    """The body of one request of a run with these settings."""
    return RequestBody(settings).of(ask)


def check_fields(settings: Settings) -> None:
    """Checks the first body against the contract.

    Raises: UsageError with the first thing that the contract does not allow.
    """
    body = fields(settings, RequestGenerator(settings, Share()).next())
    # what the user says is the user's: only the target can tell whether it takes it
    settled = {*settings.changes.body, *settings.changes.left_out}
    own = {name: value for name, value in body.items() if name not in settled}
    for violation in settings.operation.request.violations(own):
        if violation.field.partition(".")[0] not in settled:
            raise UsageError(f"request: {violation.field}: {violation.message}")


class RequestWriter:
    """Writes the requests of one run; only what is asked differs."""

    def __init__(self, settings: Settings, key: str, environ: Mapping[str, str] = os.environ) -> None:
        self._body = RequestBody(settings)
        headers = request_headers(settings, key, environ)
        self._head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._start = f"{settings.operation.method} {settings.request_target} HTTP/1.1\r\n"

    def write(self, ask: ChatRequest) -> bytes:
        """Head and body of one request."""
        body = orjson.dumps(self._body.of(ask))
        return f"{self._start}{self._head}content-length: {len(body)}\r\n\r\n".encode("ascii") + body


def request_headers(settings: Settings, key: str, environ: Mapping[str, str]) -> Mapping[str, str]:
    """The head of every request; the user's headers stand instead of the run's own of the same name.

    `key` "" is none. Raises: argparse.ArgumentTypeError when a variable holds none.
    """
    credential = settings.operation.credentials[0]
    own = {
        "host": settings.target.authority,
        **({credential.header: credential.value(key)} if key else {}),
        "content-type": JSON,
        "accept": EVENT_STREAM if settings.operation.streams else JSON,
        # a compressed stream is held back until there is something to compress
        "accept-encoding": "identity",
        "user-agent": USER_AGENT,
    }
    given = {header.name: header.text(environ) for header in settings.changes.headers}
    named = {name.lower() for name in given}
    return {**{name: value for name, value in own.items() if name.lower() not in named}, **given}
