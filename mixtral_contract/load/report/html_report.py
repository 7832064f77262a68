"""report.html: one page that needs nothing else, made from a summary alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jinja2

from mixtral_contract.load.estimators.ddsketch import Sketch
from mixtral_contract.load.report.charts import Series, histogram, scatter, timeline
from mixtral_contract.load.report.stage_charts import stage_charts
from mixtral_contract.load.results.formatting import bounded, cell, interval_text, plus_minus
from mixtral_contract.load.settings.objectives import FIGURES as LIMITED
from mixtral_contract.load.settings.objectives import parse_slo
from mixtral_contract.load.units.metric import TOOLS, Metric, Place
from mixtral_contract.load.units.metrics import NUMBERS, keys_in, label_of, spreads_in
from mixtral_contract.load.units.numbers import number

TEMPLATE = "_report.html"


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its caption; `svg` None means that there is nothing to draw."""

    title: str
    svg: str | None


@dataclass(frozen=True, slots=True)
class Key:
    """One of the few figures at the top: what it is, how much, and a second figure below."""

    name: str
    value: str
    unit: str
    below: str


def render(summary: Mapping[str, Any]) -> str:
    """The page."""
    return (
        templates()
        .get_template(TEMPLATE)
        .render(
            summary=summary,
            keys=list(_keys(summary)),
            distributions=list(_distributions(summary)),
            timelines=list(_timelines(summary)),
            ended=_ended(summary),
            tools=TOOLS,
            names=keys_in(Place.TABLE),
            stage_metrics=spreads_in(Place.STAGES),
            stage_charts=[Chart(title, svg) for title, svg in stage_charts(summary, partial(_limits, summary))],
        )
    )


def templates() -> jinja2.Environment:
    """The pages of this folder."""
    environment = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
    )
    environment.filters["number"] = lambda value: "–" if value is None else number(value)
    environment.filters["cell"] = cell
    environment.filters["interval"] = interval_text
    return environment


def _keys(summary: Mapping[str, Any]) -> Iterator[Key]:
    for metric in _plotted(summary):
        spread = summary[metric.key]
        if spread["n"]:
            yield Key(
                metric.label,
                number(spread["mean"]) if spread["p50"] is None else bounded(spread, "p50"),
                f"{metric.unit}{plus_minus(summary, metric.key)}",
                _below(spread),
            )
        else:
            yield Key(metric.label, "–", "", "not measured")
    for metric in NUMBERS:
        if metric.shown & Place.CARD:
            value = summary[metric.key]
            yield Key(
                metric.label,
                "–" if value is None else number(value),
                metric.unit,
                "all streams together, in the window",
            )
    error_share = summary["error_share"]
    shown = "–" if error_share is None else number(100 * error_share)
    yield Key(label_of("error_share"), shown, "%", f"of {_ended(summary)} requests")


def _ended(summary: Mapping[str, Any]) -> int:
    ended: int = summary["outcomes"]["ok"] + sum(error["count"] for error in summary["errors"])
    return ended


def _below(spread: Mapping[str, Any]) -> str:
    if spread["p50"] is None:
        return f"mean of {spread['n']}, too few for a median"
    if spread["p95"] is not None:
        return f"median; p95 {bounded(spread, 'p95')} ms"
    return f"median of {spread['n']}, too few for a p95"


def _plotted(summary: Mapping[str, Any]) -> list[Metric]:
    """The latencies that a run of this kind can have: no card says again and again that there was no stream."""
    return [metric for metric in spreads_in(Place.CARD) if summary["run"]["streamed"] or not metric.needs_stream]


def _distributions(summary: Mapping[str, Any]) -> Iterator[Chart]:
    for metric in _plotted(summary):
        yield _distribution(summary, metric)
    if summary["run"]["streamed"]:
        yield _by_prompt(summary)


def _distribution(summary: Mapping[str, Any], metric: Metric) -> Chart:
    spread, sketch = summary[metric.key], Sketch.from_wire(summary["distributions"][metric.key])
    if not spread["n"]:
        return Chart(metric.label, None)
    markers = [(percentile, spread[percentile]) for percentile in ("p50", "p95") if spread[percentile] is not None]
    limits = _limits(summary, metric.key)
    svg = histogram(metric.label, metric.unit, sketch.buckets(), sketch.zeros, markers, limits=limits)
    return Chart(metric.label, svg)


def _limits(summary: Mapping[str, Any], name: str) -> list[float]:
    """The limits that the objectives set on a figure, in ms."""
    terms = parse_slo(summary["slo"]["text"]) if summary["slo"] is not None else ()
    return sorted({term.limit_ms for term in terms if LIMITED[term.figure] == name})


def _by_prompt(summary: Mapping[str, Any]) -> Chart:
    sample = summary["ttft_by_prompt_tokens"]
    title = f"{label_of('ttft_ms')} against prompt length"
    if not sample["points"]:
        return Chart(title, None)
    shown = "" if len(sample["points"]) == sample["of"] else f", {len(sample['points'])} of {sample['of']} requests"
    limits = _limits(summary, "ttft_ms")
    return Chart(title + shown, scatter(title, "prompt tokens", "ms", sample["points"], limits=limits))


def _timelines(summary: Mapping[str, Any]) -> Iterator[Chart]:
    series, window = summary["timeline"], summary["window"]
    measured = (window["start_s"], max(window["start_s"], window["end_s"]))
    ended = tuple(
        Series(name, style, [count / series["bin_s"] for count in series[f"{name}_requests"]])
        for name, style in (("ok", "first"), ("failed", "second"))
    )
    rows = (
        ("Output tokens per second", "tokens/s", (Series("", "first", series["output_tokens_per_s"]),)),
        ("Requests that ended", "/s", ended),
        ("Requests under way", "requests", (Series("", "first", series["in_flight"]),)),
        *(
            (f"{metric.label}, by second of sending", metric.unit, _percentiles(series, metric))
            for metric in spreads_in(Place.TIMELINE)
            if metric in _plotted(summary)
        ),
    )
    for title, unit, lines in rows:
        empty = all(value is None for line in lines for value in line.values)
        yield Chart(title, None if empty else timeline(title, unit, series["bin_s"], lines, measured))


def _percentiles(series: Mapping[str, Any], metric: Metric) -> tuple[Series, Series]:
    return (
        Series("p50", "first", series[metric.column(50)]),
        Series("p95", "second", series[metric.column(95)]),
    )
