"""Which stages a run goes through: those of a sweep, or whatever the search asks for next. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from mixtral_contract.load.settings.objectives import Slo
from mixtral_contract.load.settings.stages import Goal, Stage, Staging
from mixtral_contract.load.settings.sweep import Sweep
from mixtral_contract.load.stages import rate_search
from mixtral_contract.load.stages.rate_search import Evidence, Finding, Probe, Search
from mixtral_contract.load.stages.stage_result import StageResult
from mixtral_contract.load.units.numbers import number, rounded

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

    def take(self, part: StageResult) -> str:
        """Takes what came of the stage; a line that says so."""
        ...

    def stop(self) -> None:
        """Ends the plan before its time."""
        ...

    def report(self) -> dict[str, Any] | None:
        """What the stages together show, for summary.json; None where each stands for itself."""
        ...


def plan_for(staging: Staging, slo: Slo) -> Plan:
    """The plan of a run that goes through stages, at its beginning."""
    if staging.goal is not None:
        return SearchPlan(staging, staging.goal, slo)
    assert staging.sweep is not None
    return SweepPlan(staging, staging.sweep)


class SweepPlan:
    """One stage for each load."""

    def __init__(self, staging: Staging, sweep: Sweep) -> None:
        self._staging = staging
        self._sweep = sweep
        self._number = 1
        self._longest_s = 0.0

    @property
    def stage(self) -> Stage | None:
        """What comes next; None when the plan is done."""
        staging, loads = self._staging, self._sweep.loads
        if self._number > len(loads):
            return None
        return staging.stage(
            self._number,
            loads[self._number - 1],
            staging.window_s,
            is_open=self._sweep.is_open,
            longest_s=self._longest_s,
        )

    def take(self, part: StageResult) -> str:
        """Takes what came of the stage; a line that says so."""
        stage = self.stage
        assert stage is not None
        self._number += 1
        self._longest_s = max(self._longest_s, part.longest_s)
        return f"stage {stage.number} of {len(self._sweep.loads)}, {stage.load}: {_figures(part)}"

    def stop(self) -> None:
        """Ends the plan before its time."""
        self._number = len(self._sweep.loads) + 1

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
        self._longest_s = 0.0

    @property
    def stage(self) -> Stage | None:
        """What comes next; None when the plan is done."""
        step = self._search.step
        if step is None:
            return None
        return self._staging.stage(
            self._number, step.rate_per_s, step.seconds, is_open=True, ends_on_429=True, longest_s=self._longest_s
        )

    def take(self, part: StageResult) -> str:
        """Takes what came of the stage; a line that says so."""
        stage = self.stage
        assert stage is not None
        probe = self._search.take(
            Evidence(
                seconds=part.window_s,
                counts=part.counts(self._slo),
                trend=part.trend(stage.warmup_s),
                refused=part.refused,
                retry_after_s=part.retry_after_s,
                unsent=part.tally.counts["dropped"],
            )
        )
        if len(self._stages) < self._search.probes.index(probe) + 1:
            self._stages.append([])
        self._stages[-1].append(self._number)
        self._number += 1
        if probe.verdict != rate_search.FAILED:
            # of an overloaded target it says nothing of what others will take
            self._longest_s = max(self._longest_s, part.longest_s)
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

    def _line(self, count: int, probe: Probe, part: StageResult) -> str:
        what = "confirming" if probe.confirms else "probe"
        worst = min(range(len(self._slo)), key=lambda index: probe.interval(index)[0] - self._slo[index].percent / 100)
        low, high = probe.interval(worst)
        reason = "" if probe.reason is None else f" ({_REASONS[probe.reason]})"
        verdict = "runs longer" if probe.verdict == rate_search.OPEN else f"{probe.verdict}{reason}"
        return (
            f"{what} {count}: {number(probe.rate_per_s)} requests/s for {number(probe.seconds)} s: {verdict}; "
            f"{self._slo[worst]} kept by {100 * low:.1f} to {100 * high:.1f} %; {_figures(part)}"
        )


def sentence(finding: Finding, goal: Goal) -> str:
    """What the search came to, in a sentence."""
    rate = "" if finding.rate_per_s is None else number(finding.rate_per_s)
    above = "" if finding.ceiling_per_s is None else number(finding.ceiling_per_s)
    why = "" if finding.limit is None else f": {_REASONS[finding.limit]}"
    if finding.status == rate_search.FOUND:
        return f"The highest rate is {rate} requests/s; {above} failed{why}."
    if finding.status == rate_search.AT_LEAST:
        return f"The highest rate is at least {rate} requests/s, the most that was to be tried."
    if finding.status == rate_search.BELOW:
        return f"The highest rate is below {above} requests/s, the least that was tried{why}."
    if finding.status == rate_search.UNCONFIRMED:
        return f"No rate passed a second time; {above} requests/s is where the last attempt failed{why}."
    limit = f"; {above} requests/s failed{why}" if above else f", below {number(goal.most_per_s)} requests/s"
    return f"The search was ended before it had found a rate{limit}."


def _figures(part: StageResult) -> str:
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
