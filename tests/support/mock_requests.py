"""Requests as the service gets them, and the moments at which they come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from mixtral_contract.contract.openapi import Contract, Operation
from mixtral_contract.mock.accounts.accounts import ACCOUNTS, Accounts
from mixtral_contract.mock.build import Ids
from mixtral_contract.mock.completions.generator import CompletionGenerator
from mixtral_contract.mock.messages.messages import Reply, Request
from mixtral_contract.mock.service.service import Service

NOW_NS = 1_700_000_000_000_000_000
SECOND_NS = 1_000_000_000
VALID = ACCOUNTS[0].key


def service(contract: Contract, *, seed: int = 0) -> Service:
    """An honest service with fresh accounts."""
    return Service(contract, CompletionGenerator(seed, Ids()), Accounts())


def request(
    operation: Operation,
    body: Any = None,
    *,
    key: str | None = VALID,
    method: str | None = None,
    path: str | None = None,
    query: str = "",
    fields: Mapping[str, str] | None = None,
) -> Request:
    """A valid request of the operation, but for what is given; bytes are sent as they are."""
    if body is None:
        body = operation.minimal_request
    credential = operation.credentials[0]
    sent = {"content-type": "application/json"}
    if key is not None:
        sent[credential.header] = credential.value(key)
    sent.update(fields or {})
    return Request(
        method=method or operation.method,
        path=path or operation.template,
        query=query,
        fields=tuple(sent.items()),
        body=body if isinstance(body, bytes) else orjson.dumps(body),
    )


def message_of(reply: Reply) -> str:
    """What a refusal says, whatever envelope it comes in."""
    error = reply.content["error"]
    return str(error["message"] if isinstance(error, dict) else error)
