"""Where a client put its key when it is not where the operation reads it; the key itself is never looked at.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

from mixtral_contract.contract.openapi import Credential, Operation
from mixtral_contract.mock.messages.messages import Request

_HEADERS = ("authorization", "x-api-key", "api-key", "apikey", "x-goog-api-key", "x-auth-token")
_PARAMETERS = frozenset(("key", "api_key", "api-key", "apikey", "x-api-key", "access_token", "token"))
"""Where APIs of this kind take keys."""


class Misplaced(NamedTuple):
    """Where a key was, where the operation's page wants it, and whether it was read all the same."""

    found: str
    expected: str
    accepted: bool


def misplaced(operation: Operation, request: Request) -> Misplaced | None:
    """What is wrong with the place of the request's key; None when it is where it should be, or nowhere."""
    if not operation.credentials:
        return None
    first, *others = operation.credentials
    expected = _place(first)
    if request.query and any(name.lower() in _PARAMETERS for name, _ in parse_qsl(request.query)):
        return Misplaced("the URL's query", expected, accepted=False)
    if _read(first, request.headers):
        return None
    for other in others:
        if _read(other, request.headers):
            return Misplaced(_place(other), expected, accepted=True)
    found = next((name for name in _HEADERS if request.headers.get(name)), None)
    if found is not None and any(credential.header == found for credential in operation.credentials):
        found += " with another scheme or none"
    return None if found is None else Misplaced(found, expected, accepted=False)


def _read(credential: Credential, headers: Mapping[str, str]) -> bool:
    return credential.key(headers.get(credential.header, "")) is not None


def _place(credential: Credential) -> str:
    return credential.header if credential.scheme is None else f"{credential.header}: {credential.scheme.capitalize()}"
