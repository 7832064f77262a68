"""Whether the figures of a run can be believed: VALID, SUSPECT or INVALID, and why.

A figure of a run that was not valid is one of the instrument, of the network or of chance, not of the server. Pure: the
summary in, reasons out; each check is a row of a table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mixtral_contract.load.counts import bundling, lengths
from mixtral_contract.load.counts.silence import is_outage
from mixtral_contract.load.estimators.percentiles import highest
from mixtral_contract.load.results.formatting import users_text
from mixtral_contract.load.units.numbers import number

Summary = Mapping[str, Any]

VALID, SUSPECT, INVALID = "VALID", "SUSPECT", "INVALID"

BUSY_SHARE = 0.9
"""From this share of a core on a process of the instrument is itself what is measured."""

STALL_MS = 50.0
"""So long a stall of the instrument's loop, at p99 or what its ticks carry of it, moves every stamp in it."""

LAG_SHARE, LEAST_LAG_MS = 0.01, 5.0
"""Requests may leave late by this share of the median ttft, or by this much, at p99."""

LEAST_ACHIEVED = 0.98
"""The share of the offered requests that have to leave."""

LEAST_REQUESTS = 11
"""Below, not even a median can be told (99 % confidence)."""

MOST_ERROR_SHARE = 0.05
"""So large may the instrument's own error be, as a share of what it says."""

LONG_SILENCE_S, MANY_ANSWERS = 5.0, 10.0
"""An outage that was short beside the window is told from so long on, and from as many median answers."""

SHARE_IN_VAIN, MOST_IN_VAIN, LEAST_IN_VAIN_S = 0.1, 0.25, 1.5
"""Beyond the first share of the users' time spent on failed requests a run is suspect, beyond the second invalid, where
that is so much of each user's time: after a single failure a user waits a second.
"""

GROWTH = 1.5
"""In the last third of an open loop as many times more requests under way as in the first mean that they pile up."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a run is not valid, and how bad that is."""

    severity: str
    text: str


@dataclass(frozen=True, slots=True)
class _Check:
    severity: str
    applies: Callable[[Summary], bool]
    text: Callable[[Summary], str]


def judge(summary: Summary) -> dict[str, Any]:
    """The verdict and its reasons, worst first, for summary.json."""
    reasons = sorted(_reasons(summary), key=lambda reason: reason.severity != INVALID)
    verdict = reasons[0].severity if reasons else VALID
    return {"verdict": verdict, "reasons": [{"severity": each.severity, "text": each.text} for each in reasons]}


def _reasons(summary: Summary) -> Iterator[Reason]:
    for check in _CHECKS:
        if check.applies(summary):
            yield Reason(check.severity, check.text(summary))
    for text in lengths.reasons(summary):
        yield Reason(SUSPECT, text)


def _ended(summary: Summary) -> int:
    failed: int = sum(error["count"] for error in summary["errors"])
    return int(summary["outcomes"]["ok"]) + failed


def _busiest(summary: Summary) -> float:
    return max((worker["cpu_share"] for worker in summary["instrument"]["workers"]), default=0.0)


def _late(summary: Summary) -> bool:
    lag, ttft = summary["dispatch_lag_ms"], summary["ttft_ms"]
    if not lag["n"]:
        return False
    allowed_ms = max(LEAST_LAG_MS, LAG_SHARE * (ttft["p50"] or 0))
    at = highest(lag)
    return at is not None and bool(lag[at] > allowed_ms)


def _stalled(summary: Summary) -> bool:
    lag = summary["loop_lag_ms"]
    at = highest(lag)
    return at is not None and bool(lag[at] > STALL_MS)


def _at_highest(lag: Mapping[str, Any]) -> str:
    at = highest(lag)
    return "" if at is None else f"{lag[at]:.1f} ms at {at}"


def _beyond_calibration(summary: Summary) -> bool:
    instrument = summary["instrument"]
    calibration = instrument["calibration"]
    if calibration is None or calibration["limit_events_per_s"] is None:
        return False
    return bool(instrument["events_per_s"] > calibration["limit_events_per_s"])


def _calibrated_text(calibration: Mapping[str, Any]) -> str:
    highest, limit = calibration["highest_events_per_s"], calibration["limit_events_per_s"]
    return f"no more than {highest:,.0f}" if highest else f"less than {limit:,.0f}"


def _error_share(summary: Summary) -> float:
    """The instrument's median error as a share of the median ttft; 0 where either is unknown."""
    calibration, ttft = summary["instrument"]["calibration"], summary["ttft_ms"]["p50"]
    if calibration is None or not ttft or calibration["ttft_error_ms"] is None:
        return 0.0
    return float(calibration["ttft_error_ms"]["p50"] / ttft)


def is_cut(summary: Summary) -> bool:
    """Whether a sweep ended before all of its stages were measured to their end."""
    asked = summary["stages_asked"]
    return asked is not None and _whole_stages(summary) < asked


def cut_text(summary: Summary) -> str:
    """How far such a sweep came."""
    return f"the sweep was cut: {_whole_stages(summary)} of {summary['stages_asked']} stages were measured to their end"


def _whole_stages(summary: Summary) -> int:
    return sum(stage["is_whole"] for stage in summary["stages"])


def dead_stages(summary: Summary) -> list[int]:
    """The stages of a sweep in which nothing was answered, or not for long."""
    if summary["stages_asked"] is None:
        return []
    return [stage["number"] for stage in summary["stages"] if stage["has_outage"]]


def dead_text(summary: Summary) -> str:
    """Which stages those were."""
    numbers = dead_stages(summary)
    which = "stage" if len(numbers) == 1 else "stages"
    return f"nothing answered for long, or at all, in {which} {', '.join(map(str, numbers))}"


def _silent_s(summary: Summary) -> float:
    silence = summary["silence"]
    return 0.0 if silence is None else float(silence["to_s"] - silence["from_s"])


def _is_outage(summary: Summary) -> bool:
    if summary["silence"] is None or not summary["outcomes"]["ok"]:
        return False
    median_s = summary["silence"]["median_answer_s"]
    return is_outage(_silent_s(summary), summary["window"]["duration_s"], median_s)


def _is_short_outage(summary: Summary) -> bool:
    seconds = _silent_s(summary)
    if seconds < LONG_SILENCE_S or _is_outage(summary):
        return False
    return summary["outcomes"]["ok"] > 0 and bool(seconds >= MANY_ANSWERS * summary["silence"]["median_answer_s"])


def _silence_text(summary: Summary) -> str:
    silence = summary["silence"]
    if silence["lasts"]:
        return f"nothing answered from second {silence['from_s']:.0f} on"
    return f"nothing answered from second {silence['from_s']:.0f} to second {silence['to_s']:.0f}"


def _in_vain(summary: Summary) -> float:
    """By how much the users' time spent on failed requests exceeds the share of failures that is allowed."""
    share = summary["time_in_vain_share"] or 0.0
    return float(share) if share > summary["run"]["max_error_share"] and summary["outcomes"]["ok"] else 0.0


def _is_mostly_in_vain(summary: Summary) -> bool:
    share = _in_vain(summary)
    return share > MOST_IN_VAIN and bool(share * summary["window"]["duration_s"] >= LEAST_IN_VAIN_S)


def _in_vain_text(summary: Summary) -> str:
    return f"{100 * summary['time_in_vain_share']:.0f} % of the users' time was spent on requests that failed"


def _achieved(summary: Summary) -> float:
    sent = sum(summary["outcomes"].values())
    offered = sent + summary["dropped"]
    return sent / offered if offered else 1.0


def _piles_up(summary: Summary) -> bool:
    growth = summary["in_flight"]
    if summary["offered_per_s"] is None or growth["first_third"] is None or growth["grows"]:
        return False
    return bool(growth["last_third"] > GROWTH * growth["first_third"] + 5)


def _overload_text(summary: Summary) -> str:
    under_way = summary["in_flight"]
    return (
        f"the server does not keep up: {number(summary['offered_per_s'])} requests/s were offered, "
        f"{number(summary['requests_per_s'] or 0)} completed, and from {under_way['at_start']} at the window's "
        f"beginning to {under_way['at_end']} at its end were under way"
    )


_CHECKS = (
    _Check(INVALID, lambda s: s["window"]["duration_s"] == 0, lambda _: "the run ended within its warm-up"),
    _Check(INVALID, _is_outage, _silence_text),
    _Check(
        SUSPECT,
        lambda s: s["users"] is not None and s["users"]["changed"] and s["users"]["shape"] is None,
        lambda s: f"the number of users was not the same all the time: {users_text(s)}",
    ),
    _Check(SUSPECT, lambda s: s["bundling"]["is_much"], lambda s: bundling.text(s["bundling"])),
    _Check(SUSPECT, _is_short_outage, _silence_text),
    _Check(INVALID, lambda s: s["gave_up"], lambda _: "the run was given up, for nothing answered"),
    _Check(INVALID, _is_mostly_in_vain, _in_vain_text),
    _Check(SUSPECT, lambda s: _in_vain(s) > SHARE_IN_VAIN and not _is_mostly_in_vain(s), _in_vain_text),
    _Check(
        INVALID,
        lambda s: s["dropped"] > 0 and _achieved(s) < LEAST_ACHIEVED,
        lambda s: (
            f"{s['dropped']} of {s['dropped'] + sum(s['outcomes'].values())} requests that were due were not sent"
        ),
    ),
    _Check(
        SUSPECT,
        lambda s: s["dropped"] > 0 and _achieved(s) >= LEAST_ACHIEVED,
        lambda s: f"{s['dropped']} requests that were due were not sent",
    ),
    _Check(
        SUSPECT,
        lambda s: s["held_back"] > 0,
        lambda s: f"{s['held_back']} requests that were due were held back: the load was less than what was asked for",
    ),
    _Check(
        SUSPECT,
        lambda s: s["lost"]["workers"] > 0,
        lambda s: (
            f"{s['lost']['workers']} of {s['run']['workers']} workers were lost: {', '.join(s['lost']['names'])}; what "
            "ended there since the last report, which comes every 3 s, is not counted"
        ),
    ),
    _Check(
        SUSPECT,
        lambda s: s["lost"]["requests"] > 0,
        lambda s: f"{s['lost']['requests']} requests that workers made never reached the master",
    ),
    _Check(
        SUSPECT,
        lambda s: _busiest(s) > BUSY_SHARE,
        lambda s: f"a process of the instrument used {100 * _busiest(s):.0f} % of a core: more processes are needed",
    ),
    _Check(
        SUSPECT,
        _stalled,
        lambda s: f"the instrument's loop stood still: {_at_highest(s['loop_lag_ms'])} of its ticks",
    ),
    _Check(
        SUSPECT,
        _late,
        lambda s: f"requests left late, {_at_highest(s['dispatch_lag_ms'])}: the schedule was not kept",
    ),
    _Check(
        SUSPECT,
        _beyond_calibration,
        lambda s: (
            f"{s['instrument']['events_per_s']:,.0f} events/s in a process, but the instrument was calibrated to hold "
            f"{_calibrated_text(s['instrument']['calibration'])}"
        ),
    ),
    _Check(
        SUSPECT,
        lambda s: _error_share(s) > MOST_ERROR_SHARE,
        lambda s: (
            f"the instrument's own error is {100 * _error_share(s):.0f} % of the median ttft: on this machine it "
            "cannot tell so little time"
        ),
    ),
    _Check(SUSPECT, lambda s: s["offered_per_s"] is not None and s["in_flight"]["grows"], _overload_text),
    _Check(
        SUSPECT,
        _piles_up,
        lambda s: (
            f"requests pile up, from {s['in_flight']['first_third']:.0f} to {s['in_flight']['last_third']:.0f} under "
            "way: the server does not keep up with what it is offered"
        ),
    ),
    _Check(
        INVALID,
        lambda s: s["window"]["duration_s"] > 0 and not s["outcomes"]["ok"],
        lambda _: "no request succeeded",
    ),
    _Check(
        SUSPECT,
        lambda s: 0 < s["outcomes"]["ok"] < LEAST_REQUESTS,
        lambda s: f"{s['outcomes']['ok']} completions are too few for any percentile",
    ),
    _Check(
        SUSPECT,
        lambda s: _ended(s) > 0 and (s["error_share"] or 0) > s["run"]["max_error_share"] and s["outcomes"]["ok"] > 0,
        lambda s: f"{100 * s['error_share']:.1f} % of the requests failed",
    ),
    _Check(
        SUSPECT,
        lambda s: s["window"]["interrupted"] and not s["terminated"],
        lambda _: "the run was interrupted before its time",
    ),
    _Check(INVALID, lambda s: s["terminated"], lambda _: "the run was interrupted: it was terminated before its time"),
    _Check(SUSPECT, is_cut, cut_text),
    _Check(INVALID, lambda s: bool(dead_stages(s)), dead_text),
)
