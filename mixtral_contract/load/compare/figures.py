"""What is compared of two runs, by the table of metrics: how each figure is read from a run and drawn anew."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mixtral_contract.load.compare.run_folder import Line, RunFolder
from mixtral_contract.load.estimators.bootstrap import mean_draws, percentile_draws
from mixtral_contract.load.estimators.percentiles import FLOORS
from mixtral_contract.load.units.metric import Metric
from mixtral_contract.load.units.metrics import NUMBERS, SPREADS

_TAIL = 95
"""From here on a figure is that of the slowest few, and moves from run to run with what a machine does beside."""

_LEAST_TOLD_MS = 2.0
"""A tail that moved by less may have moved by the timers at both ends; where a calibration found more, that counts."""

_MEANS = {"tpot_ms"}
"""Of a whole stream: what moves one stamp moves them little."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure that is compared: its name, its key in the summary, its unit, which way is good, how to draw it.

    `least_told` is the change that the instrument can tell in a run, in the figure's unit.
    """

    name: str
    key: str
    unit: str
    lower_is_better: bool
    draw: Callable[[RunFolder, random.Random], Sequence[float] | None]
    value: Callable[[RunFolder], float | None]
    least_told: Callable[[RunFolder], float] = lambda _: 0.0

    def is_known_of(self, run: RunFolder) -> bool:
        """Whether the run has any sample of it: a closed loop has no schedule, a whole answer no gaps."""
        found: Any = run.summary[self.key]
        return not isinstance(found, Mapping) or found["n"] > 0


def _percentile(metric: Metric, percent: int, values: Callable[[Line], Iterator[float]]) -> Figure:
    def draw(run: RunFolder, chance: random.Random) -> Sequence[float] | None:
        blocks = run.by_second(values)
        if sum(map(len, blocks)) < FLOORS[percent]:
            return None
        return percentile_draws(blocks, percent, chance)

    def value(run: RunFolder) -> float | None:
        spread: Mapping[str, Any] = run.summary[metric.key]
        found: float | None = spread[f"p{percent}"]
        return found

    def least_told(run: RunFolder) -> float:
        if metric.unit != "ms" or percent < _TAIL or metric.key in _MEANS:
            return 0.0
        calibration = run.summary["instrument"]["calibration"] or {}
        error = calibration.get("gap_error_ms" if values is _gaps else "ttft_error_ms") or {}
        return max(_LEAST_TOLD_MS, error.get("p99") or 0.0)

    name = f"{metric.name} p{percent}"
    return Figure(name, metric.key, metric.unit, lower_is_better=True, draw=draw, value=value, least_told=least_told)


def _field(name: str) -> Callable[[Line], Iterator[float]]:
    return lambda line: iter(() if line[name] is None else (line[name],))


def _from_schedule(name: str) -> Callable[[Line], Iterator[float]]:
    """The figure, but from the moment at which the schedule wanted the request."""

    def values(line: Line) -> Iterator[float]:
        if line["due_s"] is not None and line[name] is not None:
            yield line[name] + 1000 * (line["sent_s"] - line["due_s"])

    return values


def _gaps(line: Line) -> Iterator[float]:
    for _, count in line["content_ms"]:
        yield from itertools.repeat(0.0, count - 1)
    for (earlier, _), (later, _) in itertools.pairwise(line["content_ms"]):
        yield later - earlier


def _rate(name: str, events: Callable[[Line], Iterator[tuple[float, float]]]) -> Figure:
    return Figure(
        name.replace("_per_s", "/s").replace("_", " "),
        name,
        "",
        lower_is_better=False,
        draw=lambda run, chance: mean_draws(run.counts(events), chance),
        value=lambda run: run.summary[name],
    )


def _tokens(line: Line) -> Iterator[tuple[float, float]]:
    events = sum(count for _, count in line["content_ms"])
    for since_ms, count in line["content_ms"]:
        yield line["sent_s"] + since_ms / 1000, line["output_tokens"] * count / events


def _ends(line: Line) -> Iterator[tuple[float, float]]:
    yield line["sent_s"] + line["e2e_ms"] / 1000, 1.0


_OF_LINES: Mapping[str, Callable[[Line], Iterator[float]]] = {
    "icl_ms": _gaps,
    "schedule_ttft_ms": _from_schedule("ttft_ms"),
    "schedule_e2e_ms": _from_schedule("e2e_ms"),
}
"""How a figure is made from a request's line that does not hold it."""

_EVENTS: Mapping[str, Callable[[Line], Iterator[tuple[float, float]]]] = {
    "output_tokens_per_s": _tokens,
    "requests_per_s": _ends,
}
"""What happened when, for the rates."""

FIGURES = (
    *(
        _percentile(metric, percent, _OF_LINES.get(metric.key) or _field(metric.key))
        for metric in SPREADS
        for percent in metric.compared
    ),
    *(_rate(metric.key, _EVENTS[metric.key]) for metric in NUMBERS if metric.compared),
)
"""What is compared, in the order of the table."""
