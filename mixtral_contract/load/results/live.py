"""What a run looks like while it goes: the summary as far as it is known, cut down to what a page shows.

Pure: a summary in, a document out. The figures are those of summary.json, by the same code; only their end is open.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mixtral_contract.load.settings.settings import Settings
from mixtral_contract.load.units.metric import Place
from mixtral_contract.load.units.metrics import keys_in, spreads_in

Summary = Mapping[str, Any]

SHOWN = keys_in(Place.LIVE)
"""The figures that are shown, where there are any."""

_OF_RUN = (
    *("id", "started_at", "target", "path", "dialect", "model", "streamed", "arrivals", "users", "workers"),
    *("run_time_s", "warmup_s"),
)
_OF_STAGE = (
    *("load", "requests", "requests_per_s", "output_tokens_per_s"),
    *(metric.column(percent) for metric in spreads_in(Place.TIMELINE) for percent in (50, 95)),
)
_OF_SPREAD = ("n", "p50", "p90", "p95", "p99", "mean", "max")
_COUNTS = ("outcomes", "warmup_outcomes", "errors", "error_share", "dropped", "output_tokens_per_s", "timeline", "slo")
_NS_PER_S = 1_000_000_000

WAITING, WARM_UP, MEASURING, DRAINING, OVER = "waiting", "warm-up", "measuring", "draining", "over"


@dataclass(frozen=True, slots=True)
class LiveState:
    """What is known of now besides the counts; `state` is Locust's word, seconds count from the run's start.

    `counted_until_s` is when the process whose counts are the oldest took them: with workers it is some seconds ago.
    """

    state: str
    now_s: float
    counted_until_s: float
    in_flight: int
    is_sending: bool
    is_over: bool


def idle(state: str, refusal: str | None = None) -> dict[str, Any]:
    """The document while there is no run; `refusal` is why the one that was asked for did not start."""
    return {"state": state, "phase": WAITING, "run": None, "refusal": refusal}


def live(summary: Summary, settings: Settings, moment: LiveState) -> dict[str, Any]:
    """The document of a run; None is "no value", as in summary.json, and `verdict` None "nothing to judge yet".

    Of a run with stages the figures are those of the last one that has ended.
    """
    phase = _phase(summary, moment)
    judged = phase == OVER or bool(sum(summary["outcomes"].values()))
    return {
        "state": moment.state,
        "phase": phase,
        "run": {name: summary["run"][name] for name in _OF_RUN} | _of_staging(summary, settings),
        "now_s": round(moment.now_s, 1),
        "counted_until_s": round(moment.counted_until_s, 1),
        "window": summary["window"],
        "verdict": summary["validity"]["verdict"] if judged else None,
        "reasons": [reason["text"] for reason in summary["validity"]["reasons"]] if judged else [],
        "headline": summary["headline"] if phase == OVER else None,
        "in_flight": moment.in_flight,
        "offered_per_s": summary["offered_per_s"] if phase == OVER else _offered_per_s(summary, settings, moment),
        "achieved_per_s": summary["requests_per_s"],
        **{name: summary[name] for name in _COUNTS},
        "stages": [{name: stage[name] for name in _OF_STAGE} for stage in summary["stages"]],
        "figures": {name: {key: summary[name][key] for key in _OF_SPREAD} for name in SHOWN if summary[name]["n"]},
    }


def rows(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The document as rows of a plain table."""
    if document["run"] is None:
        return
    yield {"figure": "verdict so far", "p50": document["verdict"] or document["phase"]}
    yield {"figure": "in flight", "p50": document["in_flight"]}
    for name in ("offered_per_s", "achieved_per_s", "output_tokens_per_s"):
        if document[name] is not None:
            yield {"figure": name, "p50": document[name]}
    for name, spread in document["figures"].items():
        yield {"figure": name, **{key: value for key, value in spread.items() if value is not None}}


def _phase(summary: Summary, moment: LiveState) -> str:
    if moment.is_over:
        return OVER
    if not moment.is_sending:
        return DRAINING
    return WARM_UP if moment.now_s < summary["window"]["start_s"] else MEASURING


def _of_staging(summary: Summary, settings: Settings) -> dict[str, Any]:
    """What to say of the load before the first stage has ended."""
    return {} if settings.staging is None or summary["stages"] else {"arrivals": "by stages", "users": None}


def _offered_per_s(summary: Summary, settings: Settings, moment: LiveState) -> float | None:
    """What the schedule wants; None in a closed loop, and of a trace before the window."""
    if settings.staging is not None:
        return summary["offered_per_s"] if summary["stages"] else None
    if settings.arrivals.rate_per_s is not None or not settings.arrivals.is_open:
        return settings.arrivals.rate_per_s
    duration_s = moment.now_s - settings.warmup_s
    if duration_s <= 0:
        return None
    due_ns = [arrival.due_ns for arrival in settings.trace]
    due = bisect_left(due_ns, moment.now_s * _NS_PER_S) - bisect_left(due_ns, settings.warmup_s * _NS_PER_S)
    return round(due / duration_s, 3)
