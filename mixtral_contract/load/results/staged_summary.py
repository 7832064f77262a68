"""The summary of a run that went through stages: what the last one showed, and all of them side by side.

The figures at the top are those of the last stage, and all that came before counts as its warm-up: so they mean what
they mean in any other run, and can be compared with those. After a search that is the confirmation of what it found.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from mixtral_contract.load.counts.counts import RunCounts
from mixtral_contract.load.results.notes import notes
from mixtral_contract.load.results.summary import Facts, cut_short, summarize
from mixtral_contract.load.results.validity import cut_text, dead_stages, dead_text, is_cut, judge
from mixtral_contract.load.settings.settings import Settings
from mixtral_contract.load.settings.stages import Stage
from mixtral_contract.load.stages import rate_search
from mixtral_contract.load.stages.plan import Plan
from mixtral_contract.load.stages.stage_result import StageResult, entry


def summarize_stages(
    settings: Settings, facts: Facts, tally: RunCounts, stages: Sequence[tuple[Stage, StageResult]], plan: Plan | None
) -> dict[str, Any]:
    """The document that summary.json holds; the tally is that of the last stage."""
    last, part = stages[-1]
    of_last = dataclasses.replace(settings, arrivals=last.arrivals, warmup_s=part.start_s)
    at_last = dataclasses.replace(
        facts,
        users=last.users or facts.users,
        spawn_rate_per_s=float(last.users or 1),
        end_s=part.end_s,
        all_users_s=0.0,
        load_since_s=part.start_s - last.warmup_s,
    )
    summary = summarize(of_last, at_last, tally)
    summary["stages"] = [entry(stage, part, settings.slo) for stage, part in stages]
    summary["stages_asked"] = _asked(settings)
    summary["search"] = None if plan is None else plan.report()
    summary["validity"] = judge(summary)
    summary["notes"] = notes(summary)
    summary["failure"] = _failure(summary)
    summary["exit_code"] = 0 if summary["failure"] is None else 1
    summary["headline"] = " ".join([*_found(summary["search"]), f"{_last(summary)}: {summary['headline']}"])
    return summary


def _failure(summary: Mapping[str, Any]) -> str | None:
    """Why the run failed: a search by what it found, a sweep when it measured nothing."""
    search = summary["search"]
    if search is not None and search["status"] not in (rate_search.FOUND, rate_search.AT_LEAST):
        return str(search["text"]).rstrip(".")
    if summary["lost"]["workers"] or summary["lost"]["requests"]:
        return "not all that was measured arrived"
    if summary["cost"]["out_of_budget"]:
        return "the budget had no room for all stages"
    if summary["window"]["interrupted"]:
        return "interrupted before the last stage was done"
    if not any(stage["outcomes"].get("ok") for stage in summary["stages"]):
        return "no request succeeded"
    return _of_sweep(summary) or cut_short(summary)


def _of_sweep(summary: Mapping[str, Any]) -> str | None:
    if dead_stages(summary):
        return dead_text(summary)
    return cut_text(summary) if is_cut(summary) else None


def _found(search: Mapping[str, Any] | None) -> list[str]:
    return [] if search is None else [str(search["text"])]


def _asked(settings: Settings) -> int | None:
    """How many stages a sweep has; None for a search, which asks for as many as it needs."""
    sweep = None if settings.staging is None else settings.staging.sweep
    return None if sweep is None else len(sweep.loads)


def _last(summary: Mapping[str, Any]) -> str:
    stages = summary["stages"]
    return f"Stage {stages[-1]['number']} of {summary['stages_asked'] or len(stages)}"
