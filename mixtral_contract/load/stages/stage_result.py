"""What came of a stage; summary.json has an entry for each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mixtral_contract.load.counts.attainment import kept_and_missed
from mixtral_contract.load.counts.counts import RunCounts
from mixtral_contract.load.counts.silence import is_outage, longest_silence
from mixtral_contract.load.estimators.percentiles import percentiles_of
from mixtral_contract.load.estimators.queue_trend import Trend, trend
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.settings.objectives import Slo
from mixtral_contract.load.settings.stages import Stage
from mixtral_contract.load.units.metric import Place
from mixtral_contract.load.units.metrics import spreads_in
from mixtral_contract.load.units.numbers import rounded

SAMPLES_PER_S = 20
"""How often the requests under way are counted."""

_LATE_S = 0.1
"""By so much a window may be short that was not cut."""


@dataclass(slots=True)
class StageResult:
    """What one process counted of a stage; those of several add up.

    Times in seconds from the run's start. `in_flight` are the requests under way in the window, counted evenly.
    """

    start_s: float
    end_s: float
    tally: RunCounts
    in_flight: list[int] = field(default_factory=list)
    retry_after_s: float = 0.0

    @property
    def window_s(self) -> float:
        """How long the window lasted."""
        return max(0.0, self.end_s - self.start_s)

    @property
    def longest_s(self) -> float:
        """How long nearly all requests took, from due or sent to their end; 0 when none ended."""
        return (self.tally.figures["e2e_ms"].percentile(95) or 0.0) / 1000

    def trend(self, warmup_s: float) -> Trend:
        """Whether the requests under way became more, after a warm-up of so long; unknown when half a window is ramp.

        Until the first requests of a stage have ended they become more at any load.
        """
        ramp_s = max(0.0, self.longest_s - warmup_s)
        if ramp_s > self.window_s / 2:
            return Trend()
        first = math.ceil(ramp_s / self.window_s * len(self.in_flight)) if self.window_s else 0
        return trend(self.in_flight[first:], self.window_s - ramp_s)

    @property
    def has_outage(self) -> bool:
        """Whether nothing was answered in the window, or not for long, while requests were waiting."""
        if not self.tally.outcomes[Outcome.OK]:
            return self.tally.outcomes.total() > 0
        found = longest_silence(self.tally.timeline, self.start_s, self.end_s)
        median_s = (self.tally.figures["e2e_ms"].percentile(50) or 0.0) / 1000
        return found is not None and is_outage(found.seconds, self.window_s, median_s)

    @property
    def refused(self) -> int:
        """How many requests the target refused for coming too often, in warm-up and cool-down too."""
        return self.tally.outcomes[Outcome.RATE_LIMITED] + self.tally.warmup_outcomes[Outcome.RATE_LIMITED]

    @property
    def requests(self) -> int:
        """How many requests belong to the window, whatever became of them."""
        return self.tally.outcomes.total() + self.tally.counts["dropped"] + self.tally.counts["held_back"]

    def counts(self, slo: Slo) -> tuple[tuple[int, int], ...]:
        """(kept, missed) for each objective; what was not sent is missed."""
        unsent = self.tally.counts["dropped"] + self.tally.counts["held_back"]
        return tuple((kept, missed + unsent) for kept, missed in kept_and_missed(slo, self.tally.counts))

    def merge(self, other: StageResult) -> None:
        """Adds another process's part of the same stage."""
        # clocks of two processes do not start at once: lengths can be compared, times cannot
        window_s = max(self.window_s, other.window_s)
        self.start_s = min(self.start_s, other.start_s)
        self.end_s = self.start_s + window_s
        self.tally.merge(other.tally)
        self.in_flight = [a + b for a, b in zip(self.in_flight, other.in_flight, strict=False)]
        self.retry_after_s = max(self.retry_after_s, other.retry_after_s)

    def to_wire(self) -> dict[str, Any]:
        """The part in JSON's types."""
        return {
            "start_s": self.start_s,
            "end_s": self.end_s,
            "counts": self.tally.to_wire(),
            "in_flight": self.in_flight,
            "retry_after_s": self.retry_after_s,
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> StageResult:
        """The part that `to_wire` wrote."""
        counts = RunCounts.from_wire(wire["counts"])
        return cls(wire["start_s"], wire["end_s"], counts, list(wire["in_flight"]), wire["retry_after_s"])


def entry(stage: Stage, part: StageResult, slo: Slo) -> dict[str, Any]:
    """The stage as summary.json has it; None is "no value"."""
    counts, seconds = part.tally.counts, part.window_s
    shown = spreads_in(Place.STAGES)
    figures = {
        metric.key: percentiles_of(part.tally.figures[metric.key], part.tally.censored.get(metric.key))
        for metric in shown
    }
    moving = part.trend(stage.warmup_s)
    return {
        "number": stage.number,
        "load": stage.load,
        "rate_per_s": rounded(stage.arrivals.rate_per_s),
        "users": stage.users or None,
        "start_s": rounded(part.start_s),
        "duration_s": rounded(seconds),
        "has_outage": part.has_outage,
        "is_whole": seconds >= stage.window_s - _LATE_S,
        "requests": part.requests,
        "outcomes": {name: count for name, count in part.tally.outcomes.items() if count},
        "refused": part.refused,
        "dropped": counts["dropped"],
        "held_back": counts["held_back"],
        "requests_per_s": rounded(counts["window_ok"] / seconds) if seconds else None,
        "output_tokens_per_s": rounded(counts["window_tokens"] / seconds) if seconds else None,
        "in_flight": {
            "mean": rounded(sum(part.in_flight) / len(part.in_flight)) if part.in_flight else None,
            "slope_per_s": rounded(moving.slope_per_s),
            "slope_interval_per_s": None if moving.interval is None else [rounded(each) for each in moving.interval],
            "grows": moving.grows,
        },
        "slo": [
            {"term": str(term), "kept": kept, "missed": missed}
            for term, (kept, missed) in zip(slo, part.counts(slo), strict=True)
        ],
        "at_least": [
            metric.column(percent)
            for metric in shown
            for percent in (50, 95, 99)
            if f"p{percent}" in figures[metric.key]["at_least"]
        ],
        **{metric.column(percent): figures[metric.key][f"p{percent}"] for metric in shown for percent in (50, 95, 99)},
    }
