"""How a refusal looks: the documented status and envelope of its condition, and the headers that HTTP prescribes.

The envelope is the `x-error` template of the response's schema, filled in by `spec.envelope`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

import orjson

from mixtral_contract.contract.error_template import fill
from mixtral_contract.contract.openapi import JSON, Contract, Credential, Operation, Response
from mixtral_contract.mock.accounts import rate_limits as quota
from mixtral_contract.mock.messages.messages import Refusal, Reply

ALWAYS_REFUSED: Mapping[str, int] = {
    "unknown-url": 404,
    "wrong-method": 405,
    "invalid-request": 400,
}
"""Conditions that leave nothing to answer: refused with HTTP's own status where the contract documents none."""

_BARE = {"error": "{message}"}


class _Words(NamedTuple):
    """What an OpenAI envelope says under type and code; clients look for these words."""

    type: str
    code: str | None


_WORDS: Mapping[str, _Words] = {
    "invalid-request": _Words("invalid_request_error", None),
    "missing-key": _Words("authentication_error", "missing_api_key"),
    "wrong-key": _Words("authentication_error", "invalid_api_key"),
    "forbidden": _Words("permission_error", "permission_denied"),
    "rate-limited": _Words("rate_limit_error", "rate_limit_exceeded"),
    "no-credits": _Words("insufficient_quota", "insufficient_quota"),
    "unknown-url": _Words("not_found_error", "unknown_url"),
    "unknown-model": _Words("not_found_error", "model_not_found"),
    "no-fixture": _Words("not_found_error", "no_fixture"),
    "wrong-method": _Words("invalid_request_error", "method_not_allowed"),
}
_OTHER = _Words("server_error", None)


class ErrorResponses:
    """Renders refusals in the shapes of one contract."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        operations = list(contract.operations.values())
        envelope, _ = Counter(map(_envelope, operations)).most_common(1)[0]
        self._general = next(operation for operation in operations if _envelope(operation) == envelope)

    def nearest(self, path: str) -> Operation:
        """The operation whose refusals an unknown URL gets: that with the most leading path segments in common.

        Among equals one with as many segments, then that with the most leading characters in common, then the first
        of the document; where no segment is in common the first whose envelope most operations share.
        """
        wanted = path.split("/")[1:]

        def likeness(operation: Operation) -> tuple[int, bool, int]:
            segments = operation.path.split("/")[1:]
            return _in_common(segments, wanted), len(segments) == len(wanted), _in_common(operation.path, path)

        found = max(self._contract.operations.values(), key=likeness)
        return found if likeness(found)[0] else self._general

    def render(self, operation: Operation, refusal: Refusal) -> Reply:
        """The reply that refuses."""
        response = operation.response_for(refusal.condition)
        status = refusal.status or (response.status if response else ALWAYS_REFUSED[refusal.condition])
        words = _WORDS.get(refusal.condition, _OTHER)
        values = {
            "{message}": refusal.message,
            "{type}": words.type,
            "{param}": refusal.param,
            "{code}": refusal.code or words.code,
            "{status}": status,
        }
        return Reply(
            status=status,
            headers={"content-type": JSON} | self._headers(operation, status, refusal),
            content=fill(_template(operation, operation.responses.get(status)), values),
            refusal=refusal,
        )

    def _headers(self, operation: Operation, status: int, refusal: Refusal) -> dict[str, str]:
        headers = {}
        if status == 401:
            challenges = (_challenge(credential, operation) for credential in operation.credentials)
            headers["www-authenticate"] = ", ".join(challenges)
        if status == 405:
            headers["allow"] = ", ".join(sorted(self._contract.at(operation.template)))
        if refusal.wait_s is not None:
            headers["retry-after"] = str(refusal.wait_s)
        if refusal.preference is not None:
            headers["preference-applied"] = refusal.preference
        if refusal.quota is not None and status in operation.responses:
            headers |= quota.headers(refusal.quota, operation.responses[status].headers)
        return headers


def _in_common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many items at their beginning two sequences have in common."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _challenge(credential: Credential, operation: Operation) -> str:
    # RFC 9110 section 11.6.1 wants a scheme; a key in a header of its own has none, ApiKey is the usual word for it
    scheme = "ApiKey" if credential.scheme is None else credential.scheme.capitalize()
    return f'{scheme} realm="{operation.dialect}"'


def _template(operation: Operation, response: Response | None) -> Any:
    """The envelope of a response, else the first one that the operation documents, else a message under `error`."""
    candidates = [response] if response is not None else []
    for candidate in [*candidates, *operation.responses.values()]:
        schema = candidate.media_types.get(JSON)
        if schema is not None and isinstance(schema.raw, Mapping) and "x-error" in schema.raw:
            return schema.raw["x-error"]
    return _BARE


def _envelope(operation: Operation) -> bytes:
    return orjson.dumps(_template(operation, None))
