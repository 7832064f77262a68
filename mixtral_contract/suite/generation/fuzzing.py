"""Requests that nobody wrote down: bodies that schemathesis draws from the contract, sent for a given time.

First its coverage cases (each bound, each type, each missing field in turn), then its random ones, until the time is
over. What an answer means is left to the clauses; what it was is kept in a `Sweep`.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from mixtral_contract.suite.generation.schema_oracle import Oracle
from mixtral_contract.suite.http.exchange import Exchange
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.verdicts.verdict import Inconclusive, NotRun, Violation

_SHOWN = 120


@dataclass
class Sweep:
    """What was found on one dialect: how many requests were sent, and the first departure of each kind."""

    sent: int = 0
    failed: Violation | None = None
    departed: Violation | None = None
    accepted: Violation | None = None


class Fuzz:
    """The fuzz tier of one run; `seconds` is what it may take on each dialect, 0 for nothing."""

    def __init__(self, oracle: Oracle, seconds: float) -> None:
        self._oracle = oracle
        self._seconds = seconds
        self._sweeps: dict[str, Sweep] = {}

    def seconds(self, endpoint: Endpoint, share: float) -> float:
        """How long a part of the tier may take.

        Raises: NotRun without time, or where completions cost money.
        """
        if endpoint.target.paid:
            raise NotRun("generated requests are not sent where they may be billed")
        if not self._seconds:
            raise NotRun("no time given for it: --fuzz-seconds")
        return self._seconds * share

    def sweep(self, endpoint: Endpoint) -> Sweep:
        """The findings on the endpoint, looked for once.

        Raises: NotRun as `seconds` does.
        """
        until_s = time.monotonic() + self.seconds(endpoint, 0.5)
        dialect = endpoint.operation.dialect
        if dialect not in self._sweeps:
            found = Sweep()
            for body in self._oracle.bodies(dialect, until_s):
                self._look(endpoint, body, found)
            self._sweeps[dialect] = found
        return self._sweeps[dialect]

    def _look(self, endpoint: Endpoint, raw: bytes, found: Sweep) -> None:
        found.sent += 1
        try:
            exchange = endpoint.ask(raw=raw)
        except Violation as violation:
            found.failed = found.failed or violation
            return
        except Inconclusive:
            return
        shown = raw.decode("utf-8", "replace")[:_SHOWN]
        if (exchange.status or 0) >= 500:
            got = f"{exchange.summary} for {shown}"
            found.failed = found.failed or Violation(got, expected="no 5xx", exchange=exchange)
            return
        departures = self._departures(endpoint, exchange)
        if departures and found.departed is None:
            got = f"{'; '.join(departures)} for {shown}"
            found.departed = Violation(got, expected="an answer of the contract", exchange=exchange)
        if exchange.status == 200 and not _is_valid(endpoint, raw) and found.accepted is None:
            got = f"{exchange.summary} for {shown}"
            found.accepted = Violation(got, expected="a refusal", exchange=exchange)

    def _departures(self, endpoint: Endpoint, exchange: Exchange) -> list[str]:
        """What is not documented: a status, or something in a completion; the body of a refusal no document prints."""
        if exchange.status not in endpoint.operation.responses:
            return [f"status {exchange.status} is not documented"]
        return self._oracle.departures(endpoint.operation.dialect, exchange) if exchange.status == 200 else []


def _is_valid(endpoint: Endpoint, raw: bytes) -> bool:
    try:
        return endpoint.operation.request.is_valid(json.loads(raw))
    except ValueError:
        return False
