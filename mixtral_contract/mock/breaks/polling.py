"""Answers that are asked for twice: a 202 first, and the completion when the client comes back for it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection

from mixtral_contract.mock.breaks.broken_service import Break
from mixtral_contract.mock.messages.messages import Refusal, Reply, Request
from mixtral_contract.mock.service.call import Call
from mixtral_contract.primitives.bounded.bounded_cache import BoundedCache

IMPATIENT = "impatient"
"""The word for a client that would rather ask again than wait."""

PATIENCE = "nvcf-poll-seconds"
"""The request header in which such a client says for how long it waits; the mock sends a 202 to those who do not."""

PATH = "/v2/nvcf/pexec/status/"

_REQUEST_ID = "nvcf-reqid"
_REMEMBERED = 1024


def impatient(call: Call, _refusal: Refusal | None) -> str | None:
    """An empty string for a call that does not wait, None for any other."""
    waits = call.request.headers.get(PATIENCE, "").strip()
    return "" if waits == "0" and not call.completion_request.stream else None


class Polling:
    """The completions that were put off; `put_off` makes the reply in their place look as it should."""

    def __init__(self, dialects: Collection[str], put_off: Callable[[Call, Reply], None]) -> None:
        self._dialects = dialects
        self._put_off = put_off
        self._kept = BoundedCache[tuple[str, str | None], Reply](_REMEMBERED)

    def change(self) -> Break:
        """What makes a service put completions off."""
        return Break(route=self._collect, reply=self._keep)

    def _keep(self, call: Call, reply: Reply) -> None:
        if reply.refusal is not None or call.operation.dialect not in self._dialects or impatient(call, None) is None:
            return
        name = str(uuid.uuid4())
        fulfilled = Reply(status=200, headers={**reply.headers, _REQUEST_ID: name}, content=reply.content)
        self._kept.put((name, call.request.headers.get("authorization")), fulfilled)
        self._put_off(call, reply)
        reply.tokens = 0
        reply.headers[_REQUEST_ID] = name

    def _collect(self, request: Request) -> Reply | None:
        if request.method != "GET" or not request.path.startswith(PATH):
            return None
        # with another key it is as if there were none, like any unknown URL
        return self._kept.get((request.path.removeprefix(PATH), request.headers.get("authorization")))
