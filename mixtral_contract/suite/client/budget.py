"""What a run may use up: completions, and requests per minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from mixtral_contract.suite.http.exchange import Exchange, Request
from mixtral_contract.suite.verdicts.verdict import NotRun

_BODILESS = frozenset(("GET", "HEAD", "OPTIONS"))


class CompletionBudget:
    """How many completions a run may still use up; None: any number.

    What may be billed is taken before it is asked for and given back when it was not billed, under a lock: however
    many ask at once, no more is ever spent than was put in.
    """

    def __init__(self, completions: int | None = None) -> None:
        self._left = completions
        self._lock = threading.Lock()

    def take(self, count: int = 1) -> None:
        """Takes that many completions.

        Raises: NotRun when fewer are left, of which none is taken then.
        """
        with self._lock:
            if self._left is not None:
                if self._left < count:
                    raise NotRun(f"the budget of completions is spent: {self._left} left, {count} may be needed")
                self._left -= count

    def give_back(self, count: int) -> None:
        """Puts back what was taken and not billed."""
        with self._lock:
            if self._left is not None:
                self._left += count


def may_cost(request: Request) -> bool:
    """Whether the request could use up a completion; one without a body asks for none."""
    return request.method not in _BODILESS


def may_be_billed(exchange: Exchange) -> bool:
    """Whether the exchange may have cost a completion: a 200, and an answer that never came to what was sent."""
    return may_cost(exchange.request) and exchange.status in (200, None) and exchange.ending != "refused"


class RateLimiter:
    """At most so many requests per minute; None: no pause."""

    def __init__(
        self,
        rpm: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gap_s = 60.0 / rpm if rpm is not None else 0.0
        self._clock = clock
        self._sleep = sleep
        self._next_s = 0.0
        self._lock = threading.Lock()

    def wait(self, count: int = 1) -> None:
        """Returns when the next request may leave, or the next `count` together."""
        if not self._gap_s:
            # a sleep of no time gives the processor away all the same
            return
        with self._lock:
            start_s = max(self._clock(), self._next_s)
            self._next_s = start_s + count * self._gap_s
        self._sleep(max(0.0, start_s - self._clock()))
