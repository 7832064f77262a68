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


def fields(settings: Settings, ask: ChatRequest) -> dict[str, Any]:
    """The body: the contract's required fields, of the optional ones those that a measurement needs, and its own."""
    operation, changes = settings.operation, settings.changes
    wanted: dict[str, Any] = {
        "model": settings.model or operation.models[0].name,
        changes.limit: ask.max_tokens,
        "stream": True,
        # without it a stream carries no usage, and tokens could only be estimated
        "stream_options": USAGE[changes.usage],
    }
    if not operation.streams:
        del wanted["stream"], wanted["stream_options"]
    elif wanted["stream_options"] is None:
        del wanted["stream_options"]
    required = {**operation.minimal_request, "messages": ask.messages}
    return changes.apply({**required, **wanted, **ask.fields}, {*operation.request.properties, *required, *ask.fields})


def check_fields(settings: Settings) -> None:
    """Checks the first body against the contract.

    Raises: UsageError with the first thing that the contract does not allow.
    """
    body = fields(settings, RequestGenerator(settings, Share()).next())
    # what the user says is the user's: only the target can tell whether it takes it
    own = {name: value for name, value in body.items() if name not in settings.changes.body}
    for violation in settings.operation.request.violations(own):
        if violation.field.partition(".")[0] not in {*settings.changes.body, *settings.changes.left_out}:
            raise UsageError(f"request: {violation.field}: {violation.message}")


class RequestWriter:
    """Writes the requests of one run; only what is asked differs."""

    def __init__(self, settings: Settings, key: str, environ: Mapping[str, str] = os.environ) -> None:
        self._settings = settings
        headers = request_headers(settings, key, environ)
        self._head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._start = f"{settings.operation.method} {settings.request_target} HTTP/1.1\r\n"

    def write(self, ask: ChatRequest) -> bytes:
        """Head and body of one request."""
        body = orjson.dumps(fields(self._settings, ask))
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
