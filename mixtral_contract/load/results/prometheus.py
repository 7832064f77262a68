"""The figures of a run in the text format that Prometheus scrapes.

Pure: what `_live` made in, text out. Counters and figures start again with each run; `run_id` tells runs apart.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (version 0.0.4).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_PREFIX = "mixtral_load_"
_QUANTILES = {"p50": "0.5", "p90": "0.9", "p95": "0.95", "p99": "0.99"}
_VERDICTS = ("VALID", "SUSPECT", "INVALID")
_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Labels = Mapping[str, str]
Sample = tuple[str, Labels, float]


def exposition(document: Mapping[str, Any]) -> str:
    """All series; before the first run only that there is none."""
    return "".join(_series(document))


def _series(document: Mapping[str, Any]) -> Iterator[str]:
    run = document["run"]
    yield from _family("up", "gauge", "1 while a run goes.", [("", {}, float(_is_running(document)))])
    if run is None:
        return
    about = {name: str(run[name] or "") for name in ("id", "target", "dialect", "model", "arrivals")}
    yield from _family("run_info", "gauge", "The run that all other series belong to.", [("", about, 1)])
    yield from _family(
        "requests_total",
        "counter",
        "Requests of the window by their end.",
        (("", {"outcome": name}, count) for name, count in document["outcomes"].items()),
    )
    yield from _family("dropped_total", "counter", "Requests due and not sent.", [("", {}, document["dropped"])])
    yield from _family("in_flight", "gauge", "Requests on their way.", [("", {}, document["in_flight"])])
    for name, explanation in _RATES.items():
        if document[name] is not None:
            yield from _family(name.replace("_per_s", "_per_second"), "gauge", explanation, [("", {}, document[name])])
    yield from _family(
        "verdict",
        "gauge",
        "1 for what the run is so far; all 0 while there is nothing to judge.",
        (("", {"verdict": verdict}, float(document["verdict"] == verdict)) for verdict in _VERDICTS),
    )
    for name, spread in document["figures"].items():
        series = f"{name.removesuffix('_ms')}_seconds"
        yield from _family(series, "summary", f"{name} of summary.json, in seconds.", _summary(spread))


_RATES = {
    "offered_per_s": "Requests that the schedule wants.",
    "achieved_per_s": "Requests that ended ok, in the window so far.",
    "output_tokens_per_s": "Output tokens that arrived, in the window so far.",
}


def _is_running(document: Mapping[str, Any]) -> bool:
    return document["run"] is not None and document["phase"] != "over"


def _summary(spread: Mapping[str, Any]) -> Iterator[Sample]:
    for name, quantile in _QUANTILES.items():
        if spread[name] is not None:
            yield "", {"quantile": quantile}, spread[name] / 1000
    yield "_sum", {}, spread["mean"] * spread["n"] / 1000
    yield "_count", {}, spread["n"]


def _family(name: str, kind: str, explanation: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {_PREFIX}{name} {explanation}\n# TYPE {_PREFIX}{name} {kind}\n"
    for suffix, labels, value in samples:
        inside = ",".join(f'{label}="{text.translate(_ESCAPED)}"' for label, text in labels.items())
        yield f"{_PREFIX}{name}{suffix}{{{inside}}} {value!r}\n" if inside else f"{_PREFIX}{name}{suffix} {value!r}\n"
