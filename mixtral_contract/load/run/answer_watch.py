"""Whether a run is worth going on with: not when nothing answers. Pure: times are nanoseconds of the run."""

from __future__ import annotations

from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.reading.record import Record

NO_ANSWER_S = 10.0
"""A run to which nothing has answered at all, not even with an error, ends after so long."""

_NS_PER_S = 1_000_000_000


class AnswerWatch:
    """Sees what is asked and what ends; `patience_s` is how long nothing may be answered, None for any time."""

    def __init__(self, patience_s: float | None) -> None:
        self._patience_s = patience_s
        self._waiting_since_ns: int | None = None
        self._has_ended = False
        self._has_heard = False

    def ask(self, now_ns: int) -> None:
        """Sees a request that begins now."""
        if self._waiting_since_ns is None:
            self._waiting_since_ns = now_ns

    def end(self, record: Record, *, others_wait: bool) -> None:
        """Sees the end of a request; `others_wait`: there are further ones under way."""
        self._has_ended = True
        self._has_heard = self._has_heard or record.status is not None
        if record.outcome is Outcome.OK:
            self._waiting_since_ns = record.end_ns if others_wait else None

    def is_hopeless(self, now_ns: int, received_ns: int | None) -> bool:
        """Whether the run is to end; `received_ns` is when answers under way last went on.

        A slow answer is none that is not there: without a patience, the first request has to have ended.
        """
        if self._waiting_since_ns is None:
            return False
        if received_ns is None:
            received_ns = self._waiting_since_ns
        waited_s = (now_ns - max(self._waiting_since_ns, received_ns)) / _NS_PER_S
        if self._patience_s is not None and waited_s >= self._patience_s:
            return True
        return self._has_ended and not self._has_heard and waited_s >= NO_ANSWER_S
