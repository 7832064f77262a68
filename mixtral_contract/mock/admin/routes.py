"""What a mock answers beside the contract: models, health, metrics, the control API and its page.

No document of the contract describes these; a path that the contract has is the contract's. None of it
is billed, disturbed by incidents or written into the journal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from mixtral_contract.contract.openapi import JSON
from mixtral_contract.mock.admin import access, models
from mixtral_contract.mock.admin import control_api as control
from mixtral_contract.mock.admin.state import loads
from mixtral_contract.mock.messages.messages import Answer, Reply, Request

if TYPE_CHECKING:
    from mixtral_contract.mock.service.mock import Mock

_HEALTH = {
    "/health": b"",
    "/v1/health/live": orjson.dumps({"object": "health.response", "message": "Service is live."}),
    "/v1/health/ready": orjson.dumps({"object": "health.response", "message": "Service is ready."}),
}
"""The first is vLLM's, which has no body; the others are those of a NIM container."""

_METRICS = "/metrics"


class AdminRoutes:
    """The routes beside the contract, for one mock."""

    def __init__(self, mock: Mock, token: str | None = None) -> None:
        self._mock = mock
        self._control = control.Control(mock, token)
        self._token = token
        self._models = models.Models(mock.service)

    def answer(self, request: Request, peer: str | None) -> Answer | None:
        """The answer to a request whose path the contract does not have; None when it is nowhere here either.

        `peer` is the client's address. An answer that is a function is to be called in another thread.
        """
        path = request.path
        if path == control.PREFIX or path.startswith(f"{control.PREFIX}/"):
            return self._control.answer(request, peer)
        if path in _HEALTH:
            return _read_only(request, JSON if _HEALTH[path] else None, _HEALTH[path])
        if path == _METRICS:
            return self._metrics(request, peer)
        return self._models.answer(request, self._mock.clock())

    def _metrics(self, request: Request, peer: str | None) -> Reply:
        # they tell what others ask, so they are for those who may see the journal
        denied = access.denied(request, peer, self._token)
        if denied is not None:
            return Reply(denied.status, {"content-type": JSON}, {"error": {"message": denied.message}})
        if self._mock.shared:
            message = "metrics: expected one process (--workers 1): each worker counts for itself"
            return Reply(501, {"content-type": JSON}, {"error": {"message": message}})
        from mixtral_contract.mock.journal.prometheus import CONTENT_TYPE, exposition  # noqa: PLC0415  only who scrapes waits for it

        mock = self._mock
        content = exposition(mock.metrics, mock.journal, loads(mock)) if request.method == "GET" else b""
        return _read_only(request, CONTENT_TYPE, content)


def _read_only(request: Request, media_type: str | None, content: bytes) -> Reply:
    if request.method in ("GET", "HEAD"):
        return Reply(200, {"content-type": media_type} if media_type else {}, content)
    message = f"{request.path}: expected GET, got {request.method}"
    return Reply(405, {"content-type": JSON, "allow": "GET, HEAD"}, {"error": {"message": message}})
