"""When each token leaves: deadlines computed in model time, and one pass that delivers all that is due.

The engine is pure: the time is an argument. Every pace is one model of a decoding step, which gives one token to
everything in the batch, and differs in what a step costs: nothing (`instant`), a constant whatever the batch
(`steady`, here), or what the batch makes it cost (`node`, by a profile). A step that does not depend on the batch binds
nobody to a common beat, so that each completion of a steady pace keeps its own.

A pass may come late, the deadlines do not: what it finds overdue is computed as of when it was due.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from mixtral_contract.mock.timing.token_times import EvenTimes, RecordedTimes, Steps


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
    `together`, which makes all tokens due with the last one. `sent` is for the one who delivers, how many were out at
    which time, and so is `bytes_sent`, of what the journal is not told yet. `next_ns`, `first_ns` and `step_ns` are the
    model's, and so are the deadlines in `noted`, which has none where they are all at one distance (`step_ns`). With a
    `pace` of its own it is no part of what the deployment has to do.
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
    next_ns: int = 0
    first_ns: int = 0
    step_ns: int = 0
    noted: Steps = ()
    pace: Pace | None = None
    sent: RecordedTimes = field(default_factory=RecordedTimes)
    bytes_sent: int = 0

    @property
    def dues(self) -> Steps:
        """Every deadline until now, as how many tokens are due from which time on."""
        return EvenTimes(self.first_ns, self.step_ns, self.due) if self.step_ns else self.noted

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
        """What gives tokens their times, with nothing under way."""


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


_INSTANT = Pace()


class Engine:
    """All completions under way, at the pace that was in force when each of them was asked for.

    `is_instant` says that every token of a completion to come is due when it is asked for: such a one has no turn to
    wait for, and need not be started.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._models: list[Model] = [deployment.model()]
        self.is_instant = deployment == _INSTANT

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
        self.is_instant = deployment == _INSTANT

    def start(self, generation: Generation, start_ns: int, now_ns: int) -> None:
        """Takes in a completion asked for at `start_ns`; what is due by now is delivered before this returns."""
        generation.start_ns = start_ns
        if generation.pace is not None:
            self._models.insert(0, generation.pace.model())
        self._models[-1 if generation.pace is None else 0].start(generation, now_ns)

    def cancel(self, generation: Generation, now_ns: int) -> None:
        """Ends a completion; nothing more is delivered, and what it held is free at once."""
        generation.cancelled = True
        for model in self._models:
            model.cancel(generation, now_ns)

    def release(self, now_ns: int) -> None:
        """Delivers what is due by now, for every completion in one pass."""
        for model in [*self._models]:
            model.release(now_ns)
        if len(self._models) > 1:
            *old, current = self._models
            self._models = [*(model for model in old if model.next_ns is not None), current]


class Steady:
    """The model of a constant step: token `k` is due at start + ttft + k * itl, whatever else is under way.

    All steps being equal, who was served last is due last: what is under way is kept in runs, each in the order of the
    deadlines, to whose ends it returns. There is one run, and for a step one more after a pass that was late by more
    than a step, or where the time to the first token is another.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._runs: list[deque[Generation]] = []

    @property
    def next_ns(self) -> int | None:
        """The earliest deadline."""
        return min((run[0].next_ns for run in self._runs), default=None)

    @property
    def load(self) -> Load:
        """Everything has its turn at once and nothing has an end."""
        return Load(sum(not generation.cancelled for run in self._runs for generation in run), 0, 0.0)

    def start(self, generation: Generation, now_ns: int) -> None:
        """Begins a completion."""
        generation.begin()
        if generation.cancelled:
            return
        pace = self._pace
        if generation.together or not pace.itl_ns:
            first_ns = pace.due_ns(generation.start_ns, generation.tokens - 1)
        else:
            first_ns = pace.due_ns(generation.start_ns, 0)
            generation.step_ns = pace.itl_ns
        generation.first_ns = generation.next_ns = first_ns
        if first_ns > now_ns or self._advance(generation, now_ns):
            self._put(generation)
        generation.deliver()

    def cancel(self, generation: Generation, now_ns: int) -> None:  # noqa: ARG002  nobody waits for what it held
        """Drops the cancelled as they come up."""
        for run in list(self._runs):
            while run and run[0].cancelled:
                run.popleft()
            if not run:
                self._runs.remove(run)

    def release(self, now_ns: int) -> None:
        """Delivers what is due; the runs are in order before each delivery, which may start or cancel others."""
        runs = self._runs
        while runs:
            run = runs[0] if len(runs) == 1 else min(runs, key=_first_ns)
            generation = run[0]
            due_ns = generation.next_ns
            if due_ns > now_ns:
                return
            due, next_ns = generation.due + 1, due_ns + generation.step_ns
            if next_ns > now_ns and due < generation.tokens and run[-1].next_ns <= next_ns and not generation.cancelled:
                # the rule: one more token, and then its turn comes again when all others had theirs
                generation.due, generation.next_ns = due, next_ns
                run.rotate(-1)
                deliver = generation.deliver
                deliver()
                continue
            run.popleft()
            if not run:
                runs.remove(run)
            if generation.cancelled:
                continue
            if self._advance(generation, now_ns):
                self._put(generation)
            generation.deliver()

    def _put(self, generation: Generation) -> None:
        """Puts it at the end of the first run that it leaves in order."""
        next_ns = generation.next_ns
        for run in self._runs:
            if run[-1].next_ns <= next_ns:
                run.append(generation)
                return
        self._runs.append(deque((generation,)))

    def _advance(self, generation: Generation, now_ns: int) -> bool:
        """Notes the tokens due until now; whether there are more."""
        tokens, due_ns, step_ns = generation.tokens, generation.next_ns, generation.step_ns
        if not step_ns:
            generation.due = tokens
            generation.noted = ((tokens, due_ns),)
            return False
        due = generation.due + 1
        due_ns += step_ns
        if due_ns <= now_ns:
            late = min(tokens - due, (now_ns - due_ns) // step_ns + 1)
            due, due_ns = due + late, due_ns + late * step_ns
        generation.due = due
        generation.next_ns = due_ns
        return due < tokens


def _first_ns(run: deque[Generation]) -> int:
    return run[0].next_ns
