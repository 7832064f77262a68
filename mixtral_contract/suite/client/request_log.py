"""What a run asked: every request with the clause that sent it, and what several clauses looked at together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mixtral_contract.suite.client.budget import may_be_billed
from mixtral_contract.suite.http.exchange import Exchange, Request


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request that was sent; `shared` are the names under which other clauses look at its answer too."""

    dialect: str
    clause: str
    shared: tuple[Hashable, ...]
    exchange: Exchange

    @property
    def billed(self) -> bool:
        """Whether it may have cost a completion."""
        return may_be_billed(self.exchange)


class RequestLog:
    """The requests of one run in order, and who looked at which shared answer."""

    def __init__(self) -> None:
        self.requests: list[LoggedRequest] = []
        self.clause = ""
        self.shares = False
        """Whether the clause may be answered by what another one asked."""
        self.last: Exchange | None = None
        """What the clause looked at last."""
        self._answers: dict[tuple[str, Hashable], Exchange] = {}
        self._looks: set[tuple[str, str, Hashable]] = set()
        self._asking: list[Hashable] = []
        self._times: Counter[Request] = Counter()

    @contextmanager
    def judging(self, clause: str, *, shares: bool = True) -> Iterator[None]:
        """What is asked meanwhile is asked for that clause."""
        self.clause, self.shares, self.last = clause, shares, None
        self._times.clear()
        try:
            yield
        finally:
            self.clause, self.shares = "", False

    def write(self, dialect: str, exchanges: Iterable[Exchange]) -> None:
        """Takes what was sent."""
        for exchange in exchanges:
            self.requests.append(LoggedRequest(dialect, self.clause, tuple(self._asking), exchange))
            self.last = exchange

    def once(self, dialect: str, name: Hashable, ask: Callable[[], Exchange]) -> Exchange:
        """The shared answer of that name, asked for by whoever looks at it first."""
        look = (self.clause, dialect, name)
        if (dialect, name) in self._answers:
            answer = self._answers[dialect, name]
            if look not in self._looks:
                self._times[answer.request] += 1
        else:
            answer = self._answers[dialect, name] = self._ask(name, ask)
        self._looks.add(look)
        self.last = answer
        return answer

    def nth(self, dialect: str, request: Request, ask: Callable[[], Exchange]) -> Exchange:
        """The answer to a request: one that another clause got, unless this clause looked at that already.

        A clause that asks the same twice gets two answers, and the first of them is that of every clause that asks it.
        What the target's state decided is not kept.
        """
        times = self._times[request]
        name = (request, times)
        kept = self._answers.get((dialect, name))
        self._times[request] = times + 1
        if kept is None:
            answer = self._ask(name, ask)
            if answer.status is not None and answer.status != 429 and answer.status < 500:
                self._answers[dialect, name] = answer
        else:
            answer = kept
        self._looks.add((self.clause, dialect, name))
        self.last = answer
        return answer

    def _ask(self, name: Hashable, ask: Callable[[], Exchange]) -> Exchange:
        self._asking.append(name)
        try:
            return ask()
        finally:
            self._asking.pop()

    def of(self, clauses: Iterable[str]) -> list[LoggedRequest]:
        """What judging these clauses, and no other, would ask: their own requests, and each shared one once."""
        chosen = set(clauses)
        looked_at = {(dialect, name) for clause, dialect, name in self._looks if clause in chosen}
        return [
            each
            for each in self.requests
            if (
                any((each.dialect, name) in looked_at for name in each.shared) if each.shared else each.clause in chosen
            )
        ]

    def since(self, count: int) -> tuple[int, int]:
        """Requests and billed completions after the first `count` requests."""
        later = self.requests[count:]
        return len(later), sum(request.billed for request in later)
