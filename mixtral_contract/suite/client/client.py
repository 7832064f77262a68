"""The client of one run: every request passes here, within a budget, a rate limit, and a limit of silence."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from mixtral_contract.suite.client.budget import CompletionBudget, RateLimiter, may_be_billed, may_cost
from mixtral_contract.suite.client.patience import Patience
from mixtral_contract.suite.client.request_log import RequestLog
from mixtral_contract.suite.http import connection
from mixtral_contract.suite.http.exchange import TOO_LONG, Exchange, Request
from mixtral_contract.suite.verdicts.verdict import Inconclusive

_MOST_SILENT_IN_A_ROW = 2
_MOST_SILENT = 6
IN_ALL = 8
"""All answers of a run together may be as long as this many of the longest that one may be."""


class Transport(Protocol):
    """Sends requests and returns what came of each; raises nothing for what a server does."""

    def __call__(self, requests: Sequence[Request], *, timeout_s: float = 30.0, **how: Any) -> Sequence[Exchange]:
        """An exchange per request; `how` is for the transport."""


def over_the_wire(requests: Sequence[Request], *, timeout_s: float = 30.0, **how: Any) -> list[Exchange]:
    """The exchanges, over one fresh connection; `how` is that of `connection.converse`."""
    return connection.converse(requests, timeout_s=timeout_s, **how)


class TargetClient:
    """What sends the requests of one run.

    After two requests in a row that ended in silence or in an answer without an end, or six in all, no more are sent: a
    server that hangs or floods ends a run within a few time-outs, however many clauses there are. `timeout_s` bounds
    the connection and each wait for bytes, `most_bytes` all answers together.
    A request that the target is too busy for is sent once more after the time that its Retry-After names, as far as
    `patience` goes.
    A `frugal` client sends one request for all clauses that ask the same. `pause` waits so many seconds on behalf of a
    clause, where a target can tell the difference.
    """

    def __init__(
        self,
        transport: Transport = over_the_wire,
        *,
        budget: CompletionBudget | None = None,
        rate_limiter: RateLimiter | None = None,
        timeout_s: float = 30.0,
        most_bytes: int = IN_ALL * connection.MOST_BYTES,
        frugal: bool = False,
        patience: Patience | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.frugal = frugal
        self.pause = pause
        self.log = RequestLog()
        self._transport = transport
        self._budget = budget or CompletionBudget()
        self._rate_limiter = rate_limiter or RateLimiter()
        self._patience = patience or Patience()
        self._timeout_s = timeout_s
        self._most_bytes = most_bytes
        self._bytes = 0
        self._in_a_row = 0
        self._in_all = 0
        self._silence = ""

    def send(
        self,
        dialect: str,
        requests: Sequence[Request],
        *,
        within_s: float | None = None,
        is_patient: bool = False,
        **how: Any,
    ) -> Sequence[Exchange]:
        """The exchanges, each with an answer or without; `within_s` shortens the time-out.

        A single request `is_patient` that is sent once more when the target asks to wait.

        Raises: NotRun when the budget is spent, Inconclusive when the target was silent too often or said too much.
        """

        def ask() -> Sequence[Exchange]:
            exchanges = self._send(dialect, requests, within_s, how)
            wait_s = self._patience.take(exchanges[0]) if is_patient else None
            if wait_s is None:
                return exchanges
            self.pause(wait_s)
            again = self._send(dialect, requests, within_s, how)
            self._patience.learn(again[0])
            return again

        if self.frugal and self.log.shares and len(requests) == 1 and not any(how.values()):
            return [self.log.nth(dialect, requests[0], lambda: ask()[0])]
        return ask()

    def _send(
        self, dialect: str, requests: Sequence[Request], within_s: float | None, how: Mapping[str, Any]
    ) -> Sequence[Exchange]:
        if self._in_a_row >= _MOST_SILENT_IN_A_ROW or self._in_all >= _MOST_SILENT:
            raise Inconclusive(f"no more is asked: {self._silence}", expected="an answer")
        if self._bytes > self._most_bytes:
            raise Inconclusive(
                f"no more is asked: the answers have {self._bytes:,} bytes in all",
                expected=f"at most {self._most_bytes:,}, 8 times --max-answer",
            )
        most = sum(map(may_cost, requests))
        self._budget.take(most)
        self._rate_limiter.wait(len(requests))
        timeout_s = self._timeout_s if within_s is None else min(within_s, self._timeout_s)
        exchanges = self._transport(requests, timeout_s=timeout_s, **how)
        self._budget.give_back(most - sum(map(may_be_billed, exchanges)))
        self._bytes += sum(len(exchange.body) for exchange in exchanges)
        self._note_silence(exchanges)
        self.log.write(dialect, exchanges)
        return exchanges

    def stop(self) -> None:
        """Sends no more."""
        self._in_a_row = _MOST_SILENT_IN_A_ROW

    def _note_silence(self, exchanges: Sequence[Exchange]) -> None:
        for exchange in exchanges:
            # a connection that is closed at once costs no time, and may be how the server refuses
            silent = exchange.ending in ("timeout", TOO_LONG) or (
                exchange.ending == "refused" and exchange.status is None
            )
            self._in_a_row = self._in_a_row + 1 if silent else 0
            self._in_all += silent
            self._silence = exchange.end if silent else self._silence
