"""Plans: the stages of a sweep, the stages of a search, and the options behind them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mixtral_contract.load.counts.counts import RunCounts
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.report.html_report import render
from mixtral_contract.load.results.staged_summary import summarize_stages
from mixtral_contract.load.settings.objectives import Slo, parse_slo
from mixtral_contract.load.settings.settings import UsageError
from mixtral_contract.load.settings.stages import Goal, Stage, Staging
from mixtral_contract.load.settings.sweep import Sweep
from mixtral_contract.load.stages.plan import Plan, SearchPlan, plan_for
from mixtral_contract.load.stages.stage_result import StageResult
from mixtral_contract.load.units.window import Window
from tests.load.results.test_summary import CONTENT, FACTS
from tests.load.settings.test_settings import settings
from tests.support.load_records import S, failed, record

SLO = parse_slo("ttft<150ms@p90")
GOAL = Goal((0.9,), 10.0, 4.0, 1000.0, 0.2)


def served(stage: Stage, capacity_per_s: float) -> StageResult:
    """A stage on a target that is fast up to its capacity, and fails beyond."""
    count = round((stage.arrivals.rate_per_s or 0) * stage.window_s)
    tally = RunCounts(SLO)
    fits = (stage.arrivals.rate_per_s or 0) <= capacity_per_s
    for _ in range(count):
        each = (
            record(CONTENT, sent_ms=2000, usage_tokens=3, due_ns=2 * S)
            if fits
            else failed(Outcome.TIMEOUT, sent_ms=2000, due_ns=2 * S)
        )
        tally.add(each, Window(S, 11 * S))
    return StageResult(1.0, 1.0 + stage.window_s, tally, [5] * 100)


def led(plan: Plan, capacity_per_s: float) -> tuple[list[tuple[Stage, StageResult]], list[str]]:
    """All stages of a plan, and the lines that it said."""
    stages, lines = [], []
    while (stage := plan.stage) is not None:
        part = served(stage, capacity_per_s)
        stages.append((stage, part))
        lines.append(plan.take(part))
    return stages, lines


def test_search__reports_its_probes(tmp_path: Path) -> None:
    """Rate, time, attainment, slope and verdict of each; and what was found, with its interval."""
    plan = SearchPlan(Staging(10.0, None, goal=GOAL), GOAL, SLO)
    stages, lines = led(plan, 25.0)
    report = plan.report()
    assert report["status"] == "found"
    assert report["rate_per_s"] <= 25.0 < report["interval_per_s"][1] <= report["rate_per_s"] * 1.21
    assert [number for probe in report["probes"] for number in probe["stages"]] == list(range(1, len(stages) + 1))
    first = report["probes"][0]
    assert (first["rate_per_s"], first["verdict"]) == (4.0, "passed")
    assert first["attainment"][0]["kept"] == first["attainment"][0]["n"] > 60
    assert first["in_flight_slope_per_s"] == 0.0
    assert report["probes"][-1]["confirms"]
    assert lines[0].startswith("probe 1: 4 requests/s for 18.9 s: ")
    assert "passed; ttft<150ms@p90 kept by" in lines[0]
    assert lines[-1].startswith(f"confirming {len(report['probes'])}: ")
    found = summarize_stages(settings(tmp_path, slo="ttft<150ms@p90"), FACTS, stages[-1][1].tally, stages, plan)
    assert found["headline"].startswith("The highest rate is ")
    assert found["exit_code"] == 0
    page = render(found)
    assert 'class="dot good"' in page
    assert 'class="cross bad"' in page


def test_search_without_a_result__fails_the_run(tmp_path: Path) -> None:
    """The exit code says so, and the reason is the search's sentence."""
    plan = SearchPlan(Staging(10.0, None, goal=GOAL), GOAL, SLO)
    stages, _ = led(plan, 0.0)
    found = summarize_stages(settings(tmp_path), FACTS, stages[-1][1].tally, stages, plan)
    assert found["search"]["status"] == "below"
    assert found["exit_code"] == 1
    assert found["failure"] == (
        "The highest rate is below 0.0625 requests/s, the least that was tried: the objectives were missed"
    )


def test_stopped_search__says_what_it_knows() -> None:
    """It is not called a result."""
    plan = SearchPlan(Staging(10.0, None, goal=GOAL), GOAL, SLO)
    plan.stop()
    assert plan.stage is None
    assert plan.report()["status"] == "stopped"
    assert plan.report()["text"] == "The search was ended before it had found a rate, below 1000 requests/s."


def test_search__ends_a_stage_on_429_and_a_sweep_does_not() -> None:
    """A refused probe has failed already; a sweep shows what a refused load looks like."""
    search = SearchPlan(Staging(10.0, None, goal=GOAL), GOAL, SLO).stage
    sweep = plan_for(Staging(10.0, None, sweep=Sweep((1.0,), is_open=True)), ()).stage
    assert search is not None
    assert sweep is not None
    assert (search.ends_on_429, sweep.ends_on_429) == (True, False)


@pytest.mark.parametrize(("asked_s", "window_s", "warmup_s"), [(None, 10.0, 2.0), (None, 60.0, 5.0), (3.0, 10.0, 3.0)])
def test_stage__has_a_warmup_of_its_own(asked_s: float | None, window_s: float, warmup_s: float) -> None:
    """A fifth of it, at most 5 s, unless something else was asked for."""
    stage = plan_for(Staging(window_s, asked_s, sweep=Sweep((1.0,), is_open=False)), ()).stage
    assert stage is not None
    assert stage.warmup_s == warmup_s


def slow(slo: Slo) -> StageResult:
    """100 answers of 8 s each, in a window of 10 s."""
    tally = RunCounts(slo)
    for _ in range(100):
        tally.add(record(CONTENT, sent_ms=2000, end_ms=8000, usage_tokens=3, due_ns=2 * S), Window(S, 11 * S))
    return StageResult(1.0, 11.0, tally, [5] * 200)


@pytest.mark.parametrize(("asked_s", "warmup_s"), [(None, 8.0), (3.0, 3.0)])
def test_warmup__waits_for_as_long_as_requests_take(asked_s: float | None, warmup_s: float) -> None:
    """In a sweep as in a search, but for another wish."""
    search = SearchPlan(Staging(10.0, asked_s, goal=GOAL), GOAL, SLO)
    sweep = plan_for(Staging(10.0, asked_s, sweep=Sweep((1.0, 2.0), is_open=True)), SLO)
    for plan in (search, sweep):
        plan.take(slow(SLO))
        assert plan.stage is not None
        assert plan.stage.warmup_s == pytest.approx(warmup_s, rel=0.01)


def test_warmup__does_not_wait_for_what_an_overloaded_target_took() -> None:
    """At the next lower rate requests may take a fraction of that."""
    slo = parse_slo("e2e<1s@p90")
    search = SearchPlan(Staging(10.0, None, goal=GOAL), GOAL, slo)
    search.take(slow(slo))
    assert search.stage is not None
    assert search.stage.warmup_s == 5


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"find": "max-rate"}, "--find: expected objectives in --slo"),
        ({"find": "fastest", "slo": "ttft<1s@p90"}, "--find: expected max-rate, got 'fastest'"),
        ({"find": "max-rate", "sweep": "1..4", "slo": "ttft<1s@p90"}, "--sweep: expected none with --find"),
        (
            {"find": "max-rate", "slo": "ttft<1s@p90", "arrivals": "poisson:3"},
            "--arrivals: expected one of closed, constant, poisson with --find, got 'poisson:3'",
        ),
        (
            {"find": "max-rate", "slo": "ttft<1s@p90", "find_from": 2000.0},
            "--find-from: expected at most --find-to 1000",
        ),
        ({"find": "max-rate", "slo": "ttft<1s@p90", "find_width": 0.0}, "--find-width: expected more than 0"),
        ({"sweep": "4..1"}, "--sweep: expected loads in rising order"),
        ({"sweep": "1..4", "arrivals": "constant"}, "--arrivals: expected one of closed with --sweep"),
        ({"sweep": "1..4", "stage": 0.1}, "--stage: expected at least 1 s"),
    ],
)
def test_staging_options__that_make_no_sense_are_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    """In one line that says what would."""
    with pytest.raises(UsageError) as refusal:
        settings(tmp_path, **changes)
    assert str(refusal.value).startswith(said)


def test_search__is_open_and_poisson_unless_asked_otherwise(tmp_path: Path) -> None:
    """The rate is the search's own."""
    found = settings(tmp_path, find="max-rate", slo="ttft<1s@p99").staging
    assert found is not None
    assert found.goal == Goal((0.99,), 10.0, 24.0, 1000.0, 0.05)
    assert found.kind == "poisson"
    constant = settings(tmp_path, find="max-rate", slo="ttft<1s@p99", arrivals="constant").staging
    assert constant is not None
    assert constant.kind == "constant"
