"""What the report shows of stages: latency against throughput for a sweep, against the rate for a search."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mixtral_contract.load.report.charts import Curve, Point, curves
from mixtral_contract.load.stages.rate_search import FAILED, PASSED, UNRESOLVED
from mixtral_contract.load.units.metric import Place
from mixtral_contract.load.units.metrics import spreads_in

_MARKED = (PASSED, FAILED, UNRESOLVED)

Entry = Mapping[str, Any]


def stage_charts(summary: Mapping[str, Any], limits: Callable[[str], Sequence[float]]) -> Iterator[tuple[str, str]]:
    """(title, SVG) of each figure that any stage has, with its limits in ms; none for a run without stages."""
    entries, search = summary["stages"], summary["search"]
    x, unit = ("output_tokens_per_s", "tokens/s") if search is None else ("rate_per_s", "requests/s")
    marks = {} if search is None else _marks(search)
    for metric in spreads_in(Place.STAGES):
        found = [
            Curve(f"p{percent}", style, _points(entries, x, metric.column(percent), marks if percent == 50 else {}))
            for percent, style in ((50, "first"), (95, "second"))
        ]
        drawn = [curve for curve in found if any(point.y is not None for point in curve.points)]
        if drawn:
            against = "throughput" if search is None else "rate"
            svg = curves(metric.label, unit, metric.unit, drawn, limits=limits(metric.key))
            yield f"{metric.label} against {against}", svg


def _points(entries: Sequence[Entry], x: str, y: str, marks: Mapping[int, str]) -> list[Point]:
    return [
        Point(entry[x], entry[y], marks.get(entry["number"], ""))
        for entry in entries
        # a probe that failed without a single answer is drawn all the same, above the others
        if entry[x] is not None and (entry[y] is not None or entry["number"] in marks)
    ]


def _marks(search: Mapping[str, Any]) -> dict[int, str]:
    """The verdict of each probe at its last stage."""
    return {probe["stages"][-1]: probe["verdict"] for probe in search["probes"] if probe["verdict"] in _MARKED}
