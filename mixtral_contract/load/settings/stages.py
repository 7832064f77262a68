"""A stage is one load for some seconds: a sweep is a list of them, a probe of the search is one or more.

Each has a warm-up, a window and a cool-down of its own. The load goes on in the cool-down, until the requests of the
window have ended or its time is over: the last of them should not have the server to themselves. Then nothing is sent
until all have ended, or are cut off, so that the next stage begins with an idle server.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from mixtral_contract.load.settings.objectives import CONFIDENCE
from mixtral_contract.load.settings.sweep import Sweep
from mixtral_contract.load.units.window import Window
from mixtral_contract.load.workload.arrivals import CLOSED, Arrivals

WARMUP_SHARE = 0.2
"""The warm-up of a stage, as a part of its window, when nothing else was asked for."""

_MOST_WARMUP_S = 5.0
"""And at most so long, when requests take no longer than that themselves."""

_MOST_WINDOWS_OF_WARMUP = 2.0

_PATIENCE = 4.0
"""A probe may take so many times the time in which it could be decided at best."""

_MARGIN = 2.0
"""So many standard deviations more requests than a flawless probe needs are due in its first period: they come by
chance."""

_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Stage:
    """One load: `arrivals` in an open loop, `users` in a closed one (0 in an open one); numbers count from 1.

    `ends_on_429` ends it as soon as the target refuses a request for coming too often.
    """

    number: int
    arrivals: Arrivals
    users: int
    warmup_s: float
    window_s: float
    ends_on_429: bool = False

    @property
    def load(self) -> str:
        """The load in words."""
        if self.arrivals.is_open:
            return str(self.arrivals)
        return f"{self.users} {'user' if self.users == 1 else 'users'}"

    @property
    def cooldown_s(self) -> float:
        """How long the load goes on at most for the sake of the window's last requests."""
        return self.window_s / 2

    @property
    def drain_s(self) -> float:
        """How long the last requests are waited for at most, besides a timeout of their own."""
        return max(10.0, 2 * self.window_s)

    def window(self, start_ns: int) -> Window:
        """The measured part, of a stage that starts then."""
        begin_ns = start_ns + round(self.warmup_s * _NS_PER_S)
        return Window(begin_ns, begin_ns + round(self.window_s * _NS_PER_S))

    def to_wire(self) -> dict[str, Any]:
        """The stage in JSON's types."""
        wire = dataclasses.asdict(self)
        wire["arrivals"] = [self.arrivals.kind, self.arrivals.rate_per_s]
        return wire

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Stage:
        """The stage that `to_wire` wrote."""
        kind, rate_per_s = wire["arrivals"]
        return cls(**{**wire, "arrivals": CLOSED if rate_per_s is None else Arrivals(kind, rate_per_s=rate_per_s)})


@dataclass(frozen=True, slots=True)
class Goal:
    """What is searched: `targets` are the shares that each objective wants; rates are requests per second."""

    targets: tuple[float, ...]
    least_s: float
    start_per_s: float
    most_per_s: float
    width: float = 0.05

    @property
    def enough_requests(self) -> int:
        """How many requests decide a probe in which every one keeps every objective."""
        z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
        return math.ceil(max(z * z * target / (1 - target) for target in self.targets))

    @property
    def first_requests(self) -> float:
        """How many requests are due in the first period of a probe that does not need more for its least time."""
        return self.enough_requests + _MARGIN * math.sqrt(self.enough_requests)

    def first_s(self, rate_per_s: float) -> float:
        """How long the first period of a probe at this rate takes."""
        return max(self.least_s, self.first_requests / rate_per_s)

    def most_s(self, rate_per_s: float) -> float:
        """How long a probe at this rate may take."""
        return _PATIENCE * self.first_s(rate_per_s)


def usual_start(targets: Sequence[float], first_s: float = 30.0) -> float:
    """The rate at which a flawless probe is decided within so many seconds, at least 1 per second, a round number."""
    goal = Goal(tuple(targets), 0.0, 1.0, 1.0)
    return max(1.0, float(round(goal.first_requests / first_s)))


@dataclass(frozen=True, slots=True)
class Staging:
    """How a run goes through stages: for a search `goal`, else `sweep`; `warmup_s` None is the usual one."""

    window_s: float
    warmup_s: float | None
    kind: str = "poisson"
    goal: Goal | None = None
    sweep: Sweep | None = None

    @property
    def requests(self) -> float | None:
        """About how many requests a sweep of rates sends; None where a server's speed, or what a search meets, says."""
        if self.sweep is None or not self.sweep.is_open:
            return None
        return sum(load * self._most_s(load) for load in self.sweep.loads)

    @property
    def requests_of_a_probe(self) -> float | None:
        """About how many requests the first probe of a search sends; None for a sweep."""
        if self.goal is None:
            return None
        rate_per_s = min(self.goal.start_per_s, self.goal.most_per_s)
        return rate_per_s * self._most_s(rate_per_s)

    def _most_s(self, rate_per_s: float) -> float:
        """How long requests leave in a stage at most."""
        window_s = self.window_s if self.goal is None else self.goal.first_s(rate_per_s)
        stage = self.stage(1, rate_per_s, window_s, is_open=True)
        return stage.warmup_s + stage.window_s + stage.cooldown_s

    def stage(
        self,
        number: int,
        load: float,
        window_s: float,
        *,
        is_open: bool,
        ends_on_429: bool = False,
        longest_s: float = 0.0,
    ) -> Stage:
        """A stage of it; `longest_s` is how long requests were seen to take, for which the usual warm-up waits."""
        usual_s = max(min(_MOST_WARMUP_S, WARMUP_SHARE * window_s), min(longest_s, _MOST_WINDOWS_OF_WARMUP * window_s))
        return Stage(
            number=number,
            arrivals=Arrivals(self.kind, rate_per_s=load) if is_open else CLOSED,
            users=0 if is_open else int(load),
            warmup_s=usual_s if self.warmup_s is None else self.warmup_s,
            window_s=window_s,
            ends_on_429=ends_on_429,
        )
