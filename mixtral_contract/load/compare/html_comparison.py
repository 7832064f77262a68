"""The page that shows two runs: every figure, its change and how sure that is, and both distributions in one chart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import markupsafe

from mixtral_contract.load.compare.comparison import BETTER, NO_REGRESSION, REGRESSION, WORSE, Change, Comparison
from mixtral_contract.load.estimators.ddsketch import Sketch
from mixtral_contract.load.report.cumulative_chart import cumulative
from mixtral_contract.load.report.html_report import Chart, templates
from mixtral_contract.load.units.metric import Place
from mixtral_contract.load.units.metrics import spreads_in

_WIDTH, _HEIGHT = 320, 22
_LEAST_RANGE = 0.1
"""The scale of the changes reaches at least this far to both sides, so that nothing tiny looks large."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure as the table shows it; `bar` is its interval on the common scale, None where there is none."""

    change: Change
    tone: str
    bar: markupsafe.Markup | None


_TONES = {NO_REGRESSION: "good", REGRESSION: "bad"}


def render_comparison(comparison: Comparison) -> str:
    """The page."""
    reach = _reach(comparison)
    rows = [
        Row(
            change,
            {WORSE: "bad", BETTER: "good"}.get(change.verdict, "soft"),
            _bar(change, reach, comparison.tolerance),
        )
        for change in comparison.changes
    ]
    page = templates().get_template("_comparison.html")
    charts = list(_charts(comparison))
    return page.render(
        comparison=comparison,
        rows=rows,
        charts=charts,
        reach=reach,
        width=_WIDTH,
        tone=_TONES.get(comparison.verdict, "soft"),
        conclusion=_sentence(comparison.conclusion()),
        warnings=[_sentence(warning) for warning in comparison.warnings],
    )


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _charts(comparison: Comparison) -> Iterator[Chart]:
    for metric in spreads_in(Place.OVERLAY):
        first, second = (
            Sketch.from_wire(run.summary["distributions"][metric.key]) for run in (comparison.first, comparison.second)
        )
        if first.count and second.count:
            svg = cumulative(metric.label, metric.unit, [("first", first), ("second", second)])
            yield Chart(metric.label, svg)


def _reach(comparison: Comparison) -> float:
    """How far the scale goes to both sides of no change, as a share."""
    ends = [abs(end - 1) for change in comparison.changes if change.ratio for end in change.ratio]
    return max(_LEAST_RANGE, comparison.tolerance * 1.5, *(end * 1.1 for end in ends))


def _bar(change: Change, reach: float, tolerance: float) -> markupsafe.Markup | None:
    if change.ratio is None:
        return None
    ratio, low, high = (_place(value, reach) for value in change.ratio)
    left, right, middle = (_place(value, reach) for value in (1 - tolerance, 1 + tolerance, 1.0))
    tone = {WORSE: "worse", BETTER: "better"}.get(change.verdict, "even")
    label = f"{change.name}: {100 * (change.ratio[0] - 1):+.1f} %"
    return markupsafe.Markup(
        '<svg viewBox="0 0 {width} {height}" role="img" aria-label="{label}">'
        '<rect class="shade" x="{left:.1f}" width="{span:.1f}" height="{height}"/>'
        '<line class="tick" x1="{middle:.1f}" x2="{middle:.1f}" y1="0" y2="{height}"/>'
        '<line class="span {tone}" x1="{low:.1f}" x2="{high:.1f}" y1="11" y2="11"/>'
        '<circle class="dot {tone}" cx="{ratio:.1f}" cy="11" r="4.5"/></svg>'
    ).format(
        width=_WIDTH,
        height=_HEIGHT,
        label=label,
        left=left,
        span=right - left,
        middle=middle,
        low=low,
        high=high,
        ratio=ratio,
        tone=tone,
    )


def _place(ratio: float, reach: float) -> float:
    return _WIDTH * (0.5 + (ratio - 1) / (2 * reach))
