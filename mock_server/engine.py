"""When each token leaves: deadlines computed in model time, and one pass that delivers all that is due.

The engine is pure: the time is an argument. Every pace is one model of a decoding step, which gives one token to
everything in the batch, and differs in what a step costs: nothing (`instant`), a constant whatever the batch
(`steady`, here), or what the batch makes it cost (`node`, by a profile). A step that does not depend on the batch binds
nobody to a common beat, so that each completion of a steady pace keeps its own.

A pass may come late, the deadlines do not: what it finds overdue is computed as of when it was due.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class Overload:
    """Why a completion gets no turn: what to refuse it with, and when to come back, None when nobody knows."""

    status: int
    message: str
    wait_s: int | None = None
    condition: str = "overloaded"


@dataclass(slots=True, eq=False)
class Generation:
    """One completion under way, from the question to the last token.

    The engine calls `begin` once, when its turn comes, or `refuse` instead; then `deliver` in the same pass, with what
    is due by then, maybe nothing, and again whenever more tokens are due. `begin` may still set `tokens` and
    `together`, which makes all tokens due with the last one. `dues` holds every deadline, as how many tokens are due
    from which time on; `sent` is for the one who delivers, how many were out at which time.
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


class Load(NamedTuple):
    """What is under way: completions that have their turn, that wait for it, and the share of the KV budget in use."""

    running: int
    waiting: int
    kv_share: float


class Model(Protocol):
    """Completions under way at one pace, and when each token is due; calls are in the order of their times."""

    @property
    def next_ns(self) -> int | None:
        """When `release` has something to do; None when nothing is under way."""

    @property
    def load(self) -> Load:
        """How much is under way."""

    def start(self, generation: Generation, now_ns: int) -> None:
        """Takes a completion in; what is due by now is delivered before this returns."""

    def cancel(self, generation: Generation, now_ns: int) -> None:
        """Gives up whatever the completion holds; one that is over or unknown holds nothing."""

    def release(self, now_ns: int) -> None:
        """Delivers what is due by now, each completion once."""


class Deployment(Protocol):
    """What stands behind the endpoint: a pace, or the profile of a node."""

    def model(self) -> Model:
        """It with nothing under way."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The time to the first token and between two tokens, in nanoseconds; zero for an answer at once."""

    ttft_ns: int = 0
    itl_ns: int = 0

    def due_ns(self, start_ns: int, index: int) -> int:
        """When token `index` (from 0) is due; late tokens do not move the later ones."""
        return start_ns + self.ttft_ns + index * self.itl_ns

    def model(self) -> Steady:
        """Every completion at this pace, whatever the others do."""
        return Steady(self)


class Engine:
    """All completions under way, at the pace that was in force when each of them was asked for."""

    def __init__(self, deployment: Deployment) -> None:
        self._models: list[Model] = [deployment.model()]

    @property
    def next_ns(self) -> int | None:
        """The earliest time at which `release` has something to do; None when nothing is under way."""
        return min((ns for model in self._models if (ns := model.next_ns) is not None), default=None)

    @property
    def load(self) -> Load:
        """How much is under way; the KV budget is that of the deployment in force."""
        loads = [model.load for model in self._models]
        return Load(sum(load.running for load in loads), sum(load.waiting for load in loads), loads[-1].kv_share)

    def replace(self, deployment: Deployment) -> None:
        """Sets the pace of all completions to come.

        Those under way or waiting stay with the old one until they are done, as when a deployment is rolled over:
        none of their deadlines moves.
        """
        self._models = [model for model in self._models if model.next_ns is not None]
        self._models.append(deployment.model())

    def start(self, generation: Generation, start_ns: int, now_ns: int) -> None:
        """Takes in a completion asked for at `start_ns`; what is due by now is delivered before this returns."""
        generation.start_ns = start_ns
        self._models[-1].start(generation, now_ns)

    def cancel(self, generation: Generation, now_ns: int) -> None:
        """Ends a completion; nothing more is delivered, and what it held is free at once."""
        generation.cancelled = True
        for model in self._models:
            model.cancel(generation, now_ns)

    def release(self, now_ns: int) -> None:
        """Delivers what is due by now, for every completion in one pass."""
        for model in self._models:
            model.release(now_ns)
        if len(self._models) > 1:
            *old, current = self._models
            self._models = [*(model for model in old if model.next_ns is not None), current]


class Steady:
    """The model of a constant step: token `k` is due at start + ttft + k * itl, whatever else is under way."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._queue: list[tuple[int, int, Generation]] = []
        self._arrivals = 0

    @property
    def next_ns(self) -> int | None:
        """The earliest deadline."""
        return self._queue[0][0] if self._queue else None

    @property
    def load(self) -> Load:
        """Everything has its turn at once and nothing has an end."""
        return Load(sum(not generation.cancelled for _, _, generation in self._queue), 0, 0.0)

    def start(self, generation: Generation, now_ns: int) -> None:
        """Begins a completion."""
        generation.begin()
        if generation.cancelled:
            return
        first = generation.tokens - 1 if generation.together else 0
        first_ns = self._pace.due_ns(generation.start_ns, first)
        next_ns = first_ns if first_ns > now_ns else self._advance(generation, first_ns, now_ns)
        if next_ns is not None:
            self._arrivals += 1  # breaks ties in the order of arrival
            heapq.heappush(self._queue, (next_ns, self._arrivals, generation))
        generation.deliver()

    def cancel(self, generation: Generation, now_ns: int) -> None:  # noqa: ARG002  nobody waits for what it held
        """Drops the cancelled as they come up."""
        while self._queue and self._queue[0][2].cancelled:
            heapq.heappop(self._queue)

    def release(self, now_ns: int) -> None:
        """Delivers what is due; the queue is in order before each delivery, which may start or cancel others."""
        queue = self._queue
        while queue and queue[0][0] <= now_ns:
            due_ns, arrival, generation = queue[0]
            next_ns = None if generation.cancelled else self._advance(generation, due_ns, now_ns)
            if next_ns is None:
                heapq.heappop(queue)
            else:
                heapq.heapreplace(queue, (next_ns, arrival, generation))
            if not generation.cancelled:
                generation.deliver()

    def _advance(self, generation: Generation, due_ns: int, now_ns: int) -> int | None:
        """Notes the tokens due from `due_ns` until now; the next deadline, None after the last token."""
        tokens, itl_ns = generation.tokens, self._pace.itl_ns
        if generation.together or not itl_ns:
            generation.due = tokens
            generation.dues.append((tokens, due_ns))
            return None
        due = generation.due
        while due < tokens and due_ns <= now_ns:
            due += 1
            generation.dues.append((due, due_ns))
            due_ns += itl_ns
        generation.due = due
        return due_ns if due < tokens else None
