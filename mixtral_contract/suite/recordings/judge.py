"""Recorded exchanges as the suite sees them: each judged by itself, by every clause that needs nothing but an answer.

The clauses are the suite's own tests; what a clause would ask beyond the recording is not asked, and NOT-RUN.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from mixtral_contract.cassettes.exchange import CUT, LEFT, REDACTED, Recorded
from mixtral_contract.cassettes.reader import Cassette
from mixtral_contract.contract.clauses import Clause
from mixtral_contract.contract.openapi import Contract, Operation
from mixtral_contract.primitives.base_url import BaseUrl
from mixtral_contract.suite.client.client import TargetClient
from mixtral_contract.suite.generation.schema_oracle import Oracle
from mixtral_contract.suite.http.exchange import Exchange, Request
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.target.shared_answers import SharedAnswers
from mixtral_contract.suite.target.target import Target
from mixtral_contract.suite.verdicts.clause_tests import clause_tests
from mixtral_contract.suite.verdicts.result import ClauseResult, judge
from mixtral_contract.suite.verdicts.verdict import NotRun, Outcome

_ENDINGS = {CUT: "truncated", LEFT: "truncated"}
_NOWHERE = "http://127.0.0.1:1"
_UNBOUNDED = 1 << 31
_ASKED_OTHERWISE: Sequence[tuple[Callable[[Request, Mapping[str, Any]], bool], frozenset[str]]] = (
    (lambda request, _: request.method == "HEAD", frozenset(("ERR-01", "ERR-19"))),
    (
        lambda _, body: body.get("n") not in (None, 1),
        frozenset(("RSP-04", "RSP-09", "STR-05", "STR-17", "STR-18", "STR-25")),
    ),
    (lambda _, body: bool(body.get("tools") or body.get("functions")), frozenset(("RSP-06",))),
    (lambda _, body: body.get("max_tokens") is None, frozenset(("RSP-09",))),
    (lambda _, body: body.get("model") is None, frozenset(("RSP-12", "STR-20"))),
    (lambda _, body: _wants_usage(body.get("stream_options")), frozenset(("STR-24",))),
)
"""What the suite itself asks for elsewhere only, and which clauses of an answer do not speak of an answer to that."""


@dataclass(frozen=True, slots=True)
class Case:
    """One recorded exchange: its number in the cassette, its operation (None: of no dialect), and the suite's form."""

    number: int
    recorded: Recorded
    operation: Operation | None
    exchange: Exchange

    @property
    def name(self) -> str:
        """What it is, for a reader."""
        request = self.recorded.request
        dialect = self.operation.dialect if self.operation else "of no dialect"
        streamed = ", streamed" if _asks_for_stream(self.exchange) else ""
        return f"exchange {self.number}  {request.method} {request.path} ({dialect}{streamed}): {self.exchange.status}"


def cases(cassette: Cassette, contract: Contract, dialect: str | None = None) -> list[Case]:
    """The exchanges of a cassette; those whose path the contract does not have are of the dialect, None: of none."""
    upstream = BaseUrl.parse(cassette.upstream)
    otherwise = contract.operations[dialect] if dialect else None
    return [
        Case(number, recorded, _operation(contract, upstream, recorded) or otherwise, _exchange(upstream, recorded))
        for number, recorded in enumerate(cassette.exchanges, 1)
    ]


def _operation(contract: Contract, upstream: BaseUrl, recorded: Recorded) -> Operation | None:
    found = contract.at(unquote(upstream.target(recorded.request.path)))
    return found.get(recorded.request.method) or next(iter(found.values()), None)


def _exchange(upstream: BaseUrl, recorded: Recorded) -> Exchange:
    asked, said = recorded.request, recorded.answer
    url = upstream.endpoint(asked.path) + (f"?{asked.query}" if asked.query else "")
    head = "".join(f"{name}: {value}\r\n" for name, value in said.headers)
    return Exchange(
        Request(asked.method, url, asked.headers, asked.body),
        said.status,
        said.headers,
        tuple((piece.at_ns, piece.data) for piece in said.pieces),
        ending="complete" if said.is_whole else _ENDINGS[said.ending],
        detail="" if said.is_whole else f"recorded as {said.ending}",
        head_ns=said.head_ns,
        end_ns=said.end_ns,
        raw_head=f"HTTP/1.1 {said.status}\r\n{head}\r\n".encode("latin-1", "replace"),
    )


class Judge:
    """The clauses that an answer alone can keep or break, as the suite's tests judge them."""

    def __init__(self, contract: Contract, known: Mapping[str, Clause]) -> None:
        self._clauses = {name: clause for name, clause in known.items() if clause.judged == "passive"}
        self._oracle = Oracle(contract)

    def judged(self, operation: Operation, exchange: Exchange, *, strict: bool = False) -> Iterator[ClauseResult]:
        """What each clause got that applies, and speaks of an answer to such a request."""
        without = _unspoken(exchange.request)
        for name, test in clause_tests().items():
            clause = self._clauses.get(name)
            if clause is not None and name not in without and clause.applies(operation):
                endpoint = _Recording(operation, exchange)
                outcome = self._outcome(test, endpoint)
                yield judge(clause, operation.dialect, outcome, strict=strict, test=test.__name__, last=exchange)

    def _outcome(self, test: Callable[..., None], endpoint: Endpoint) -> Outcome | None:
        fixtures = {"endpoint": endpoint, "oracle": self._oracle}
        wanted = inspect.signature(test).parameters
        try:
            test(**{name: value for name, value in fixtures.items() if name in wanted})
        except Outcome as outcome:
            return outcome
        return None


class _Recording(Endpoint):
    """An endpoint that gave one answer, and gives no other."""

    def __init__(self, operation: Operation, exchange: Exchange) -> None:
        url = exchange.request.url
        target = Target(url, _NOWHERE, (operation.dialect,), {"valid": REDACTED})
        super().__init__(target, operation, TargetClient(_unasked))
        self.url = url
        self._exchange = exchange

    def body(self, **changes: Any) -> dict[str, Any]:
        """The recorded request; what it leaves out and a clause looks at is as the contract says by default."""
        defaults = {"max_tokens": _UNBOUNDED, "model": self.operation.models[0].name, **self.operation.defaults}
        body = {**defaults, **sent_body(self._exchange.request), **changes}
        return {name: value for name, value in body.items() if value is not ...}

    @functools.cached_property
    def seen(self) -> SharedAnswers:
        """The one answer, as what it is; the others never came."""
        return _RecordedAnswers(self, self._exchange)


class _RecordedAnswers(SharedAnswers):
    def __init__(self, endpoint: Endpoint, exchange: Exchange) -> None:
        super().__init__(endpoint)
        self._exchange = exchange
        self._name = _role(endpoint.operation, exchange)

    def _once(self, name: str, _ask: Callable[[], Exchange]) -> Exchange:
        if name == self._name:
            return self._exchange
        return replace(self._exchange, status=None, headers=(), received=(), ending="refused", detail="not recorded")

    @property
    def _refused(self) -> list[Exchange]:
        return [self._exchange] if (self._exchange.status or 0) >= 400 else []


def _role(operation: Operation, exchange: Exchange) -> str:
    """Under which of the names of what passive clauses look at the answer stands; another one for a rarer refusal."""
    request, status = exchange.request, exchange.status or 0
    if status < 400:
        return "stream" if _asks_for_stream(exchange) else "answer"
    sent = {name.lower() for name, _ in request.headers}
    if request.method != operation.method:
        return "wrong method"
    if not sent & {credential.header for credential in operation.credentials}:
        return "no key"
    if status == 401:
        return "wrong key"
    return "malformed" if not operation.request.is_valid(_sent(request)) else "refusal"


def sent_body(request: Request) -> Mapping[str, Any]:
    """The JSON object that was sent; empty when it was none."""
    sent = _sent(request)
    return sent if isinstance(sent, dict) else {}


def _unspoken(request: Request) -> frozenset[str]:
    body = sent_body(request)
    return frozenset().union(*(names for asked, names in _ASKED_OTHERWISE if asked(request, body)))


def _wants_usage(options: Any) -> bool:
    return isinstance(options, dict) and bool(options.get("include_usage"))


def _asks_for_stream(exchange: Exchange) -> bool:
    return sent_body(exchange.request).get("stream") is True


def _sent(request: Request) -> Any:
    return Exchange(request, None, received=((0, request.body),)).json


def _unasked(requests: Sequence[Request], **_how: Any) -> Sequence[Exchange]:
    raise NotRun(f"not recorded: {requests[0].method} {requests[0].url}")
