"""The search for the highest rate that keeps the objectives, as a state machine: evidence in, the next probe out.

Knows no clock, no socket and no Locust. A probe is one rate, tried for one or more periods: until the interval of every
objective's share lies on one side of what is wanted, or the probe has had its time. Rates double from the start until
one fails (or halve until one passes), then the bracket is halved on a logarithmic scale until it is narrow enough. The
winner has to pass once more, for longer and on new evidence alone, for whoever is best of several was also lucky; if it
does not, the next lower rate has to.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from mixtral_contract.load.estimators.confidence import wilson
from mixtral_contract.load.estimators.queue_trend import Trend
from mixtral_contract.load.settings.objectives import CONFIDENCE
from mixtral_contract.load.settings.stages import Goal

PASSED, FAILED, OPEN, UNRESOLVED = "passed", "failed", "open", "unresolved"
FOUND, AT_LEAST, BELOW, UNCONFIRMED, STOPPED = "found", "at_least", "below", "unconfirmed", "stopped"

_FACTOR = 2.0
_MOST_HALVINGS = 6
"""So many times the start is halved before the search gives up: to a 64th."""

_MOST_STEPS_DOWN = 6
_CONFIRMING = 2.0
"""The winner is tried again for so many times as long as it took to pass."""

MOST_WAIT_S = 300.0
"""A target that asks to be left alone for longer ends the search."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one period at a rate showed: (kept, missed) requests per objective, and the trend of those under way.

    `refused` are those that the target sent back with 429, and `retry_after_s` how long it asked to wait; `unsent` were
    due and never left, for a reason of the instrument.
    """

    seconds: float
    counts: tuple[tuple[int, int], ...]
    trend: Trend
    refused: int = 0
    retry_after_s: float = 0.0
    unsent: int = 0


@dataclass(slots=True)
class Probe:
    """One rate and all that was seen of it; `reason` says what failed, or what could not be told."""

    rate_per_s: float
    most_s: float
    confirms: bool = False
    evidence: list[Evidence] = field(default_factory=list)
    verdict: str = OPEN
    reason: str | None = None

    @property
    def seconds(self) -> float:
        """How long it has been measured."""
        return sum(each.seconds for each in self.evidence)

    def counts(self, objective: int) -> tuple[int, int]:
        """(kept, missed) of all its periods."""
        kept, missed = zip(*(each.counts[objective] for each in self.evidence), strict=True)
        return sum(kept), sum(missed)

    def interval(self, objective: int) -> tuple[float, float]:
        """Where the share of requests that keep the objective lies."""
        kept, missed = self.counts(objective)
        return wilson(kept, kept + missed, CONFIDENCE)

    def judge(self, targets: Sequence[float]) -> None:
        """Sets verdict and reason from the evidence."""
        intervals = [self.interval(index) for index in range(len(targets))]
        self.verdict, self.reason = FAILED, None
        if any(each.refused for each in self.evidence):
            self.reason = "429"
        elif any(each.unsent for each in self.evidence):
            self.reason = "instrument"
        elif any(high < target for (_, high), target in zip(intervals, targets, strict=True)):
            self.reason = "slo"
        elif any(each.trend.grows for each in self.evidence):
            self.reason = "queue"
        elif self.evidence[-1].trend.is_known and all(
            low >= target for (low, _), target in zip(intervals, targets, strict=True)
        ):
            self.verdict = PASSED
        elif self.seconds >= self.most_s * 0.999:
            self.verdict, self.reason = UNRESOLVED, "time"
        else:
            self.verdict = OPEN


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next: so many seconds at this rate."""

    rate_per_s: float
    seconds: float
    confirms: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """What came out: `rate_per_s` passed and was confirmed (None: none did), `ceiling_per_s` is the lowest that failed.

    `limit` is why that one did: slo, queue (those under way grow), 429, instrument or time.
    """

    status: str
    rate_per_s: float | None
    ceiling_per_s: float | None
    limit: str | None


class Search:
    """Asks for one step after the other; `step` is None when it is over."""

    def __init__(self, goal: Goal) -> None:
        self.goal = goal
        self.probes: list[Probe] = []
        self._passed: float | None = None
        self._failed: Probe | None = None
        self._steps_down = 0
        self._finding: Finding | None = None
        self._probe = self._begin(min(goal.start_per_s, goal.most_per_s))

    @property
    def step(self) -> Step | None:
        """What to do next; None when there is nothing left to do."""
        if self._finding is not None:
            return None
        probe = self._probe
        seconds = probe.seconds
        if not seconds:
            return Step(probe.rate_per_s, self._first_s(probe), probe.confirms)
        return Step(probe.rate_per_s, min(seconds, probe.most_s - seconds), probe.confirms)

    @property
    def probe(self) -> Probe:
        """The probe that the step belongs to."""
        return self._probe

    @property
    def finding(self) -> Finding:
        """What is known so far; final when there is no step left."""
        return self._finding or self._found(STOPPED, None)

    def take(self, evidence: Evidence) -> Probe:
        """Takes what the last step showed, and decides what comes next; the probe that it belongs to."""
        probe = self._probe
        probe.evidence.append(evidence)
        probe.judge(self.goal.targets)
        if probe.verdict != OPEN:
            self._decided(probe)
        if evidence.retry_after_s > MOST_WAIT_S and self._finding is None:
            self.stop()
        return probe

    def stop(self) -> None:
        """Ends the search where it is: time, money or patience ran out."""
        if self._finding is None:
            self._finding = self._found(STOPPED, None)

    def _decided(self, probe: Probe) -> None:
        if probe.verdict == PASSED:
            if probe.confirms:
                at_least = self._failed is None
                self._finding = self._found(AT_LEAST if at_least else FOUND, probe.rate_per_s)
                return
            self._passed = probe.rate_per_s
        else:
            if self._failed is None or probe.rate_per_s <= self._failed.rate_per_s:
                self._failed = probe
            if probe.confirms:
                self._step_down(probe)
                return
        self._advance()

    def _advance(self) -> None:
        goal, passed = self.goal, self._passed
        if passed is None:
            assert self._failed is not None
            rate_per_s = self._failed.rate_per_s / _FACTOR
            if rate_per_s < goal.start_per_s / _FACTOR**_MOST_HALVINGS * 0.999:
                self._finding = self._found(BELOW, None)
            else:
                self._probe = self._begin(rate_per_s)
        elif self._failed is None:
            if passed >= goal.most_per_s:
                self._confirm(passed)
            else:
                self._probe = self._begin(min(passed * _FACTOR, goal.most_per_s))
        elif self._failed.rate_per_s <= passed * (1 + goal.width):
            self._confirm(passed)
        else:
            self._probe = self._begin(math.sqrt(passed * self._failed.rate_per_s))

    def _step_down(self, failed: Probe) -> None:
        self._steps_down += 1
        if self._steps_down > _MOST_STEPS_DOWN:
            self._finding = self._found(UNCONFIRMED, None)
        else:
            self._confirm(failed.rate_per_s / (1 + self.goal.width))

    def _confirm(self, rate_per_s: float) -> None:
        self._probe = self._begin(rate_per_s, confirms=True)

    def _begin(self, rate_per_s: float, *, confirms: bool = False) -> Probe:
        most_s = self.goal.most_s(rate_per_s) * (_CONFIRMING if confirms else 1)
        probe = Probe(rate_per_s, most_s, confirms)
        self.probes.append(probe)
        return probe

    def _first_s(self, probe: Probe) -> float:
        first_s = self.goal.first_s(probe.rate_per_s)
        if not probe.confirms:
            return first_s
        tried_s = sum(each.seconds for each in self.probes if each.rate_per_s == probe.rate_per_s)
        return min(probe.most_s, _CONFIRMING * max(first_s, tried_s))

    def _found(self, status: str, rate_per_s: float | None) -> Finding:
        failed = self._failed
        return Finding(status, rate_per_s, failed.rate_per_s if failed else None, failed.reason if failed else None)
