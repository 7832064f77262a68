"""How long a run waits because the target asks it to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from mixtral_contract.primitives.retry_after import retry_after_s
from mixtral_contract.suite.http.exchange import Exchange

MOST_S = 60.0
"""All waits of a run together."""

_BUSY = frozenset((429, 503))
_MOST_IN_VAIN = 3


class Patience:
    """Waits that are taken, `seconds` in all; none any more when several in a row led to the same answer."""

    def __init__(
        self, seconds: float = MOST_S, *, now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)
    ) -> None:
        self._left_s = seconds
        self._now = now
        self._in_vain = 0

    def take(self, exchange: Exchange) -> float | None:
        """How many seconds to wait before the request is sent once more; None: it is not.

        A 429 or 503 that says when to come back is waited for.
        """
        if exchange.status not in _BUSY or self._in_vain >= _MOST_IN_VAIN:
            return None
        wait_s = retry_after_s(exchange.header("retry-after") or "", self._now())
        if not 0 < wait_s <= self._left_s:
            return None
        self._left_s -= wait_s
        return wait_s

    def learn(self, exchange: Exchange) -> None:
        """Notes what came after a wait."""
        self._in_vain = self._in_vain + 1 if exchange.status in _BUSY else 0
