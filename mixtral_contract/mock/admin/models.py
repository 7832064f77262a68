"""`GET /v1/models` and `GET /v1/models/{id}`: the contract's models, in OpenAI's form.

No document of the contract describes them; they are here because clients ask for them before anything else.

Source: https://platform.openai.com/docs/api-reference/models; `max_model_len` is vLLM's.
"""

from __future__ import annotations

from typing import Any

from mixtral_contract.contract.openapi import JSON, Model, Operation
from mixtral_contract.mock.messages.messages import Refusal, Reply, Request
from mixtral_contract.mock.service.service import Service

PATH = "/v1/models"

_CREATED = 1_713_312_000
"""17 April 2024, when Mixtral 8x22B Instruct was released; a constant, so that the list is always the same."""


class Models:
    """The models of one service's contract."""

    def __init__(self, service: Service) -> None:
        self._refusals = service.refusals
        self._admission = service.admission
        # refused in the shape of the operation that OpenAI's clients call; its models come first, as clients take those
        operations = sorted(
            service.contract.operations.values(), key=lambda each: not each.path.endswith("/chat/completions")
        )
        self._operation = operations[0]
        self._entries = {model.name: _entry(model, operation) for operation in operations for model in operation.models}

    def answer(self, request: Request, now_ns: int) -> Reply:
        """The list, or the model that the path names; a known key is needed, nothing is billed."""
        if request.method not in ("GET", "HEAD"):
            message = f"{PATH}: expected GET, got {request.method}"
            reply = self._refuse(Refusal("wrong-method", message, status=405))
            reply.headers["allow"] = "GET, HEAD"
            return reply
        refusal = self._unknown_key(request, now_ns)
        if refusal is not None:
            return self._refuse(refusal)
        if request.path == PATH:
            return _found({"object": "list", "data": list(self._entries.values())})
        name = request.path.removeprefix(f"{PATH}/")
        entry = self._entries.get(name)
        if entry is not None:
            return _found(entry)
        message = f"model: expected {' or '.join(self._entries)}, got {name[:100]!r}"
        return self._refuse(Refusal("unknown-model", message, "model", status=404))

    def _unknown_key(self, request: Request, now_ns: int) -> Refusal | None:
        # every dialect's way to send a key is as good: the list is of all their models
        sent = [
            credential.key(request.headers.get(credential.header, "")) for credential in self._operation.credentials
        ]
        keys = [key for key in sent if key is not None]
        standing = self._admission.find(keys, now_ns)
        if standing is not None and standing.account.is_valid(now_ns):
            return None
        where = " or ".join(credential.header for credential in self._operation.credentials)
        if keys:
            return Refusal("wrong-key", f"{where}: expected a known key, got another", status=401)
        return Refusal("missing-key", f"{where}: expected a key, got none", status=401)

    def _refuse(self, refusal: Refusal) -> Reply:
        return self._refusals.render(self._operation, refusal)


def _found(content: Any) -> Reply:
    return Reply(200, {"content-type": JSON}, content)


def _entry(model: Model, operation: Operation) -> dict[str, Any]:
    vendor, slash, _ = model.name.partition("/")
    owner = vendor if slash else operation.dialect.partition("-")[0]
    entry = {"id": model.name, "object": "model", "created": _CREATED, "owned_by": owner}
    return entry if model.context_window is None else {**entry, "max_model_len": model.context_window}
