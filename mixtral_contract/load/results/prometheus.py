"""The figures of a run in the text format that Prometheus scrapes.

Pure: what `live` made in, text out. Counters and figures start again with each run; `run_id` tells runs apart.
Latencies are summaries, whose percentiles are those of summary.json: buckets would have other names, and be coarser.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mixtral_contract.load.units.metrics import METRICS

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_PREFIX = "mixtral_load_"
_QUANTILES = {"p50": "0.5", "p90": "0.9", "p95": "0.95", "p99": "0.99"}
_VERDICTS = ("VALID", "SUSPECT", "INVALID")


def exposition(document: Mapping[str, Any]) -> str:
    """All series; before the first run only that there is none."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(document))
    return generate_latest(registry).decode()


class _Collector(Collector):
    """The series of one document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def describe(self) -> list[Metric]:
        """Nothing: the names follow from the document."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All series."""
        yield _gauge("up", "1 while a run goes.", float(_is_running(self._document)))
        if self._document["run"] is not None:
            yield from _of_run(self._document)


def _of_run(document: Mapping[str, Any]) -> Iterator[Metric]:
    run = document["run"]
    about = {name: str(run[name] or "") for name in ("id", "target", "dialect", "model", "arrivals")}
    yield _gauge("run_info", "The run that all other series belong to.", 1, about)
    requests = CounterMetricFamily(f"{_PREFIX}requests", "Requests of the window by their end.", labels=["outcome"])
    for outcome, count in document["outcomes"].items():
        requests.add_metric([outcome], count)
    yield requests
    yield CounterMetricFamily(f"{_PREFIX}dropped", "Requests due and not sent.", value=document["dropped"])
    yield _gauge("in_flight", "Requests on their way.", document["in_flight"])
    for name, explanation in _RATES.items():
        if document[name] is not None:
            yield _gauge(name.replace("_per_s", "_per_second"), explanation, document[name])
    verdicts = GaugeMetricFamily(
        f"{_PREFIX}verdict",
        "1 for what the run is so far; all 0 while there is nothing to judge.",
        labels=["verdict"],
    )
    for verdict in _VERDICTS:
        verdicts.add_metric([verdict], float(document["verdict"] == verdict))
    yield verdicts
    for metric in METRICS:
        if metric.key in document["figures"]:
            yield _summary(f"{_PREFIX}{metric.name}_seconds", metric.key, document["figures"][metric.key])


_RATES = {
    "offered_per_s": "Requests that the schedule wants.",
    "achieved_per_s": "Requests that ended ok, in the window so far.",
    "output_tokens_per_s": "Output tokens that arrived, in the window so far.",
}


def _is_running(document: Mapping[str, Any]) -> bool:
    return document["run"] is not None and document["phase"] != "over"


def _gauge(name: str, explanation: str, value: float, labels: Mapping[str, str] | None = None) -> Metric:
    family = GaugeMetricFamily(f"{_PREFIX}{name}", explanation, labels=list(labels or ()))
    family.add_metric(list((labels or {}).values()), value)
    return family


def _summary(name: str, key: str, spread: Mapping[str, Any]) -> Metric:
    """The figure with its percentiles, which the library's own families of this kind do not hold."""
    family = Metric(name, f"{key} of summary.json, in seconds.", "summary")
    for percentile, quantile in _QUANTILES.items():
        if spread[percentile] is not None:
            family.add_sample(name, {"quantile": quantile}, spread[percentile] / 1000)
    family.add_sample(f"{name}_sum", {}, spread["mean"] * spread["n"] / 1000)
    family.add_sample(f"{name}_count", {}, spread["n"])
    return family
