"""When requests are due: closed, at a constant rate, as a Poisson process, or as a trace has them.

An open loop is a schedule that no answer changes. Workers share it: of a constant rate or a trace each takes every
n-th arrival, of a Poisson process each makes its own of an n-th of the rate, which together are one of the whole rate.
Nothing is rescaled to a round total afterwards: that would no longer be a Poisson process.
"""

from __future__ import annotations

import argparse
import itertools
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000
_LEAST_PER_S = 1e-9
"""A lower rate has its next request after more nanoseconds than can be told from never."""

_FORMS = "closed, constant:RATE, poisson:RATE, trace or trace:FILE"


@dataclass(frozen=True, slots=True)
class Arrivals:
    """How requests arrive; `rate_per_s` is None for a closed loop and a trace, `trace` for all but a trace.

    A trace without a file is that of the prompts, with the times that they have.
    """

    kind: str
    rate_per_s: float | None = None
    trace: Path | None = None

    @property
    def is_open(self) -> bool:
        """Whether requests leave on a schedule, whatever becomes of those before."""
        return self.kind != "closed"

    def __str__(self) -> str:
        if self.rate_per_s is not None:
            return f"{self.kind}:{self.rate_per_s:g}"
        return self.kind if self.trace is None else f"{self.kind}:{self.trace}"


CLOSED = Arrivals("closed")


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request of an open loop: when it is due, from the start of the run; lengths only where a trace has them."""

    due_ns: int
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    prompt: int | None = None
    """The place in the file of prompts of what is asked, where the times are that file's."""


@dataclass(frozen=True, slots=True)
class Share:
    """Which of how many equal parts of the schedule this process sends; none when it stands behind the last."""

    worker: int = 0
    workers: int = 1


def parse_arrivals(text: str) -> Arrivals:
    """The arrivals that the text names.

    Raises: ArgumentTypeError for anything else.
    """
    kind, _, value = text.partition(":")
    if text == "closed":
        return CLOSED
    if text == "trace":
        return Arrivals(kind)
    if kind == "trace" and value:
        return Arrivals(kind, trace=Path(value))
    if kind in ("constant", "poisson"):
        return Arrivals(kind, rate_per_s=_rate(text, value))
    raise argparse.ArgumentTypeError(f"expected {_FORMS}, got {text!r}")


def played(times_ms: Sequence[float], speed: float) -> list[Arrival]:
    """The arrivals of prompts that were recorded at these times, in their order, the first one due at 0."""
    first_ms = min(times_ms)
    order = sorted(range(len(times_ms)), key=lambda index: times_ms[index])
    return [Arrival(round((times_ms[index] - first_ms) / speed * _NS_PER_MS), prompt=index) for index in order]


def schedule(arrivals: Arrivals, share: Share, seed: int, trace: Sequence[Arrival] = ()) -> Iterator[Arrival]:
    """The arrivals of one worker in order, without end but for a trace; same seed, same arrivals."""
    if share.worker >= share.workers:
        return iter(())
    if arrivals.kind == "trace":
        return iter(trace[share.worker :: share.workers])
    assert arrivals.rate_per_s is not None
    if arrivals.kind == "constant":
        return _constant(arrivals.rate_per_s, share)
    chance = random.Random(f"arrivals/{seed}/{share.worker}/{share.workers}")  # noqa: S311 -- repeatable on purpose
    return _poisson(arrivals.rate_per_s / share.workers, chance)


def _constant(rate_per_s: float, share: Share) -> Iterator[Arrival]:
    for index in itertools.count(share.worker, share.workers):
        yield Arrival(round(index * _NS_PER_S / rate_per_s))


def _poisson(rate_per_s: float, chance: random.Random) -> Iterator[Arrival]:
    due_s = 0.0
    while True:
        due_s += chance.expovariate(rate_per_s)
        yield Arrival(round(due_s * _NS_PER_S))


def _rate(text: str, value: str) -> float:
    try:
        rate_per_s = float(value)
    except ValueError:
        rate_per_s = math.nan
    if not _LEAST_PER_S <= rate_per_s < math.inf:
        raise argparse.ArgumentTypeError(f"expected a rate in requests per second above 0, got {text!r}")
    return rate_per_s
