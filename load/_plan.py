"""Which stages a run goes through: those of a sweep, or whatever the search asks for next. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from load import _search
from load._arrivals import CLOSED, Arrivals
from load._headline import number
from load._search import Evidence, Goal, Probe, Search
from load._slo import Slo
from load._spread import rounded
from load._stage import Part, Stage
from load._sweep import Sweep

WARMUP_SHARE = 0.2
"""The warm-up of a stage, as a part of its window, when nothing else was asked for."""

_MOST_WARMUP_S = 5.0

_REASONS: Mapping[str, str] = {
    "slo": "the objectives were missed",
    "queue": "requests pile up",
    "429": "limit found: the target answered 429",
    "instrument": "the instrument could not send what was due",
    "time": "unresolved: too close to the objective to be told",
}
"""Why a probe failed, in words."""


class Plan(Protocol):
    """Stages one after the other; after each `stage` its result has to be taken."""

    @property
    def stage(self) -> Stage | None:
        """What comes next; None when the plan is done."""
        ...

    def take(self, part: Part) -> str:
        """Takes what came of the stage; a line that says so."""
        ...

    def stop(self) -> None:
        """Ends the plan before its time."""
        ...

    def report(self) -> dict[str, Any] | None:
        """What the stages together show, for summary.json; None where each stands for itself."""
        ...


@dataclass(frozen=True, slots=True)
class Staging:
    """How a run goes through stages: for a search `goal`, else `sweep`; `warmup_s` None is the usual one."""

    window_s: float
    warmup_s: float | None
    kind: str = "poisson"
    goal: Goal | None = None
    sweep: Sweep | None = None

    def plan(self, slo: Slo) -> Plan:
        """The plan, at its beginning."""
        if self.goal is not None:
            return SearchPlan(self, self.goal, slo)
        assert self.sweep is not None
        return SweepPlan(self, self.sweep)

    def stage(self, number: int, load: float, window_s: float, *, is_open: bool, ends_on_429: bool = False) -> Stage:
        """A stage of it."""
        usual_s = min(_MOST_WARMUP_S, WARMUP_SHARE * window_s)
        return Stage(
            number=number,
            arrivals=Arrivals(self.kind, rate_per_s=load) if is_open else CLOSED,
            users=0 if is_open else int(load),
            warmup_s=usual_s if self.warmup_s is None else self.warmup_s,
            window_s=window_s,
            ends_on_429=ends_on_429,
        )


class SweepPlan:
    """One stage for each load."""

    def __init__(self, staging: Staging, sweep: Sweep) -> None:
        self._stages = [
            staging.stage(index, load, staging.window_s, is_open=sweep.is_open)
            for index, load in enumerate(sweep.loads, 1)
        ]
        self._next = 0

    @property
    def stage(self) -> Stage | None:
        """What comes next; None when the plan is done."""
        return self._stages[self._next] if self._next < len(self._stages) else None

    def take(self, part: Part) -> str:
        """Takes what came of the stage; a line that says so."""
        stage = self._stages[self._next]
        self._next += 1
        return f"stage {stage.number} of {len(self._stages)}, {stage.load}: {_figures(part)}"

    def stop(self) -> None:
        """Ends the plan before its time."""
        self._next = len(self._stages)

    def report(self) -> None:
        """Each stage stands for itself."""


class SearchPlan:
    """The stages that a search asks for."""

    def __init__(self, staging: Staging, goal: Goal, slo: Slo) -> None:
        self._staging = staging
        self._slo = slo
        self._search = Search(goal)
        self._stages: list[list[int]] = []
        self._number = 1

    @property
    def stage(self) -> Stage | None:
        """What comes next; None when the plan is done."""
        step = self._search.step
        if step is None:
            return None
        return self._staging.stage(self._number, step.rate_per_s, step.seconds, is_open=True, ends_on_429=True)

    def take(self, part: Part) -> str:
        """Takes what came of the stage; a line that says so."""
        probe = self._search.take(
            Evidence(
                seconds=part.window_s,
                counts=part.counts(self._slo),
                trend=part.trend,
                refused=part.refused,
                retry_after_s=part.retry_after_s,
                unsent=part.tally.counts["dropped"],
            )
        )
        if len(self._stages) < self._search.probes.index(probe) + 1:
            self._stages.append([])
        self._stages[-1].append(self._number)
        self._number += 1
        return self._line(len(self._stages), probe, part)

    def stop(self) -> None:
        """Ends the plan before its time."""
        self._search.stop()

    def report(self) -> dict[str, Any]:
        """What was found, and by which probes."""
        goal, finding = self._search.goal, self._search.finding
        probes = [probe for probe in self._search.probes if probe.evidence]
        return {
            "goal": "max-rate",
            "slo": ",".join(map(str, self._slo)),
            "from_per_s": goal.start_per_s,
            "to_per_s": goal.most_per_s,
            "width": goal.width,
            "status": finding.status,
            "rate_per_s": rounded(finding.rate_per_s),
            "interval_per_s": [rounded(finding.rate_per_s), rounded(finding.ceiling_per_s)],
            "limit": finding.limit,
            "text": sentence(finding, goal),
            "probes": [self._probe(probe, stages) for probe, stages in zip(probes, self._stages, strict=True)],
        }

    def _probe(self, probe: Probe, stages: list[int]) -> dict[str, Any]:
        last = probe.evidence[-1].trend
        return {
            "rate_per_s": rounded(probe.rate_per_s),
            "seconds": rounded(probe.seconds),
            "stages": stages,
            "confirms": probe.confirms,
            "verdict": probe.verdict,
            "reason": None if probe.reason is None else _REASONS[probe.reason],
            "attainment": [
                {
                    "term": str(term),
                    "n": sum(probe.counts(index)),
                    "kept": probe.counts(index)[0],
                    "interval": [rounded(each) for each in probe.interval(index)],
                }
                for index, term in enumerate(self._slo)
            ],
            "in_flight_slope_per_s": rounded(last.slope_per_s),
            "in_flight_slope_interval_per_s": None
            if last.interval is None
            else [rounded(each) for each in last.interval],
        }

    def _line(self, count: int, probe: Probe, part: Part) -> str:
        what = "confirming" if probe.confirms else "probe"
        worst = min(range(len(self._slo)), key=lambda index: probe.interval(index)[0] - self._slo[index].percent / 100)
        low, high = probe.interval(worst)
        reason = "" if probe.reason is None else f" ({_REASONS[probe.reason]})"
        verdict = "runs longer" if probe.verdict == _search.OPEN else f"{probe.verdict}{reason}"
        return (
            f"{what} {count}: {number(probe.rate_per_s)} requests/s for {number(probe.seconds)} s: {verdict}; "
            f"{self._slo[worst]} kept by {100 * low:.1f} to {100 * high:.1f} %; {_figures(part)}"
        )


def sentence(finding: _search.Finding, goal: Goal) -> str:
    """What the search came to, in a sentence."""
    rate = "" if finding.rate_per_s is None else number(finding.rate_per_s)
    above = "" if finding.ceiling_per_s is None else number(finding.ceiling_per_s)
    why = "" if finding.limit is None else f": {_REASONS[finding.limit]}"
    if finding.status == _search.FOUND:
        return f"The highest rate is {rate} requests/s; {above} failed{why}."
    if finding.status == _search.AT_LEAST:
        return f"The highest rate is at least {rate} requests/s, the most that was to be tried."
    if finding.status == _search.BELOW:
        return f"The highest rate is below {above} requests/s, the least that was tried{why}."
    if finding.status == _search.UNCONFIRMED:
        return f"No rate passed a second time; {above} requests/s is where the last attempt failed{why}."
    limit = f"; {above} requests/s failed{why}" if above else f", below {number(goal.most_per_s)} requests/s"
    return f"The search was ended before it had found a rate{limit}."


def _figures(part: Part) -> str:
    """The stage's figures in a few words."""
    tally, seconds = part.tally, part.window_s
    parts = [
        f"{name.removesuffix('_ms')} {number(median)} ms"
        for name in ("ttft_ms", "tpot_ms", "e2e_ms")
        if (median := tally.figures[name].percentile(50)) is not None
    ]
    if seconds:
        parts.append(f"{number(tally.counts['window_tokens'] / seconds)} tokens/s")
    bad = part.requests - tally.outcomes["ok"]
    return ", ".join([*parts, f"{bad} of {part.requests} failed" if bad else f"{part.requests} requests"])
