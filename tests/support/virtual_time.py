"""An engine in virtual time: nobody sleeps, and what it did is summed up as a load run would."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from mixtral_contract.mock.timing.engine import Deployment, Engine, Generation, Overload

SECOND_NS = 1_000_000_000


class Lengths(NamedTuple):
    """Tokens of a prompt and of its completion."""

    prompt: int
    tokens: int


@dataclass
class Measured:
    """What a run measured in its window; times in nanoseconds."""

    ttft_ns: float
    itl_ns: float
    requests_per_s: float
    tokens_per_s: float


@dataclass
class Run:
    """One engine, its clock, and all that it was asked for."""

    deployment: Deployment
    now_ns: int = 0
    generations: list[Generation] = field(default_factory=list)
    begun: list[Generation] = field(default_factory=list)
    refused: dict[Generation, tuple[int, Overload]] = field(default_factory=dict)
    ended: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        self.engine = Engine(self.deployment)

    def ask(self, lengths: Lengths, at_ns: int, *, together: bool = False) -> Generation:
        """Starts a completion."""

        def deliver() -> None:
            if generation.finished and self.ended is not None:
                self.ended()

        generation = Generation(
            tokens=lengths.tokens,
            prompt_tokens=lengths.prompt,
            begin=lambda: self.begun.append(generation),
            deliver=deliver,
            refuse=lambda overload: self.refused.update({generation: (self.now_ns, overload)}),
            together=together,
        )
        self.generations.append(generation)
        self.now_ns = at_ns
        self.engine.start(generation, at_ns, at_ns)
        return generation

    def until(self, at_ns: int) -> None:
        """Passes at every deadline up to a time."""
        while (next_ns := self.engine.next_ns) is not None and next_ns <= at_ns:
            self.now_ns = max(self.now_ns, next_ns)
            self.engine.release(self.now_ns)
        self.now_ns = at_ns

    def measured(self, from_ns: int, to_ns: int) -> Measured:
        """The means over what came out in a window."""
        begun = [one for one in self.generations if one.dues and from_ns <= one.dues[0][1] < to_ns]
        dues = [[at_ns for _, at_ns in one.dues] for one in self.generations]
        gaps = [b - a for times in dues for a, b in itertools.pairwise(times) if from_ns <= a and b < to_ns]
        ended = sum(from_ns <= one.dues[-1][1] < to_ns for one in self.generations if one.dues and one.finished)
        tokens = sum(from_ns <= at_ns < to_ns for times in dues for at_ns in times)
        seconds = (to_ns - from_ns) / SECOND_NS
        return Measured(
            ttft_ns=sum(one.dues[0][1] - one.start_ns for one in begun) / max(1, len(begun)),
            itl_ns=sum(gaps) / max(1, len(gaps)),
            requests_per_s=ended / seconds,
            tokens_per_s=tokens / seconds,
        )


def spread(mean: Lengths, seed: int) -> Iterator[Lengths]:
    """Lengths around the given ones, half as long to half as long again."""
    chance = random.Random(seed)  # noqa: S311  the same run every time is the point
    while True:
        yield Lengths(*(chance.randint(max(1, length // 2), length + length // 2) for length in mean))


def closed_loop(deployment: Deployment, users: int, lengths: Iterator[Lengths], until_ns: int) -> Run:
    """Users who ask again as soon as their answer is complete."""
    run = Run(deployment)
    again: list[int] = []
    run.ended = lambda: again.append(run.now_ns)
    for user in range(users):
        run.until(user * 1_000_000)
        run.ask(next(lengths), run.now_ns)
    while run.now_ns < until_ns and (next_ns := run.engine.next_ns) is not None:
        run.until(next_ns)
        while again:
            run.ask(next(lengths), again.pop())
    return run


def open_loop(
    deployment: Deployment, requests_per_s: float, lengths: Iterator[Lengths], until_ns: int, seed: int
) -> Run:
    """Requests that come by chance, whatever became of those before."""
    run, at_ns = Run(deployment), 0
    chance = random.Random(seed)  # noqa: S311  the same run every time is the point
    while (at_ns := at_ns + round(chance.expovariate(requests_per_s) * SECOND_NS)) < until_ns:
        run.until(at_ns)
        run.ask(next(lengths), at_ns)
    run.until(until_ns)
    return run
