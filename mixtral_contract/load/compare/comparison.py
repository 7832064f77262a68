"""What changed between two runs: each figure of the second against the first, with an interval, and a verdict.

A figure is worse when the whole interval of its change lies beyond the tolerance on the bad side; a change that could
as well be chance is none.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mixtral_contract.load.compare.run_folder import Line, RunFolder
from mixtral_contract.load.estimators.bootstrap import interval, mean_draws, percentile_draws
from mixtral_contract.load.estimators.confidence import wilson
from mixtral_contract.load.estimators.percentiles import FLOORS
from mixtral_contract.load.units.metric import Metric
from mixtral_contract.load.units.metrics import NUMBERS, SPREADS

CONFIDENCE = 0.95
WORSE, BETTER, SAME, UNCLEAR, NONE = "worse", "better", "same", "unclear", "not measured"

_COMPARABLE = (
    *("dialect", "model", "streamed", "arrivals", "users", "workers", "prompt_tokens", "max_tokens", "prefix_share"),
    *("images", "turns", "think_s"),
)
"""The settings of a run whose difference explains another figure."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure that is compared: its name, its key in the summary, its unit, which way is good, how to draw it."""

    name: str
    key: str
    unit: str
    lower_is_better: bool
    draw: Callable[[RunFolder, random.Random], Sequence[float] | None]
    value: Callable[[RunFolder], float | None]

    def is_known_of(self, run: RunFolder) -> bool:
        """Whether the run has any sample of it: a closed loop has no schedule, a whole answer no gaps."""
        found: Any = run.summary[self.key]
        return not isinstance(found, Mapping) or found["n"] > 0


@dataclass(frozen=True, slots=True)
class Change:
    """One figure of both runs; `ratio` is second / first with the ends of its interval, None where one has no value."""

    name: str
    unit: str
    first: float | None
    second: float | None
    ratio: tuple[float, float, float] | None
    verdict: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs, what was asked of them differently, and what changed."""

    first: RunFolder
    second: RunFolder
    tolerance: float
    confidence: float
    differences: tuple[str, ...]
    changes: tuple[Change, ...]

    @property
    def regressed(self) -> bool:
        """Whether any figure is worse."""
        return any(change.verdict == WORSE for change in self.changes)

    def text(self) -> str:
        """The comparison as a table of text."""
        lines = [f"{'':22}{'first':>10}{'second':>10}{'change':>9}   {100 * self.confidence:g} % interval"]
        lines += [_row(change) for change in self.changes]
        lines += [f"! not asked alike: {difference}" for difference in self.differences]
        worse = [change.name for change in self.changes if change.verdict == WORSE]
        beyond = f" by more than {100 * self.tolerance:g} %" if self.tolerance else ""
        lines.append(f"regression: {', '.join(worse)} worse{beyond}" if worse else f"no regression{beyond}")
        return "\n".join(lines) + "\n"


def compare(first: RunFolder, second: RunFolder, *, tolerance: float, confidence: float = CONFIDENCE) -> Comparison:
    """The comparison of two runs; `tolerance` is the relative change that is still no regression.

    A figure that neither run has a sample of is left out.
    """
    wanted = [figure for figure in FIGURES if figure.is_known_of(first) or figure.is_known_of(second)]
    changes = [_change(figure, first, second, tolerance, confidence) for figure in wanted]
    changes.append(_failures(first, second, confidence))
    return Comparison(first, second, tolerance, confidence, tuple(_differences(first, second)), tuple(changes))


def _failures(first: RunFolder, second: RunFolder, confidence: float) -> Change:
    """The share of failed requests; it has no ratio, for the first is mostly 0."""
    counted = [_failed(run) for run in (first, second)]
    shares = [100 * failed / ended if ended else None for failed, ended in counted]
    before, after = (wilson(failed, ended, confidence) for failed, ended in counted)
    if None in shares:
        verdict = NONE
    elif after[0] > before[1]:
        verdict = WORSE
    elif after[1] < before[0]:
        verdict = BETTER
    else:
        verdict = SAME if shares[0] == shares[1] else UNCLEAR
    return Change("failed", "%", shares[0], shares[1], None, verdict)


def _failed(run: RunFolder) -> tuple[int, int]:
    failed = sum(error["count"] for error in run.summary["errors"])
    return failed, failed + run.summary["outcomes"]["ok"]


def _change(figure: Figure, first: RunFolder, second: RunFolder, tolerance: float, confidence: float) -> Change:
    values = figure.value(first), figure.value(second)
    chance = random.Random(figure.name)  # noqa: S311 -- repeatable on purpose
    draws = [figure.draw(run, chance) for run in (first, second)]
    if draws[0] is None or draws[1] is None or not values[0] or values[1] is None:
        return Change(figure.name, figure.unit, *values, None, NONE)
    ratios = [after / before for before, after in zip(*draws, strict=True) if before]
    if not ratios:
        return Change(figure.name, figure.unit, *values, None, NONE)
    low, high = interval(ratios, confidence)
    ratio = values[1] / values[0]
    # the interval of the draws is that of the estimate: it holds it but for the coarseness of drawing
    ends = min(low, ratio), max(high, ratio)
    verdict = _verdict(ends, tolerance, lower_is_better=figure.lower_is_better)
    return Change(figure.name, figure.unit, *values, (ratio, *ends), verdict)


def _verdict(ends: tuple[float, float], tolerance: float, *, lower_is_better: bool) -> str:
    low, high = ends
    above, below = low > 1 + tolerance, high < 1 - tolerance
    if above or below:
        return WORSE if above == lower_is_better else BETTER
    inside = 1 - tolerance <= low and high <= 1 + tolerance
    return SAME if inside else UNCLEAR


def _differences(first: RunFolder, second: RunFolder) -> Iterator[str]:
    for name in _COMPARABLE:
        values = first.summary["run"].get(name), second.summary["run"].get(name)
        if values[0] != values[1]:
            yield f"{name} {' and '.join('none' if value is None else str(value) for value in values)}"


def _row(change: Change) -> str:
    cells = f"{change.name:22}{_number(change.first):>10}{_number(change.second):>10}"
    if change.ratio is None:
        return f"{cells}{'':9}   {change.verdict}"
    ratio, low, high = change.ratio
    span = f"{100 * (low - 1):+.1f} … {100 * (high - 1):+.1f} %"
    return f"{cells}{100 * (ratio - 1):>+8.1f}%   {span:20}{change.verdict}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


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

    name = f"{metric.name} p{percent}"
    return Figure(name, metric.key, metric.unit, lower_is_better=True, draw=draw, value=value)


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
