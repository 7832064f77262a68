"""The questions that are asked of a request before it is answered; each returns why not, or None.

What one check finds out (operation, account, body, question) stands in the call for the later ones. Their order is
the service's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from mock_server import strict_json
from mock_server.admission import Admission, Standing
from mock_server.completion import Completion
from mock_server.demands import UnanswerableError
from mock_server.message import Refusal, Request
from mock_server.refusals import Refusals
from mock_server.replies import Question, Replies, Script, question
from spec.contract import JSON, Contract, Operation

_PREFERENCE = re.compile(r'(?:^|,)\s*code\s*=\s*"?([^",;\s]*)', re.IGNORECASE)
_STATUS = re.compile(r"[2-5][0-9][0-9]")
_LARGEST = 2**64
_SECOND_NS = 1_000_000_000
_SHOWN = 100
"""How many characters of what was sent a message repeats."""


class Call:
    """One request on its way through the checks."""

    operation: Operation
    standing: Standing
    body: Mapping[str, Any]
    question: Question
    script: Script
    completion: Completion

    def __init__(self, request: Request, now_ns: int) -> None:
        self.request = request
        self.now_ns = now_ns


class Checks:
    """The checks of one server."""

    def __init__(self, contract: Contract, refusals: Refusals, admission: Admission, replies: Replies) -> None:
        self._contract = contract
        self._refusals = refusals
        self._admission = admission
        self._replies = replies

    def route(self, call: Call) -> Refusal | None:
        """Whether some operation is at this path."""
        path = call.request.path
        operations = self._contract.at(path)
        if operations:
            call.operation = operations.get(call.request.method) or next(iter(operations.values()))
            return None
        call.operation = self._refusals.nearest(path)
        documented = ", ".join(sorted(operation.path for operation in self._contract.operations.values()))
        return Refusal("unknown-url", f"{path[:_SHOWN]}: expected one of {documented}")

    def method(self, call: Call) -> Refusal | None:
        """Whether the operation has this method."""
        operation, got = call.operation, call.request.method
        if got == operation.method:
            return None
        return Refusal("wrong-method", f"{operation.path}: expected {operation.method}, got {got}")

    def preference(self, call: Call) -> Refusal | None:
        """Whether the client prefers a documented refusal, as `Prefer: code=429` says to mocks of OpenAPI documents.

        Source: RFC 7240 for the header, Prism's documentation for the preference.
        """
        wanted = _PREFERENCE.search(call.request.headers.get("prefer", ""))
        if wanted is None or wanted[1] == "200":
            return None
        responses = call.operation.responses
        response = responses.get(int(wanted[1])) if _STATUS.fullmatch(wanted[1]) else None
        if response is None:
            documented = ", ".join(map(str, sorted(responses)))
            return Refusal("invalid-request", f"prefer: expected code= one of {documented}, got {wanted[1][:_SHOWN]!r}")
        return Refusal(
            response.conditions[0] if response.conditions else "preferred",
            response.description,
            wait_s=1 if response.status == 429 else None,
            status=response.status,
            preference=f"code={response.status}",
        )

    def key(self, call: Call) -> Refusal | None:
        """Whether a known key was sent, in any of the headers that the operation takes it from."""
        headers, credentials = call.request.headers, call.operation.credentials
        sent = (credential.key(headers.get(credential.header, "")) for credential in credentials)
        keys = [key for key in sent if key is not None]
        standing = self._admission.find(keys)
        call.standing = standing or self._admission.anonymous
        if standing is not None:
            return None
        where = " or ".join(credential.header for credential in credentials)
        if keys:
            return Refusal("wrong-key", f"{where}: expected a known key, got another")
        return Refusal("missing-key", f"{where}: expected a key, got none")

    def permission(self, call: Call) -> Refusal | None:
        """Whether the key may use the model."""
        if not call.standing.account.forbidden:
            return None
        return Refusal("forbidden", f"this key may not use {call.operation.models[0].name}")

    def rate(self, call: Call) -> Refusal | None:
        """Whether the key's rate limit lets one more call in."""
        wait_ns = call.standing.wait_ns(call.now_ns)
        if not wait_ns:
            return None
        wait_s = math.ceil(wait_ns / _SECOND_NS)
        return Refusal("rate-limited", f"too many requests with this key, come back in {wait_s} s", wait_s=wait_s)

    def media_type(self, call: Call) -> Refusal | None:
        """Whether the body is said to be JSON; parameters may follow (RFC 9110 section 8.3.1)."""
        media_type = call.request.headers.get("content-type", "")
        if media_type.partition(";")[0].strip().lower() == JSON:
            return None
        return Refusal("invalid-request", f"content-type: expected {JSON}, got {media_type[:_SHOWN] or 'none'}")

    def json(self, call: Call) -> Refusal | None:
        """Whether the body is JSON."""
        try:
            call.body = strict_json.loads(call.request.body)
        except ValueError as error:
            return Refusal("invalid-request", f"body: expected JSON, got {str(error)[: 2 * _SHOWN]}")
        return None

    def schema(self, call: Call) -> Refusal | None:
        """Whether the body is what the contract asks for."""
        request = call.operation.request
        if not request.is_valid(call.body):
            violation = next(request.violations(call.body))
            param = None if violation.field == "body" else violation.field
            return Refusal("invalid-request", f"{violation.field}: {violation.message}", param)
        for name, value in call.body.items():
            # the parser makes a float of an integer beyond 64 bits
            if isinstance(value, float) and abs(value) >= _LARGEST and name in request.properties:
                return Refusal("invalid-request", f"{name}: expected a number of at most 64 bits, got {value}", name)
        return None

    def model(self, call: Call) -> Refusal | None:
        """Whether the model that the body names is there; if not, the first one is taken."""
        operation = call.operation
        name: str | None = operation.defaults.get("model")
        if "model" in operation.request.properties and call.body.get("model") is not None:
            name = call.body["model"]
        model = operation.model(name)
        call.question = question(operation, model or operation.models[0], call.body)
        if model is not None:
            return None
        served = " or ".join(model.name for model in operation.models)
        return Refusal("unknown-model", f"model: expected {served}, got {str(name)[:_SHOWN]!r}", "model")

    def window(self, call: Call) -> Refusal | None:
        """Whether the prompt leaves room in the model's context window; the answer is written here, it goes along.

        What contradicts itself is found where the answer is written, and refused too.
        """
        try:
            call.script = self._replies.script(call.question)
        except UnanswerableError as error:
            return Refusal("invalid-request", f"{error.field}: {error}", error.field)
        window, tokens = call.question.model.context_window, call.script.prompt_tokens
        if window is None or tokens < window:
            return None
        message = f"messages: expected fewer than {window} tokens, got {tokens}"
        return Refusal("invalid-request", message, "messages", code="context_length_exceeded")

    def credits(self, call: Call) -> Refusal | None:
        """Whether the account pays for one more completion."""
        if call.standing.solvent:
            return None
        return Refusal("no-credits", "expected credits for one more completion, got too few")
