"""One operation of the target, as the clauses use it: bodies to send, answers to judge, money to keep.

Everything that a clause asks goes through `ask`; what the state of the target (no key, no credits, busy, failing)
decides is INCONCLUSIVE here, once, and not in each clause.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from mixtral_contract.contract.openapi import Credential, Operation
from mixtral_contract.primitives.base_url import BaseUrl
from mixtral_contract.suite.client.client import TargetClient
from mixtral_contract.suite.http.event_stream import Stream
from mixtral_contract.suite.http.exchange import TOO_LONG, Exchange, Request
from mixtral_contract.suite.target.shared_answers import BUSY, SharedAnswers
from mixtral_contract.suite.target.target import Target
from mixtral_contract.suite.verdicts.verdict import Inconclusive, NotRun, Outcome, Retired, Unsupported, Violation

_FEW_TOKENS = 16
_LIMIT, _OTHER_LIMIT = "max_tokens", "max_completion_tokens"
_BODILESS = frozenset(("GET", "HEAD"))
_TOO_MANY = 429
_STATE = frozenset((401, 402, 403, 406, 407, 408, 429))
"""Statuses that speak of the account or the load, not of the request."""

_OF_THE_KEY = frozenset((401, 403))
"""Those that some servers answer a bad request with, though its key is good."""


def not_busy(exchange: Exchange) -> Exchange:
    """The exchange, when its answer is none of a server that is busy.

    Raises: Inconclusive when it is: the load of the moment decided, whatever was asked.
    """
    if exchange.status in BUSY:
        slower = " (--rpm N asks more slowly)" if exchange.status == _TOO_MANY else ""
        raise Inconclusive(f"{exchange.summary}{slower}", expected="an answer about the request", exchange=exchange)
    return exchange


def speaks_of_choices(exchange: Exchange) -> bool:
    """Whether it is a completion in some form, whole or streamed, and no page or error behind a 200."""
    return exchange.status == 200 and b'"choices"' in exchange.body


class Endpoint:
    """One dialect of a running target, with the client of the run."""

    def __init__(self, target: Target, operation: Operation, client: TargetClient) -> None:
        self.target = target
        self.operation = operation
        self.url = BaseUrl.parse(target.base_url or "").endpoint(target.path(operation))
        self.client = client
        self._limit = _LIMIT

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
        """The header that carries the key (the valid one unless told); none where no key is sent."""
        key = self.target.keys.get("valid") if key is None else key
        if key is None:
            return {}
        credential = credential or self.credential
        name = "Authorization" if credential.header == "authorization" else credential.header
        return {name: credential.value(key)}

    def expect_key(self) -> None:
        """Returns where the server asks for a key.

        Raises: NotRun where no key is sent, and where the contract leaves it to the server and it answers without one.
        """
        if "valid" not in self.target.keys:
            raise NotRun("no key is sent: there is none to judge by")
        if self.operation.is_key_optional and speaks_of_choices(self.seen.no_key):
            raise NotRun("the server asks for no key: it answers without one")

    # ---- asking

    def ask(self, body: Any = None, *, busy_is_answer: bool = False, **options: Any) -> Exchange:
        """The exchange of `try_to_ask`, which must have an answer that speaks of the request.

        Raises: NotRun when the budget is spent, Inconclusive when no answer comes, or one of a server that is busy
        unless `busy_is_answer`, Violation when twice what comes is no HTTP or the end of the connection, from a server
        that answers the simplest request.
        """
        exchange = self.try_to_ask(body, is_patient=not busy_is_answer, **options)
        if exchange.status is None:
            raise self._unanswered(exchange)
        return exchange if busy_is_answer else not_busy(exchange)

    def request(
        self,
        body: Any = None,
        *,
        raw: bytes | None = None,
        method: str = "POST",
        url: str | None = None,
        headers: Mapping[str, str] | None = None,
        key_headers: Mapping[str, str] | None = None,
        version: str = "1.1",
    ) -> Request:
        """The request that carries a JSON body, or raw bytes, with the valid key unless told."""
        content = raw if raw is not None else json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
        sent = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "mixtral-contract"}
        sent["Content-Type"] = "application/json"
        sent.update(self.key_headers() if key_headers is None else key_headers)
        sent.update(headers or {})
        return Request(
            method=method,
            url=url or self.url,
            headers=tuple((name, value) for name, value in sent.items() if value),
            body=self._limited(content) if method not in _BODILESS else b"",
            secrets=tuple(self.target.keys.values()),
            version=version,
        )

    def try_to_ask(
        self, body: Any = None, *, within_s: float | None = None, is_patient: bool = True, **options: Any
    ) -> Exchange:
        """The exchange of a `request`, with an answer or without; `within_s` shortens the time-out.

        Asked `is_patient`ly, a target that is busy is asked once more when it said so.

        Raises: NotRun when the budget is spent, Inconclusive when the target has been silent too often: a server that
        hangs ends the run soon.
        """
        return self._send([self.request(body, **options)], within_s=within_s, is_patient=is_patient)[0]

    def converse(
        self, requests: Sequence[Request], *, together: bool = False, linger_s: float = 0.0
    ) -> Sequence[Exchange]:
        """The exchanges of several requests over one connection, as `connection.converse` makes them.

        Raises: as `try_to_ask` does.
        """
        return self._send(requests, together=together, linger_s=linger_s)

    def _send(self, requests: Sequence[Request], **how: Any) -> Sequence[Exchange]:
        """The exchanges; once more with the other limit from the first answer on that asks for it."""
        exchanges = self.client.send(self.operation.dialect, requests, **how)
        if not any(map(self._wants_other_limit, exchanges)):
            return exchanges
        self._limit = _OTHER_LIMIT
        again = [replace(request, body=self._limited(request.body)) for request in requests]
        return self.client.send(self.operation.dialect, again, **how)

    def _limited(self, content: bytes) -> bytes:
        """The body with the limit in the field that the server wants it in."""
        return content.replace(f'"{_LIMIT}"'.encode(), f'"{self._limit}"'.encode())

    def _wants_other_limit(self, exchange: Exchange) -> bool:
        """Whether the server refuses max_tokens and names the field that the dialect has instead."""
        asked = self._limit == _LIMIT and _OTHER_LIMIT in self.operation.request.properties
        sent = f'"{_LIMIT}"'.encode() in exchange.request.body
        return asked and sent and exchange.status in (400, 422) and _OTHER_LIMIT.encode() in exchange.body

    def greet(self) -> None:
        """Asks for what costs nothing; a target that is silent to it is asked for nothing more."""
        if self.seen.wrong_method.ending in ("timeout", TOO_LONG):
            self.client.stop()

    def complete(self, body: Any = None, **options: Any) -> Exchange:
        """The exchange of a request that must be accepted: a 200.

        Raises: Inconclusive for the target's state, Violation for a refusal of the request, for a failure that repeats
        while the simplest request succeeds, and for a 200 that brings no completion where that one does.
        """
        body = self.body() if body is None else body
        exchange = self.ask(body, **options)
        if exchange.status == 500 and self.seen.answer.status == 200:
            # a failure of one kind of request, time and again, is no state of the server
            exchange = self.ask(body, **options)
            if exchange.status == 500:
                raise Violation(f"{exchange.summary}, twice", expected="200 and a completion", exchange=exchange)
        self.settle(exchange)
        if exchange.status != 200:
            self._blame_simplest(exchange)
            raise Violation(exchange.summary, expected="200 and a completion", exchange=exchange)
        if not speaks_of_choices(exchange):
            if not speaks_of_choices(self.seen.answer):
                raise Unsupported("no completion of the simplest request either, which has its own clause")
            raise Violation(exchange.summary, expected="200 and a completion", exchange=exchange)
        return exchange

    def stream(self, body: Any = None, **options: Any) -> Stream:
        """The stream of a request that must be accepted as one; the body asks for it already when it is given."""
        return Stream(self.complete(self.body(stream=True) if body is None else body, **options))

    def refuse(self, body: Any = None, **options: Any) -> Exchange:
        """The exchange of a request that must be refused as the client's fault: a 4xx.

        Raises: Inconclusive for the target's state, Violation for any other answer.
        """
        return self.refused(self.ask(body, **options), options.get("raw", body))

    def refused(self, exchange: Exchange, sent: Any) -> Exchange:
        """The exchange, when it refuses what was sent; see `refuse`."""
        self.settle(exchange, fault_is_answer=True)
        if not 400 <= (exchange.status or 0) < 500:
            shown = repr(sent[:80]) if isinstance(sent, bytes) else json.dumps(sent, ensure_ascii=False)[:200]
            raise Violation(f"{exchange.summary} for {shown}", expected="a 4xx", exchange=exchange)
        return exchange

    def expect_condition(self, condition: str, exchange: Exchange) -> Exchange:
        """The exchange when it has the status documented for that condition.

        Raises: Inconclusive without an answer or for one of a server that is busy, Violation for another status or an
        end of the connection.
        """
        if exchange.status is None:
            raise self._unanswered(exchange)
        response = self.operation.response_for(condition)
        wanted = response.status if response else None
        if exchange.status != wanted:
            not_busy(exchange)
            raise Violation(exchange.summary, expected=f"{wanted}", exchange=exchange)
        return exchange

    def settle(self, exchange: Exchange, *, fault_is_answer: bool = False) -> None:
        """Returns when the answer speaks of the request.

        Raises: Inconclusive when it speaks of the account, the load or a failure (a 500 counts as an answer when
        `fault_is_answer`), and when it has no end.
        """
        status = exchange.status
        gateway = status is not None and status >= (501 if fault_is_answer else 500)
        # 406 is a refusal of the content too: only an accepted request is held up by it
        account = status in _STATE - ({406} if fault_is_answer else frozenset())
        if status in _OF_THE_KEY and self._is_good_for_another(exchange.request):
            return
        if status is None or account or gateway or exchange.ending == TOO_LONG:
            slower = " (--rpm N asks more slowly)" if status == _TOO_MANY else ""
            got = f"{exchange.summary}{slower}"
            raise Inconclusive(got, expected="an answer about the request", exchange=exchange)

    def _is_good_for_another(self, request: Request) -> bool:
        """Whether the key of a refused request is taken for the simplest one, before and, asked once more, after it."""
        before = self.seen.answer
        credentials = {credential.header.lower() for credential in self.operation.credentials}
        keys = [
            [pair for pair in asked.headers if pair[0].lower() in credentials] for asked in (request, before.request)
        ]
        if before.status != 200 or keys[0] != keys[1]:
            return False
        return self.once("simplest request after a refused key", lambda: self.ask(self.body())).status == 200

    def _unanswered(self, exchange: Exchange) -> Outcome:
        """What it means that no answer came: a server that hangs up on one kind of request twice refuses it so."""
        if exchange.ending in ("truncated", "malformed") and self.seen.answer.status is not None:
            again = self.converse([exchange.request])[0]
            if again.status is None and again.ending == exchange.ending:
                return Violation(again.summary, expected="an answer", exchange=again)
        return Inconclusive(exchange.summary, expected="an answer", exchange=exchange)

    def _blame_simplest(self, exchange: Exchange) -> None:
        simplest = self.seen.answer
        if simplest.status in (404, 410):
            raise Retired(simplest.summary, expected="a completion of the simplest request", exchange=simplest)
        if simplest.status != 200 and simplest is not exchange:
            raise Inconclusive(simplest.summary, expected="a completion of the simplest request", exchange=simplest)

    def once(self, name: str, ask: Callable[[], Exchange]) -> Exchange:
        """The answer of that name, asked for by whoever looks at it first; the request log notes who looks."""
        return self.client.log.once(self.operation.dialect, name, ask)

    # ---- what all passive clauses look at

    @cached_property
    def seen(self) -> SharedAnswers:
        """The answers that every passive clause judges, each asked for once."""
        return SharedAnswers(self)
