"""The summary of a run: what was asked, what was found, and what each figure means. Pure: counts in, a document out."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mixtral_contract.contract import clauses
from mixtral_contract.load.costs.cost import bill, overspent
from mixtral_contract.load.counts import attainment, bundling, lengths
from mixtral_contract.load.counts.backlog import backlog
from mixtral_contract.load.counts.counts import FIGURES, RunCounts
from mixtral_contract.load.counts.silence import longest_silence
from mixtral_contract.load.counts.users import users_in
from mixtral_contract.load.estimators.ddsketch import RELATIVE_ERROR
from mixtral_contract.load.estimators.percentiles import percentiles_of
from mixtral_contract.load.reading.outcome import OUTCOMES
from mixtral_contract.load.requests.encoder import fields
from mixtral_contract.load.requests.generator import ChatRequest
from mixtral_contract.load.results.calibration import Calibration
from mixtral_contract.load.results.definitions import DEFINITIONS
from mixtral_contract.load.results.estimate import estimate
from mixtral_contract.load.results.headline import headline
from mixtral_contract.load.results.notes import notes
from mixtral_contract.load.results.validity import INVALID, judge
from mixtral_contract.load.settings.digests import contract_digest
from mixtral_contract.load.settings.settings import Settings
from mixtral_contract.load.units.metrics import METRICS
from mixtral_contract.load.units.numbers import rounded

FORMAT = "load-summary/1"
_MOST_BINS = 120


@dataclass(frozen=True, slots=True)
class Facts:
    """What Locust knows of a run.

    Seconds count from the run's start; `run_time_s` None is a run without a limit, `all_users_s` None one that ended
    before its last user was there. `load_since_s` is when the load began that is measured. `lost_*` is what workers did
    and never reported. `shape` is what changes the number of users, `other_users` are classes of users that are not the
    instrument's.
    """

    run_id: str
    started_at: dt.datetime
    users: int
    spawn_rate_per_s: float
    run_time_s: float | None
    workers: int
    end_s: float
    all_users_s: float | None
    interrupted: bool = False
    terminated: bool = False
    gave_up: bool = False
    load_since_s: float = 0.0
    shape: str | None = None
    other_users: tuple[str, ...] = ()
    lost_workers: tuple[str, ...] = ()
    lost_requests: int = 0
    calibration: Calibration | None = None
    prompts: dict[str, Any] | None = None
    """What `own_lengths` found in the user's own prompts; None for a run that makes them."""


def summarize(settings: Settings, facts: Facts, tally: RunCounts) -> dict[str, Any]:
    """The document that summary.json holds; None is "no value"."""
    if tally.measured_s:
        # the clock of a reporter starts before those by which requests are counted: no rate mixes them
        facts = dataclasses.replace(facts, end_s=settings.warmup_s + tally.measured_s)
    duration_s = max(0.0, facts.end_s - settings.warmup_s)
    ok = tally.outcomes["ok"]
    failed = sum(tally.failures.values())
    summary: dict[str, Any] = {
        "format": FORMAT,
        "run": _run(settings, facts),
        "window": {
            "start_s": settings.warmup_s,
            "end_s": rounded(facts.end_s),
            "duration_s": rounded(duration_s),
            "interrupted": facts.interrupted,
        },
        "gave_up": facts.gave_up,
        "terminated": facts.terminated,
        "requests_written": not tally.counts["log_failed"],
        "users": _users(settings, facts, tally),
        "outcomes": {name: tally.outcomes[name] for name in OUTCOMES},
        "warmup_outcomes": {name: tally.warmup_outcomes[name] for name in OUTCOMES},
        "errors": [
            {"outcome": outcome, "status": status, "count": count, "example": tally.examples[outcome, status]}
            for (outcome, status), count in tally.failures.most_common()
        ],
        "silence": _silence(tally, settings.warmup_s, facts.end_s),
        "time_in_vain_share": None if settings.arrivals.is_open else _share_in_vain(tally),
        "error_share": failed / (ok + failed) if ok + failed else None,
        "lost": {
            "workers": len(facts.lost_workers),
            "names": list(facts.lost_workers),
            "requests": facts.lost_requests,
        },
        "instrument": _instrument(tally, facts, duration_s),
        "in_flight": {
            **_thirds(tally.timeline.in_flight(), settings.warmup_s, facts.end_s),
            **_backlog(settings, tally, facts),
        },
        **{name: percentiles_of(tally.figures[name], tally.censored.get(name)) for name in FIGURES},
        "output_tokens_per_s": _rate(tally.counts["window_tokens"], duration_s),
        "requests_per_s": _rate(tally.counts["window_ok"], duration_s),
        "output_tokens": tally.counts["output_tokens"],
        "prompt_tokens": tally.counts["prompt_tokens"],
        "tokens_are": _tokens_are(tally.counts),
        "lengths": lengths.report(tally.counts),
        "content_events": tally.counts["content_events"],
        "content_recvs": tally.counts["content_recvs"],
        "bundling": bundling.report(tally.counts),
        "sent_again": tally.counts["sent_again"],
        "dropped": tally.counts["dropped"],
        "held_back": tally.counts["held_back"],
        "rate_limit": _rate_limit(tally),
        "cost": {
            "estimate": dataclasses.asdict(estimate(settings, facts.run_time_s)),
            **bill(settings.cost, tally.counts, tally.credits_left),
        },
        "offered_per_s": _rate(_offered(tally), duration_s) if settings.arrivals.is_open else None,
        "finish_reasons": dict(tally.finish_reasons),
        "stages": [],
        "stages_asked": None,
        "search": None,
        "contract": _contract(tally),
    }
    unsent = tally.counts["dropped"] + tally.counts["held_back"]
    summary["slo"] = attainment.report(
        settings.slo, tally.counts, requests=_offered(tally), dropped=unsent, duration_s=duration_s
    )
    summary["validity"] = judge(summary)
    summary["failure"] = failure(summary)
    summary["exit_code"] = 0 if summary["failure"] is None else 1
    summary["headline"] = headline(summary)
    summary["notes"] = notes(summary)
    summary["definitions"] = dict(DEFINITIONS)
    summary["also_called"] = {metric.key: metric.other_names for metric in METRICS if metric.also_called is not None}
    summary["outcome_definitions"] = {str(outcome): text for outcome, text in OUTCOMES.items()}
    summary["timeline"] = tally.timeline.series(bin_s=max(1, -(-int(facts.end_s) // _MOST_BINS)))
    summary["ttft_by_prompt_tokens"] = {
        "of": tally.ttft_by_prompt.count,
        "points": [[x, rounded(y)] for x, y in tally.ttft_by_prompt.points()],
    }
    summary["distributions"] = {
        "relative_error": RELATIVE_ERROR,
        **{name: tally.figures[name].to_wire() for name in FIGURES},
    }
    return summary


def failure(summary: Mapping[str, Any]) -> str | None:
    """Why the run as a whole failed; None when it did not."""
    most = summary["run"]["max_error_share"]
    if not summary["outcomes"]["ok"]:
        return "no request succeeded"
    if summary["error_share"] > most:
        return f"more than {100 * most:g} % of the requests failed"
    if summary["validity"]["verdict"] == INVALID:
        return str(summary["validity"]["reasons"][0]["text"])
    if summary["slo"] is not None and summary["slo"]["verdict"] == attainment.MISSED:
        missed = (term["term"] for term in summary["slo"]["terms"] if term["verdict"] == attainment.MISSED)
        return f"missed {' and '.join(missed)}"
    if summary["lost"]["workers"] or summary["lost"]["requests"]:
        return "not all that was measured arrived"
    return "cost more than its budget" if overspent(summary["cost"]) is not None else cut_short(summary)


def cut_short(summary: Mapping[str, Any]) -> str | None:
    """What kept the run, or its files, from being whole; without a run time, Ctrl-C is how it ends."""
    if summary["terminated"] or (summary["window"]["interrupted"] and summary["run"]["run_time_s"] is not None):
        return "interrupted before its time"
    return None if summary["requests_written"] else "requests.jsonl could not be written"


def _contract(tally: RunCounts) -> dict[str, Any]:
    """Which clauses answers with status 200 broke, the most broken first."""
    known = clauses.load() if tally.broken else {}
    return {
        "answers_judged": tally.counts["answers_judged"],
        "answers_broken": tally.counts["answers_broken"],
        "broken": [
            {"clause": name, "level": known[name].level, "statement": known[name].statement, "count": count}
            for name, count in tally.broken.most_common()
        ],
    }


def _instrument(tally: RunCounts, facts: Facts, duration_s: float) -> dict[str, Any]:
    """What the instrument used, how much it had to read in each process, and how far off it is then."""
    events_per_s = tally.counts["content_events"] / duration_s / max(1, facts.workers) if duration_s else 0.0
    calibration = None if facts.calibration is None else facts.calibration.report(events_per_s)
    return {
        "workers": [_use(worker, *tally.use[worker]) for worker in sorted(tally.use, key=int)],
        "events_per_s": rounded(events_per_s),
        "calibration": calibration,
    }


def _use(worker: str, cpu_s: float, wall_s: float) -> dict[str, Any]:
    return {"worker": int(worker), "cpu_s": rounded(cpu_s), "cpu_share": rounded(cpu_s / wall_s) if wall_s else 0.0}


def _thirds(in_flight: list[int], start_s: float, end_s: float) -> dict[str, float | None]:
    """The mean number of requests under way in the first and in the last third of the window, and the most of all."""
    inside = in_flight[math.ceil(start_s) : int(end_s)]
    third = len(inside) // 3
    return {
        "first_third": rounded(sum(inside[:third]) / third) if third else None,
        "last_third": rounded(sum(inside[-third:]) / third) if third else None,
        "most": max(inside, default=None),
    }


def _users(settings: Settings, facts: Facts, tally: RunCounts) -> dict[str, Any] | None:
    """The users that ran, not those that were asked for; None in an open loop, and where none were counted."""
    found = users_in(tally.users, settings.warmup_s, facts.end_s, facts.all_users_s)
    if settings.arrivals.is_open or found is None:
        return None
    return {**dataclasses.asdict(found), "shape": facts.shape, "others": list(facts.other_users)}


def _silence(tally: RunCounts, start_s: float, end_s: float) -> dict[str, Any] | None:
    """The longest stretch without an answer, beside what an answer took in the median."""
    found = longest_silence(tally.timeline, start_s, end_s)
    if found is None:
        return None
    return {
        "from_s": rounded(found.from_s),
        "to_s": rounded(found.to_s),
        "lasts": found.lasts,
        "median_answer_s": rounded((tally.figures["e2e_ms"].percentile(50) or 0.0) / 1000),
    }


def _share_in_vain(tally: RunCounts) -> float | None:
    waited_ns = tally.counts["waited_ns"]
    return rounded(tally.counts["waited_in_vain_ns"] / waited_ns) if waited_ns else None


def _backlog(settings: Settings, tally: RunCounts, facts: Facts) -> dict[str, Any]:
    """What was under way at the window's ends, and whether it grew."""
    found = backlog(
        tally.timeline.in_flight(),
        settings.warmup_s,
        facts.end_s,
        load_since_s=facts.load_since_s,
        longest_s=(tally.figures["e2e_ms"].percentile(95) or 0.0) / 1000,
        offered_per_s=_rate(_offered(tally), max(0.0, facts.end_s - settings.warmup_s)) or 0.0,
    )
    return {"at_start": found.at_start, "at_end": found.at_end, "grows": found.grows}


def _offered(tally: RunCounts) -> int:
    """How many requests the schedule wanted in the window."""
    return tally.outcomes.total() + tally.counts["dropped"] + tally.counts["held_back"]


def _rate_limit(tally: RunCounts) -> dict[str, Any] | None:
    """When the target first said 429, and how many requests per second it had been sent until then."""
    found = tally.timeline.until_refused()
    if found is None:
        return None
    first_s, begun, seconds = found
    return {"first_s": first_s, "requests_per_s": rounded(begun / seconds), "over_s": seconds}


def _run(settings: Settings, facts: Facts) -> dict[str, Any]:
    sent = fields(settings, ChatRequest((), settings.output_tokens.most or 0))
    return {
        "id": facts.run_id,
        "label": settings.label,
        "started_at": facts.started_at.isoformat(timespec="seconds"),
        "dialect": settings.operation.dialect,
        "contract": contract_digest(settings.operation),
        "workload": settings.workload,
        "target": settings.target.url,
        "path": settings.path,
        "request": settings.changes.document(),
        "model": sent.get("model"),
        "streamed": settings.operation.streams,
        "arrivals": str(settings.arrivals),
        "users": None if settings.arrivals.is_open else facts.users,
        "spawn_rate_users_per_s": None if settings.arrivals.is_open else facts.spawn_rate_per_s,
        "all_users_s": rounded(facts.all_users_s),
        "workers": facts.workers,
        "run_time_s": facts.run_time_s,
        "warmup_s": settings.warmup_s,
        "timeout_s": settings.timeout_s,
        "prompt_tokens": str(settings.prompt_tokens),
        "max_tokens": str(settings.output_tokens) if settings.limits_answers else None,
        "prefix_share": settings.prefix_share,
        "images": settings.images,
        "turns": settings.turns,
        "think_s": settings.think_s,
        "seed": settings.seed,
        "max_error_share": settings.max_error_share,
        "prompts": facts.prompts,
    }


def _rate(count: int, duration_s: float) -> float | None:
    return rounded(count / duration_s) if duration_s else None


def _tokens_are(counts: Mapping[str, int]) -> str | None:
    sources = {"usage": "usage", "events": "estimate", "text": "text"}
    found = [name for source, name in sources.items() if counts[f"tokens_from_{source}"]]
    return "mixed" if len(found) > 1 else found[0] if found else None
