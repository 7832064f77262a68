"""When each token leaves: absolute deadlines, and one queue of all that is under way.

Pure: the time is an argument. Today every completion has a constant pace of its own; whatever makes the pace depend on
the others (slots, batches, a budget) belongs behind `start`, `release` and `next_ns`, which already know them all.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Pace:
    """The time to the first token and between two tokens, in nanoseconds; zero for an answer at once."""

    ttft_ns: int = 0
    itl_ns: int = 0

    def due_ns(self, start_ns: int, index: int) -> int:
        """When token `index` (from 0) is due; late tokens do not move the later ones."""
        return start_ns + self.ttft_ns + index * self.itl_ns

    def count_due(self, start_ns: int, now_ns: int, tokens: int) -> int:
        """How many of the tokens are due by now."""
        since_first_ns = now_ns - self.due_ns(start_ns, 0)
        if since_first_ns < 0:
            return 0
        return tokens if self.itl_ns == 0 else min(tokens, since_first_ns // self.itl_ns + 1)


@dataclass(frozen=True, slots=True)
class Overload:
    """Why a completion gets no turn: the status to refuse it with, and when to come back, None when nobody knows."""

    status: int
    message: str
    wait_s: int | None = None


@dataclass(slots=True, eq=False)
class Generation:
    """One completion under way, from the question to the last token.

    The engine calls `begin` once, when its turn comes, or `refuse` instead; then `deliver` in the same pass, with what
    is due by then, maybe nothing, and again whenever more tokens are due. `begin` may still set `tokens` and
    `together`, which makes all tokens due with the last one. `dues` are the deadlines and `sent` is for the one who
    delivers: how many tokens were due, and out, at which time.
    """

    tokens: int
    prompt_tokens: int
    begin: Callable[[], None]
    deliver: Callable[[], None]
    refuse: Callable[[Overload], None]
    together: bool = False
    start_ns: int = 0
    due: int = 0
    cancelled: bool = False
    dues: list[tuple[int, int]] = field(default_factory=list)
    sent: list[tuple[int, int]] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        """Whether every token is due."""
        return self.due == self.tokens


class Engine:
    """All completions under way and the deadline of each one's next token."""

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self._queue: list[tuple[int, int, Generation]] = []
        self._order = 0

    @property
    def next_ns(self) -> int | None:
        """The earliest deadline; None when nothing is under way."""
        return self._queue[0][0] if self._queue else None

    def start(self, generation: Generation, start_ns: int, now_ns: int) -> None:
        """Begins a completion that was asked for at `start_ns`; what is due by now is delivered before this returns."""
        generation.start_ns = start_ns
        generation.begin()
        if generation.cancelled or self._advance(generation, now_ns):
            return
        if not generation.due:
            generation.deliver()
        self._wait(generation)

    def cancel(self, generation: Generation) -> None:
        """Ends a completion; nothing more is delivered."""
        generation.cancelled = True

    def release(self, now_ns: int) -> None:
        """Delivers what is due by now, for every completion in one pass."""
        passed = []
        while self._queue and self._queue[0][0] <= now_ns:
            passed.append(heapq.heappop(self._queue)[2])
        for generation in passed:
            if not generation.cancelled and not self._advance(generation, now_ns):
                self._wait(generation)

    def _advance(self, generation: Generation, now_ns: int) -> bool:
        """Delivers the tokens that became due; whether that was the last of it."""
        due = self.pace.count_due(generation.start_ns, now_ns, generation.tokens)
        if due > generation.due and (due == generation.tokens or not generation.together):
            generation.due = due
            generation.dues.append((due, self.pace.due_ns(generation.start_ns, due - 1)))
            generation.deliver()
        return generation.finished or generation.cancelled

    def _wait(self, generation: Generation) -> None:
        index = generation.tokens - 1 if generation.together else generation.due
        self._order += 1  # breaks ties in the order of arrival
        heapq.heappush(self._queue, (self.pace.due_ns(generation.start_ns, index), self._order, generation))
