"""One operation of the target, as the clauses use it: bodies to send, answers to judge, money to keep.

Everything that a clause asks goes through `ask`; what the state of the target (no key, no credits, busy, failing)
decides is INCONCLUSIVE here, once, and not in each clause.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from contract_tests import wire
from contract_tests.exchange import Exchange, Request
from contract_tests.stream import Stream
from contract_tests.target import Target
from contract_tests.verdict import Inconclusive, NotRun, Retired, Violation
from spec.address import Address
from spec.contract import Credential, Operation

WRONG_KEY = "not-a-key-of-anyone"
_UNKNOWN = "/no-such-endpoint"
_FEW_TOKENS = 16
_PATIENCE = 2
_STATE = frozenset((401, 402, 403, 406, 407, 408, 429))
"""Statuses that speak of the account or the load, not of the request."""


@dataclass
class Purse:
    """How many completions a run may still use up; None: any number."""

    left: int | None = None

    def check(self) -> None:
        """Raises: NotRun when the budget is spent."""
        if self.left is not None and self.left <= 0:
            raise NotRun("the budget of completions is spent")

    def charge(self, exchange: Exchange) -> None:
        """Counts what may be billed: a 200, and an answer that never came."""
        if self.left is not None and exchange.status in (200, None):
            self.left -= 1


@dataclass
class Pace:
    """At most so many requests per minute; None: no pause."""

    rpm: float | None = None
    _next_s: float = field(default=0.0, init=False)

    def wait(self) -> None:
        """Returns when the next request may leave."""
        if self.rpm is not None:
            time.sleep(max(0.0, self._next_s - time.monotonic()))
            self._next_s = time.monotonic() + 60.0 / self.rpm


class Endpoint:
    """One dialect of a running target."""

    def __init__(
        self, target: Target, operation: Operation, *, purse: Purse, pace: Pace, timeout_s: float = 30.0
    ) -> None:
        self.target = target
        self.operation = operation
        self.url = Address.parse(target.base_url or "").endpoint(operation.path)
        self._purse = purse
        self._pace = pace
        self._timeout_s = timeout_s
        self._silences = 0

    # ---- what to send

    def body(self, **changes: Any) -> dict[str, Any]:
        """A short valid request; each change sets a field, or leaves it out when it is `...`."""
        body = dict(self.operation.minimal_request)
        fields = self.operation.request.properties
        if "model" in fields:
            body["model"] = self.target.model or self.operation.models[0].name
        if "max_tokens" in fields:
            body["max_tokens"] = _FEW_TOKENS
        body.update(changes)
        return {name: value for name, value in body.items() if value is not ...}

    @property
    def credential(self) -> Credential:
        """The first documented way to send the key."""
        return self.operation.credentials[0]

    def key_headers(self, key: str | None = None, credential: Credential | None = None) -> dict[str, str]:
        """The header that carries the key (the valid one unless told)."""
        credential = credential or self.credential
        name = "Authorization" if credential.header == "authorization" else credential.header
        return {name: credential.value(self.target.keys["valid"] if key is None else key)}

    # ---- asking

    def ask(self, body: Any = None, **options: Any) -> Exchange:
        """The exchange of `try_to_ask`, which must have an answer.

        Raises: NotRun when the budget is spent, Inconclusive when no answer comes.
        """
        exchange = self.try_to_ask(body, **options)
        if exchange.status is None:
            raise Inconclusive(exchange.summary, expected="an answer", exchange=exchange)
        return exchange

    def try_to_ask(
        self,
        body: Any = None,
        *,
        raw: bytes | None = None,
        method: str = "POST",
        url: str | None = None,
        headers: Mapping[str, str] | None = None,
        key_headers: Mapping[str, str] | None = None,
    ) -> Exchange:
        """The exchange for a JSON body, or for raw bytes, with an answer or without.

        Raises: NotRun when the budget is spent, Inconclusive when the last two requests got no answer: a server that
        hangs ends the run soon.
        """
        self._purse.check()
        if self._silences >= _PATIENCE:
            raise Inconclusive(f"the last {_PATIENCE} requests got no answer, no more are sent", expected="an answer")
        self._pace.wait()
        content = raw if raw is not None else json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
        sent = {"Accept": "*/*", "User-Agent": "mixtral-contract", "Content-Type": "application/json"}
        sent.update(self.key_headers() if key_headers is None else key_headers)
        sent.update(headers or {})
        request = Request(
            method=method,
            url=url or self.url,
            headers=tuple((name, value) for name, value in sent.items() if value),
            body=content if method != "GET" else b"",
            secrets=tuple(self.target.keys.values()),
        )
        exchange = wire.send(request, timeout_s=self._timeout_s)
        self._purse.charge(exchange)
        # a connection that is closed at once costs no time, and may be how the server refuses
        silent = exchange.status is None and exchange.ending in ("timeout", "refused")
        self._silences = self._silences + 1 if silent else 0
        return exchange

    def complete(self, body: Any = None, **options: Any) -> Exchange:
        """The exchange of a request that must be accepted: a 200.

        Raises: Inconclusive for the target's state, Violation for a refusal of the request.
        """
        exchange = self.ask(self.body() if body is None else body, **options)
        self.settle(exchange)
        if exchange.status != 200:
            self._blame_simplest(exchange)
            raise Violation(exchange.summary, expected="200 and a completion", exchange=exchange)
        return exchange

    def stream(self, body: Any = None, **options: Any) -> Stream:
        """The stream of a request that must be accepted as one; the body asks for it already when it is given."""
        return Stream(self.complete(self.body(stream=True) if body is None else body, **options))

    def refuse(self, body: Any = None, **options: Any) -> Exchange:
        """The exchange of a request that must be refused as the client's fault: a 4xx.

        Raises: Inconclusive for the target's state, Violation for any other answer.
        """
        exchange = self.ask(body, **options)
        self.settle(exchange, fault_is_answer=True)
        if not 400 <= (exchange.status or 0) < 500:
            shown = json.dumps(body, ensure_ascii=False)[:200] if "raw" not in options else repr(options["raw"][:80])
            raise Violation(f"{exchange.summary} for {shown}", expected="a 4xx", exchange=exchange)
        return exchange

    def expect_condition(self, condition: str, exchange: Exchange) -> Exchange:
        """The exchange when it has the status documented for that condition.

        Raises: Inconclusive without an answer, Violation for another status.
        """
        if exchange.status is None or exchange.status in (502, 503, 504):
            raise Inconclusive(exchange.summary, exchange=exchange)
        response = self.operation.response_for(condition)
        wanted = response.status if response else None
        if exchange.status != wanted:
            raise Violation(exchange.summary, expected=f"{wanted}", exchange=exchange)
        return exchange

    def settle(self, exchange: Exchange, *, fault_is_answer: bool = False) -> None:
        """Returns when the answer speaks of the request.

        Raises: Inconclusive when it speaks of the account, the load or a failure (a 500 counts as an answer when
        `fault_is_answer`).
        """
        status = exchange.status
        gateway = status is not None and status >= (501 if fault_is_answer else 500)
        # 406 is a refusal of the content too: only an accepted request is held up by it
        account = status in _STATE - ({406} if fault_is_answer else frozenset())
        if status is None or account or gateway:
            raise Inconclusive(exchange.summary, expected="an answer about the request", exchange=exchange)

    def _blame_simplest(self, exchange: Exchange) -> None:
        simplest = self.seen.answer
        if simplest.status in (404, 410):
            raise Retired(simplest.summary, expected="a completion of the simplest request", exchange=simplest)
        if simplest.status != 200 and simplest is not exchange:
            raise Inconclusive(simplest.summary, expected="a completion of the simplest request", exchange=simplest)

    # ---- what all passive clauses look at

    @cached_property
    def seen(self) -> Seen:
        """The answers that every passive clause judges, each asked for once."""
        return Seen(self)


class Seen:
    """One answer of each kind, asked for when it is first looked at."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    @cached_property
    def answer(self) -> Exchange:
        """The simplest request's answer, whatever it is."""
        return self._endpoint.try_to_ask(self._endpoint.body())

    @cached_property
    def second_answer(self) -> Exchange:
        """The answer to another short request."""
        messages = [{"role": "user", "content": "Say goodbye in one word."}]
        return self._endpoint.try_to_ask(self._endpoint.body(messages=messages))

    @cached_property
    def streamed(self) -> Exchange:
        """The simplest request's answer, streamed."""
        return self._endpoint.try_to_ask(self._endpoint.body(stream=True))

    @cached_property
    def no_key(self) -> Exchange:
        """The answer to a request without a key."""
        return self._endpoint.try_to_ask(self._endpoint.body(), key_headers={})

    @cached_property
    def wrong_key(self) -> Exchange:
        """The answer to a request with a wrong key."""
        endpoint = self._endpoint
        return endpoint.try_to_ask(endpoint.body(), key_headers=endpoint.key_headers(WRONG_KEY))

    @cached_property
    def wrong_method(self) -> Exchange:
        """The answer to a GET."""
        return self._endpoint.try_to_ask(method="GET", headers={"Content-Type": ""})

    @cached_property
    def unknown_url(self) -> Exchange:
        """The answer to a request for a URL that no document names."""
        endpoint = self._endpoint
        return endpoint.try_to_ask(endpoint.body(), url=endpoint.url + _UNKNOWN)

    @cached_property
    def malformed(self) -> Exchange:
        """The answer to a message without content."""
        return self._endpoint.try_to_ask(self._endpoint.body(messages=[{"role": "user"}]))

    @property
    def completion(self) -> Exchange:
        """The simplest request's answer, which must be a completion to be judged.

        Raises: Inconclusive or Retired when it is none.
        """
        return self._judgeable(self.answer)

    @property
    def stream(self) -> Stream:
        """The simplest stream, which must be one to be judged.

        Raises: Inconclusive or Retired when it is none.
        """
        return Stream(self._judgeable(self.streamed))

    @property
    def refusals(self) -> list[Exchange]:
        """One refusal of each kind that the contract documents for every caller."""
        found = [self.no_key, self.wrong_key, self.wrong_method, self.unknown_url, self.malformed]
        return [exchange for exchange in found if exchange.status is not None and exchange.status >= 400]

    @property
    def all(self) -> list[Exchange]:
        """Every answer of the above that came."""
        answers = [self.answer, self.second_answer, *self.refusals]
        if self._endpoint.operation.streams:
            answers.append(self.streamed)
        return [exchange for exchange in answers if exchange.status is not None]

    def _judgeable(self, exchange: Exchange) -> Exchange:
        if exchange.status in (404, 410):
            raise Retired(exchange.summary, expected="a completion", exchange=exchange)
        if exchange.status != 200:
            raise Inconclusive(exchange.summary, expected="a completion", exchange=exchange)
        return exchange
