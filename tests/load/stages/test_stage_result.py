"""Stages: what several processes counted of one, and how the summary has it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from mixtral_contract.load.counts.counts import RunCounts
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.reading.record import Record
from mixtral_contract.load.report.html_report import render
from mixtral_contract.load.results.staged_summary import summarize_stages
from mixtral_contract.load.settings.objectives import parse_slo
from mixtral_contract.load.settings.stages import Stage, Staging
from mixtral_contract.load.settings.sweep import Sweep
from mixtral_contract.load.stages.plan import SweepPlan
from mixtral_contract.load.stages.stage_result import StageResult, entry
from mixtral_contract.load.units.window import Window
from mixtral_contract.load.workload.arrivals import CLOSED, Arrivals
from tests.load.results.test_summary import CONTENT, FACTS
from tests.load.settings.test_settings import settings
from tests.support.load_records import S, failed, record
from tests.support.summary_schema import checked

SLO = parse_slo("ttft<150ms@p90")
OPEN = Stage(3, Arrivals("poisson", rate_per_s=20.0), 0, 1.0, 10.0, ends_on_429=True)
CROWD = Stage(1, CLOSED, 8, 2.0, 5.0)


def part(
    *records: Record, start_s: float = 1.0, end_s: float = 11.0, in_flight: list[int] | None = None
) -> StageResult:
    """What a process counted that saw these requests."""
    tally = RunCounts(SLO)
    for each in records:
        tally.add(each, Window(round(start_s * S), round(end_s * S)))
    return StageResult(start_s, end_s, tally, in_flight or [])


def good(count: int, **changes: object) -> list[Record]:
    """Completions of the window whose first token came after 100 ms."""
    return [record(CONTENT, sent_ms=2000, end_ms=150, usage_tokens=3, **changes) for _ in range(count)]


@pytest.mark.parametrize("stage", [OPEN, CROWD])
def test_stage__survives_the_wire(stage: Stage) -> None:
    """Workers do just what the master decided."""
    assert Stage.from_wire(json.loads(json.dumps(stage.to_wire()))) == stage


def test_parts__add_up() -> None:
    """Counts, and requests under way sample by sample."""
    whole = part(*good(2), in_flight=[1, 2, 3])
    other = part(*good(3), failed(Outcome.RATE_LIMITED, 429, sent_ms=3000), start_s=1.5, in_flight=[10, 10])
    other.retry_after_s = 4.0
    whole.merge(StageResult.from_wire(json.loads(json.dumps(other.to_wire()))))
    assert whole.tally.outcomes == {"ok": 5, "rate_limited": 1}
    assert whole.in_flight == [11, 12]
    assert (whole.start_s, whole.end_s, whole.retry_after_s) == (1.0, 11.0, 4.0)
    assert whole.refused == 1
    assert whole.counts(SLO) == ((5, 1),)


def test_requests_that_were_not_sent__missed_every_objective() -> None:
    """Nobody was served by them."""
    counted = part(*good(4))
    counted.tally.drop(2 * S, Window(S, 11 * S))
    counted.tally.hold_back(2 * S, Window(S, 11 * S))
    counted.tally.hold_back(0, Window(S, 11 * S))
    assert counted.counts(SLO) == ((4, 2),)
    assert counted.requests == 6


@pytest.mark.parametrize(("answer_s", "known"), [(6.0, True), (6.1, False)])
def test_requests_that_outlast_the_warm_up__are_no_growth(answer_s: float, *, known: bool) -> None:
    """Until the first have ended they become more at any load; when that takes half of the window nothing is told."""
    seen = part(*[record(CONTENT, sent_ms=2000, end_ms=answer_s * 1000, usage_tokens=3) for _ in range(20)])
    seen.in_flight = [min(index, 50) for index in range(100)]
    assert seen.longest_s == pytest.approx(answer_s, rel=0.01)
    found = seen.trend(1.01)
    assert (found.is_known, found.grows) == (known, False)
    assert seen.trend(answer_s).grows


def test_entry__has_load_latency_and_throughput() -> None:
    """20 completions of 3 tokens in 10 s."""
    found = entry(OPEN, part(*good(20), in_flight=[3] * 100), SLO)
    assert (found["load"], found["rate_per_s"], found["users"]) == ("poisson:20", 20.0, None)
    assert (found["requests_per_s"], found["output_tokens_per_s"]) == (2.0, 6.0)
    assert found["ttft_p50_ms"] == pytest.approx(100, rel=0.01)
    assert found["in_flight"] == {
        "mean": 3.0,
        "slope_per_s": 0.0,
        "slope_interval_per_s": [0.0, 0.0],
        "grows": False,
    }
    assert found["slo"] == [{"term": "ttft<150ms@p90", "kept": 20, "missed": 0}]
    assert entry(CROWD, part(), SLO)["load"] == "8 users"


def test_timeouts_of_a_stage__leave_bounds(tmp_path: Path) -> None:
    """In its entry and in the table of stages."""
    slow = [failed(Outcome.TIMEOUT, sent_ms=2000, end_ms=3000) for _ in range(20)]
    stage = part(*good(180), *slow)
    found = summarize_stages(settings(tmp_path, sweep="rate:20"), FACTS, stage.tally, [(OPEN, stage)], None)
    assert found["stages"][0]["at_least"] == ["ttft_p95_ms", "e2e_p95_ms"]
    assert found["stages"][0]["e2e_p95_ms"] == pytest.approx(3000, rel=0.001)
    assert "<td>≥3000</td>" in render(found)
    checked(found)


def test_target_that_dies_in_a_sweep__fails_it(tmp_path: Path) -> None:
    """Though an earlier stage went well."""
    first = part(*good(20))
    dead = part(
        *(failed(Outcome.CONNECTION_ERROR, sent_ms=1000 * each) for each in range(12, 22)), start_s=12, end_s=22
    )
    stages = [(CROWD, first), (dataclasses.replace(CROWD, number=2), dead)]
    found = summarize_stages(settings(tmp_path, sweep="8,16"), FACTS, dead.tally, stages, None)
    checked(found)
    assert [stage["has_outage"] for stage in found["stages"]] == [False, True]
    assert found["validity"]["verdict"] == "INVALID"
    assert (found["exit_code"], found["failure"]) == (1, "nothing answered for long, or at all, in stage 2")


def test_summary__is_of_the_last_stage(tmp_path: Path) -> None:
    """All before is its warm-up: no request is counted twice, none is lost."""
    plan = SweepPlan(Staging(10.0, 1.0), Sweep((2.0, 4.0), is_open=False))
    done = []
    for seen in (part(*good(15)), part(*good(17), start_s=1.5, end_s=9.5)):
        assert plan.stage is not None
        done.append((plan.stage, seen))
        plan.take(seen)
    tally = done[0][1].tally.as_warmup()
    tally.merge(done[1][1].tally)
    found = summarize_stages(settings(tmp_path, slo="ttft<150ms@p90"), FACTS, tally, done, plan)
    assert (found["outcomes"]["ok"], found["warmup_outcomes"]["ok"]) == (17, 15)
    assert found["window"]["start_s"] == 1.5
    assert found["window"]["duration_s"] == 8.0
    assert found["run"]["users"] == 4
    assert [stage["users"] for stage in found["stages"]] == [2, 4]
    assert found["search"] is None
    assert found["exit_code"] == 0
    assert found["cost"]["completions"] == 32
    page = render(found)
    assert "Latency against load" in page
    assert page.count("against throughput</h3>") == 3


def test_sweep__fails_when_no_stage_had_a_completion(tmp_path: Path) -> None:
    """A missed objective at the highest load is what a sweep is for; nothing at all is not."""
    refused = part(failed(Outcome.HTTP_ERROR, 500, sent_ms=2000))
    stages = [(CROWD, part(*good(1))), (CROWD, refused)]
    assert summarize_stages(settings(tmp_path), FACTS, refused.tally, stages, None)["exit_code"] == 0
    found = summarize_stages(settings(tmp_path), FACTS, refused.tally, stages[1:], None)
    assert (found["exit_code"], found["failure"]) == (1, "no request succeeded")
