"""What a process of a run may still spend: room before a request leaves, what it cost after. Knows no clock.

What a request costs at most rests on `max_tokens`, which a server may ignore. So room is kept for the longest prompt
and answer that were seen, in each further request and in those under way.
"""

from __future__ import annotations

from mixtral_contract.load.costs.cost import Cost
from mixtral_contract.load.reading.record import Record


class Payments:
    """The account of one of so many processes; without a budget there is always room."""

    def __init__(self, cost: Cost, workers: int) -> None:
        self._cost = cost
        self._purse = cost.purse(workers)
        self._longest_prompt = 0
        self._longest_answer = 0

    @property
    def is_empty(self) -> bool:
        """Whether no further request fits, however long one waits."""
        return self._purse is not None and self._purse.is_empty

    def reserve(self) -> bool:
        """Whether the budget has room for one more request, which is then taken."""
        return self._purse is None or self._purse.reserve()

    def release(self) -> None:
        """Gives the room of a request back that was not sent."""
        if self._purse is not None:
            self._purse.release()

    def settle(self, record: Record, left: float | None) -> None:
        """Pays for a request that has ended; `left` is what the server says that the account still has."""
        if self._purse is None:
            return
        self._longest_prompt = max(self._longest_prompt, record.prompt_tokens or 0)
        self._longest_answer = max(self._longest_answer, record.billed_tokens)
        worst = self._cost.worst_after(self._longest_prompt, self._longest_answer)
        if worst is not None:
            self._purse.expect(worst)
        self._purse.settle(self._charge(record, worst), left)

    def _charge(self, record: Record, worst: float | None) -> float | None:
        """What the request costs; None where nobody can tell."""
        if record.sent_ns is None or record.status not in (None, 200):
            # refused, or never sent
            return self._cost.paid(1, 0, 0) if self._cost.counts_requests else 0.0
        seen = self._cost.paid(1, record.prompt_tokens or 0, record.billed_tokens)
        is_known = record.outcome.is_answer and (record.usage_tokens is not None or self._cost.is_exact)
        if is_known or seen is None or worst is None:
            return seen if is_known else None
        # what broke off may be billed all the same, and what came without usage is an estimate
        return max(seen, worst)
