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
_COMPLETIONS = "/chat/completions"

_CREATED = 1_713_312_000
"""17 April 2024, when Mixtral 8x22B Instruct was released; a constant, so that the list is always the same."""


class Models:
    """The models of one service's contract."""

    def __init__(self, service: Service) -> None:
        self._refusals = service.refusals
        self._admission = service.admission
        self._contract = service.contract

    def answer(self, request: Request, now_ns: int) -> Reply | None:
        """The list, or the model that the path names; None for a path that is neither.

        A known key is needed where the completions need one; nothing is billed.
        """
        prefix, found, rest = request.path.partition(PATH)
        operations = self._operations(prefix)
        if not found or not operations or not (rest == "" or rest.startswith("/")):
            return None
        # refused in the shape of the operation that OpenAI's clients call
        operation = operations[0]
        if request.method not in ("GET", "HEAD"):
            message = f"{PATH}: expected GET, got {request.method}"
            reply = self._refusals.render(operation, Refusal("wrong-method", message, status=405))
            reply.headers["allow"] = "GET, HEAD"
            return reply
        refusal = self._unknown_key(request, operation, now_ns)
        if refusal is not None:
            return self._refusals.render(operation, refusal)
        entries: dict[str, dict[str, Any]] = {}
        for each in operations:
            for model in each.models:
                entries.setdefault(model.name, _entry(model, each))
        if not rest:
            return _found({"object": "list", "data": list(entries.values())})
        name = rest.removeprefix("/")
        if name in entries:
            return _found(entries[name])
        message = f"model: expected {' or '.join(entries)}, got {name[:100]!r}"
        return self._refusals.render(operation, Refusal("unknown-model", message, "model", status=404))

    def _operations(self, prefix: str) -> list[Operation]:
        """Those whose models stand below a prefix; what OpenAI's clients call comes first, as they take that."""
        if not prefix:
            known = self._contract.operations.values()
            return sorted(known, key=lambda each: not each.path.endswith(_COMPLETIONS))
        return list(self._contract.at(f"{prefix}/v1{_COMPLETIONS}").values())

    def _unknown_key(self, request: Request, operation: Operation, now_ns: int) -> Refusal | None:
        # every dialect's way to send a key is as good: the list is of all their models
        sent = [credential.key(request.headers.get(credential.header, "")) for credential in operation.credentials]
        keys = [key for key in sent if key is not None]
        standing = self._admission.standing_of(keys, operation, now_ns)
        if standing is not None and standing.account.is_valid(now_ns):
            return None
        where = " or ".join(credential.header for credential in operation.credentials)
        if keys:
            return Refusal("wrong-key", f"{where}: expected a known key, got another", status=401)
        return Refusal("missing-key", f"{where}: expected a key, got none", status=401)


def _found(content: Any) -> Reply:
    return Reply(200, {"content-type": JSON}, content)


def _entry(model: Model, operation: Operation) -> dict[str, Any]:
    vendor, slash, _ = model.name.partition("/")
    owner = vendor if slash else operation.dialect.partition("-")[0]
    entry = {"id": model.name, "object": "model", "created": _CREATED, "owned_by": owner}
    return entry if model.context_window is None else {**entry, "max_model_len": model.context_window}
