"""The answers that several clauses look at: each is asked for once, by the clause that looks at it first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from mixtral_contract.suite.client.client import TargetClient
from mixtral_contract.suite.http.event_stream import Stream
from mixtral_contract.suite.http.exchange import TOO_LONG, Exchange, is_completion
from mixtral_contract.suite.target.combined_requests import COMBINED_REQUESTS, UNUSUAL, RequestMaker
from mixtral_contract.suite.verdicts.verdict import Inconclusive, Retired

WRONG_KEY = "not-a-key-of-anyone"
BUSY = frozenset((429, 502, 503, 504))
"""Statuses of a server, or of a gateway before one, that is too busy to say anything about the request."""
_UNKNOWN = "/no-such-endpoint"
_GREETING_S = 10.0

LONG_STREAM = {"messages": [{"role": "user", "content": "Count from one to two hundred in words."}], "max_tokens": 160}
_BEYOND_ASCII = {
    "messages": [{"role": "user", "content": "Repeat exactly: \U0001f408 \u732b caf\u00e9"}],
    "max_tokens": 64,
}

EXTRA_STREAMS: Mapping[str, Mapping[str, Any]] = {
    "long stream": LONG_STREAM,
    "stream ended by a stop sequence": {"stop": "e"},
    "stream that counts": {"stream_options": {"include_usage": True}},
    "stream beyond ASCII": _BEYOND_ASCII,
}
"""What is changed in the simplest request for a stream, to see what goes wrong late, at a limit or beyond ASCII.

Where nobody counts completions the clauses that judge every stream judge these too.
"""


class Requester(RequestMaker, Protocol):
    """What makes requests and sends them: an endpoint."""

    @property
    def url(self) -> str:
        """The operation's address."""

    @property
    def client(self) -> TargetClient:
        """What every request of the run passes."""

    def try_to_ask(self, body: Any = None, *, within_s: float | None = None, **options: Any) -> Exchange:
        """The exchange of a request, with an answer or without."""

    def once(self, name: str, ask: Callable[[], Exchange]) -> Exchange:
        """The answer of that name, asked for by whoever looks at it first."""


class SharedAnswers:
    """One answer of each kind, asked for when it is first looked at; the request log notes who looks."""

    def __init__(self, endpoint: Requester) -> None:
        self._endpoint = endpoint

    @property
    def answer(self) -> Exchange:
        """The simplest request's answer, whatever it is."""
        return self._once("answer", lambda: self._endpoint.try_to_ask(self._endpoint.body()))

    @property
    def second_answer(self) -> Exchange:
        """The answer to another short request."""
        if self._endpoint.client.frugal and is_completion(other := self.combined(UNUSUAL)):
            return other
        messages = [{"role": "user", "content": "Say goodbye in one word."}]
        return self._once("second answer", lambda: self._endpoint.try_to_ask(self._endpoint.body(messages=messages)))

    @property
    def streamed(self) -> Exchange:
        """The simplest request's answer, streamed."""
        return self._once("stream", lambda: self._endpoint.try_to_ask(self._endpoint.body(stream=True)))

    @property
    def no_key(self) -> Exchange:
        """The answer to a request without a key."""
        return self._once("no key", lambda: self._endpoint.try_to_ask(self._endpoint.body(), key_headers={}))

    @property
    def wrong_key(self) -> Exchange:
        """The answer to a request with a wrong key."""
        endpoint = self._endpoint
        return self._once(
            "wrong key", lambda: endpoint.try_to_ask(endpoint.body(), key_headers=endpoint.key_headers(WRONG_KEY))
        )

    @property
    def wrong_method(self) -> Exchange:
        """The answer to a GET."""
        options: dict[str, Any] = {"method": "GET", "headers": {"Content-Type": ""}, "within_s": _GREETING_S}
        return self._once("wrong method", lambda: self._endpoint.try_to_ask(**options))

    @property
    def unknown_url(self) -> Exchange:
        """The answer to a request for a URL that no document names."""
        endpoint = self._endpoint
        return self._once("unknown URL", lambda: endpoint.try_to_ask(endpoint.body(), url=endpoint.url + _UNKNOWN))

    @property
    def malformed(self) -> Exchange:
        """The answer to a message without content; to messages that are no list where that is taken and free."""
        first = self._once("malformed", lambda: self._malformed([{"role": "user"}]))
        if first.status != 200 or self._endpoint.target.paid:
            return first
        return self._once("messages that are no list", lambda: self._malformed("hello"))

    def _malformed(self, messages: Any) -> Exchange:
        return self._endpoint.try_to_ask(self._endpoint.body(messages=messages))

    @property
    def no_json(self) -> Exchange:
        """The answer to half of a JSON text, which other code refuses than a field."""
        return self._once("no JSON", lambda: self._endpoint.try_to_ask(raw=b'{"messages": ['))

    def combined(self, name: str) -> Exchange:
        """The answer to one of the requests that prove several clauses at once."""
        request = COMBINED_REQUESTS[name]
        return self._once(name, lambda: self._endpoint.try_to_ask(**request.options(self._endpoint)))

    def proves(self, clause: str) -> bool:
        """Whether the clause holds because every combined request that it is in was answered with a completion."""
        if clause == "REQ-08" and self._endpoint.target.model is not None:
            return False
        names = [name for name, request in COMBINED_REQUESTS.items() if clause in request.clauses]
        return bool(names) and all(is_completion(self.combined(name)) for name in names)

    @property
    def completion(self) -> Exchange:
        """The simplest request's answer, which must be a completion to be judged.

        Raises: Inconclusive or Retired when it is none.
        """
        return self._judgeable(self.answer)

    @property
    def completions(self) -> list[Exchange]:
        """The whole completions that the passive clauses judge: the simplest, and the second where it came.

        Raises: Inconclusive or Retired when the simplest is none.
        """
        return [self.completion, *(each for each in (self.second_answer,) if each.status == 200)]

    @property
    def stream(self) -> Stream:
        """The simplest stream, which must be one to be judged.

        Raises: Inconclusive or Retired when it is none.
        """
        return Stream(self._judgeable(self.streamed))

    @property
    def streams(self) -> list[Stream]:
        """Every stream that the passive clauses judge: the simplest, and extra ones where nobody counts completions.

        Raises: Inconclusive or Retired when the simplest is none.
        """
        return [self.stream, *(Stream(exchange) for exchange in self._extra_streams if exchange.status == 200)]

    @property
    def _extra_streams(self) -> list[Exchange]:
        endpoint = self._endpoint
        if endpoint.client.frugal:
            return []
        known = endpoint.operation.request.properties.keys()
        bodies = {
            name: endpoint.body(stream=True, **changes)
            for name, changes in EXTRA_STREAMS.items()
            if changes.keys() <= known
        }
        return [self._once(name, partial(endpoint.try_to_ask, body)) for name, body in bodies.items()]

    @property
    def refusals(self) -> list[Exchange]:
        """One refusal of each kind that the contract documents for every caller; none of a server that was busy."""
        return [each for each in self._refused if each.status not in BUSY]

    @property
    def _refused(self) -> list[Exchange]:
        found = [self.no_key, self.wrong_key, self.wrong_method, self.unknown_url, self.malformed, self.no_json]
        return [each for each in found if each.status is not None and each.status >= 400]

    @property
    def all(self) -> list[Exchange]:
        """Every answer of the above that came; refusals first, which are free where a budget is small.

        Raises: Inconclusive when none did: of nothing everything is true.
        """
        answers = [*self._refused, self.answer, self.second_answer]
        if self._endpoint.operation.streams:
            answers.append(self.streamed)
        found = [exchange for exchange in answers if exchange.status is not None]
        if not found:
            raise Inconclusive(self.answer.summary, expected="an answer", exchange=self.answer)
        return found

    def _judgeable(self, exchange: Exchange) -> Exchange:
        if exchange.status in (404, 410):
            raise Retired(exchange.summary, expected="a completion", exchange=exchange)
        if exchange.status != 200 or exchange.ending == TOO_LONG:
            raise Inconclusive(exchange.summary, expected="a completion", exchange=exchange)
        return exchange

    def _once(self, name: str, ask: Callable[[], Exchange]) -> Exchange:
        return self._endpoint.once(name, ask)
