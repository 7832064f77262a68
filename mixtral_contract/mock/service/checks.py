"""The questions that are asked of a request before it is answered; each returns why not, or None.

What one check finds out (operation, account, body, question) stands in the call for the later ones. Their order is
the service's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

from mixtral_contract.contract.openapi import JSON, Contract, Operation
from mixtral_contract.mock.accounts.accounts import Account, Accounts
from mixtral_contract.mock.accounts.rate_limits import example_quota
from mixtral_contract.mock.completions.features import UnanswerableError
from mixtral_contract.mock.completions.generator import (
    CompletionGenerator,
    completion_request,
)
from mixtral_contract.mock.incidents.active import HEADER, Incidents
from mixtral_contract.mock.incidents.grammar import IncidentError
from mixtral_contract.mock.messages.messages import Refusal, Request
from mixtral_contract.mock.service import first_violation as violation_of
from mixtral_contract.mock.service.call import Admitted, Call
from mixtral_contract.mock.service.error_responses import ErrorResponses
from mixtral_contract.primitives.bounded import strict_json
from mixtral_contract.primitives.tokenizer import TooManyTokensError

_PREFERENCE = re.compile(r'(?:^|,)\s*code\s*=\s*"?([^",;\s]*)', re.IGNORECASE)
_STATUS = re.compile(r"[2-5][0-9][0-9]")
_LARGEST = 2**64
_SECOND_NS = 1_000_000_000
_SHOWN = 100
"""How many characters of what was sent a message repeats."""


class Checks:
    """The checks of one server."""

    def __init__(
        self,
        contract: Contract,
        refusals: ErrorResponses,
        admission: Accounts,
        replies: CompletionGenerator,
        incidents: Incidents,
    ) -> None:
        self._contract = contract
        self._refusals = refusals
        self._admission = admission
        self._replies = replies
        self._incidents = incidents
        self.on_call: Callable[[Call], None] | None = None

    def by_head(self, request: Request) -> Admitted | None:
        """What `route` to `rate` find out about every call with the head of this one, all of which they let pass.

        None where they do not, or look at the time or at what is left as well.
        """
        operation = self._contract.at(request.path).get(request.method)
        if operation is None or operation.method != request.method or "prefer" in request.headers:
            return None
        standing = self._admission.standing_of(_keys(request, operation), operation, 0)
        if standing is None:
            return None
        account = standing.account
        is_counted = account.requests is not None and account.tokens is None
        if account.restricted or account.valid_until_ns is not None or is_counted:
            return None
        return Admitted(operation, standing)

    def route(self, call: Call) -> Refusal | None:
        """Whether some operation is at this path."""
        path = call.request.path
        operations = self._contract.at(path)
        if operations:
            call.operation = operations.get(call.request.method) or next(iter(operations.values()))
            return None
        call.operation = self._refusals.nearest(path)
        documented = ", ".join(sorted({operation.path for operation in self._contract.operations.values()}))
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
        quota = example_quota(call.now_ns) if response.status == 429 else None
        return Refusal(
            response.conditions[0] if response.conditions else "preferred",
            response.description,
            wait_s=None if quota is None else quota.wait_s,
            status=response.status,
            preference=f"code={response.status}",
            quota=quota,
        )

    def incident(self, call: Call) -> Refusal | None:
        """Finds out which incidents a call gets; why it is refused, when one of them refuses it.

        Here `on_call` is told of every call that reaches an operation.
        """
        if self.on_call is not None:
            self.on_call(call)
        if not self._incidents.on and HEADER not in call.request.headers:
            return None
        try:
            call.incidents = self._incidents.draw(call.request, call.operation)
        except IncidentError as error:
            return Refusal("invalid-request", f"{HEADER}: {error}")
        refusals = (incident.refusal(call.operation) for incident in call.incidents)
        return next((refusal for refusal in refusals if refusal is not None), None)

    def key(self, call: Call) -> Refusal | None:
        """Whether a known key was sent, in any of the headers that the operation takes it from."""
        keys, credentials = _keys(call.request, call.operation), call.operation.credentials
        standing = self._admission.standing_of(keys, call.operation, call.now_ns)
        call.standing = standing or self._admission.anonymous
        if standing is not None and standing.account.valid_until_ns is None:
            return None
        where = " or ".join(credential.header for credential in credentials)
        if standing is not None:
            return _expiry(where, standing.account, call.now_ns)
        if keys:
            return Refusal("wrong-key", f"{where}: expected a known key, got another")
        return Refusal("missing-key", f"{where}: expected a key, got none")

    def permission(self, call: Call) -> Refusal | None:
        """Whether the key may use any model of the operation."""
        account, operation = call.standing.account, call.operation
        if not account.restricted or any(account.may_use(operation.dialect, model.name) for model in operation.models):
            return None
        return _forbidden(operation.models[0].name)

    def rate(self, call: Call) -> Refusal | None:
        """Whether the key's limit of requests lets one more call in; with one of tokens beside it `tokens` decides."""
        account = call.standing.account
        if account.requests is None or account.tokens is not None:
            return None
        return self._take(call, 0)

    def media_type(self, call: Call) -> Refusal | None:
        """Whether the body is said to be JSON, and nothing besides; parameters may follow (RFC 9110 section 8.3.1)."""
        coding = call.request.headers.get("content-encoding", "identity")
        if coding.strip().lower() != "identity":
            return Refusal("invalid-request", f"content-encoding: expected none, got {coding[:_SHOWN]}")
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
            violation = violation_of.first(request, call.body)
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
        call.completion_request = completion_request(operation, model or operation.models[0], call.body)
        if model is not None:
            return None
        served = " or ".join(model.name for model in operation.models)
        return Refusal("unknown-model", f"model: expected {served}, got {str(name)[:_SHOWN]!r}", "model")

    def window(self, call: Call) -> Refusal | None:
        """Whether the prompt leaves room in the model's context window; the answer is written here, it goes along.

        What contradicts itself is found where the answer is written, and refused too.
        """
        try:
            call.script = self._replies.script(call.completion_request, call.work)
        except UnanswerableError as error:
            return Refusal("invalid-request", f"{error.field}: {error}", error.field)
        except TooManyTokensError as error:
            return _too_long(call, f"more than {error.most}")
        window, tokens = call.completion_request.model.context_window, call.script.prompt_tokens
        return None if window is None or tokens < window else _too_long(call, str(tokens))

    def model_permission(self, call: Call) -> Refusal | None:
        """Whether the key may use the model that the body names."""
        name = call.completion_request.model.name
        return None if call.standing.account.may_use(call.operation.dialect, name) else _forbidden(name)

    def credits(self, call: Call) -> Refusal | None:
        """Whether the account pays for this completion, which is not billed yet."""
        usage, standing = call.completion.usage, call.standing
        price = call.price = standing.price(usage["prompt_tokens"], usage["completion_tokens"])
        return None if standing.affords(price) else _too_few(call, standing.left)

    def tokens(self, call: Call) -> Refusal | None:
        """Whether the key's limits let a call of as many tokens in as its usage says."""
        if call.standing.account.tokens is None:
            return None
        return self._take(call, call.completion.usage["total_tokens"])

    def payment(self, call: Call) -> Refusal | None:
        """Whether the account pays for this completion, which is billed with that; others may have spent the rest."""
        left = call.standing.charge(call.price)
        call.left = call.standing.left if left is None else left
        return _too_few(call, call.left) if left is None else None

    def _take(self, call: Call, tokens: int) -> Refusal | None:
        quota = call.quota = call.standing.take(call.now_ns, tokens)
        if quota.wait_ns == 0:
            return None
        if quota.wait_s is None:
            most = quota.tokens.limit if quota.tokens else 0
            message = f"expected at most {most} tokens, got {tokens}: this key never gets as many at once"
        else:
            short = quota.tokens is not None and quota.tokens.remaining < tokens
            message = f"too many {'tokens' if short else 'requests'} with this key, come back in {quota.wait_s} s"
        return Refusal("rate-limited", message, wait_s=quota.wait_s, quota=quota)


def _too_long(call: Call, got: str) -> Refusal:
    window = call.completion_request.model.context_window
    message = f"messages: expected fewer than {window} tokens, got {got}"
    return Refusal("invalid-request", message, "messages", code="context_length_exceeded")


def _keys(request: Request, operation: Operation) -> list[str]:
    """The keys that were sent where the operation reads them."""
    sent = (credential.key(request.headers.get(credential.header, "")) for credential in operation.credentials)
    return [key for key in sent if key is not None]


def _expiry(where: str, account: Account, now_ns: int) -> Refusal | None:
    if account.valid_until_ns is None or account.is_valid(now_ns):
        return None
    since = datetime.fromtimestamp(account.valid_until_ns // _SECOND_NS, UTC).isoformat()
    return Refusal("wrong-key", f"{where}: expected a valid key, got one that expired at {since}")


def _forbidden(model: str) -> Refusal:
    return Refusal("forbidden", f"this key may not use {model}")


def _too_few(call: Call, left: int) -> Refusal:
    text = call.standing.text
    return Refusal("no-credits", f"credits: expected at least {text(call.price)} for this completion, got {text(left)}")
