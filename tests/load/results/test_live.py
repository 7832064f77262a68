"""What a page shows of a run while it goes, from hand-made records."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from mixtral_contract.load.results.live import LiveState, idle, live, rows
from mixtral_contract.load.results.staged_summary import summarize_stages
from mixtral_contract.load.results.summary import summarize
from mixtral_contract.load.stages.plan import plan_for
from mixtral_contract.load.stages.stage_result import StageResult
from mixtral_contract.load.units.window import Window
from tests.load.results.test_summary import FACTS, completions
from tests.load.settings.test_settings import settings
from tests.support.load_records import S, record, tally

NOW = LiveState(state="running", now_s=6.0, counted_until_s=5.0, in_flight=3, is_sending=True, is_over=False)


def document(folder: Path, *records: Any, moment: LiveState = NOW, **options: Any) -> dict[str, Any]:
    """The document of a run that has these records; its window began after a second."""
    asked = settings(folder, warmup=1.0, **options)
    facts = dataclasses.replace(FACTS, end_s=moment.counted_until_s)
    return live(summarize(asked, facts, tally(*records)), asked, moment)


def test_live__rates_end_where_the_counts_do(tmp_path: Path) -> None:
    """20 completions in the 4 s that are counted, though 5 s of the window have passed."""
    found = document(tmp_path, *completions(20))
    assert found["achieved_per_s"] == 5
    assert (found["in_flight"], found["phase"], found["offered_per_s"]) == (3, "measuring", None)
    assert found["outcomes"]["ok"] == 20
    assert found["figures"]["ttft_ms"]["p50"] == pytest.approx(100, rel=0.001)


def test_live__judges_nothing_before_there_is_something(tmp_path: Path) -> None:
    """A run that has just begun is not invalid; one whose requests ended is judged."""
    assert document(tmp_path)["verdict"] is None
    found = document(tmp_path, *completions(3))
    assert found["verdict"] == "SUSPECT"
    assert "3 completions are too few" in found["reasons"][0]


@pytest.mark.parametrize(
    ("changes", "phase"),
    [
        ({"now_s": 0.5}, "warm-up"),
        ({"now_s": 1.5}, "measuring"),
        ({"is_sending": False}, "draining"),
        ({"is_sending": False, "is_over": True}, "over"),
    ],
)
def test_live__says_where_the_run_is(tmp_path: Path, changes: dict[str, Any], phase: str) -> None:
    """Before its window, in it, waiting for its last requests, over."""
    assert document(tmp_path, moment=dataclasses.replace(NOW, **changes))["phase"] == phase


def test_live__offers_what_the_schedule_wants(tmp_path: Path) -> None:
    """The rate of a schedule; of a trace, what was due in the window so far: 2 of 4 arrivals in 5 s."""
    assert document(tmp_path, arrivals="poisson:7.5")["offered_per_s"] == 7.5
    trace = tmp_path / "trace.jsonl"
    lines = (f'{{"timestamp": {time_ms}, "input_length": 5, "output_length": 5}}' for time_ms in (0, 2000, 5000, 9000))
    trace.write_text("\n".join(lines), encoding="utf-8")
    assert document(tmp_path, arrivals=f"trace:{trace}")["offered_per_s"] == 2 / 5
    early = dataclasses.replace(NOW, now_s=0.5)
    assert document(tmp_path, arrivals=f"trace:{trace}", moment=early)["offered_per_s"] is None


def test_idle__is_the_document_before_the_first_run() -> None:
    """Nothing but that there is none, and an empty table."""
    assert idle("ready") == {"state": "ready", "phase": "waiting", "run": None, "refusal": None}
    assert list(rows(idle("ready"))) == []


def test_rows__leave_out_what_has_no_value(tmp_path: Path) -> None:
    """3 completions have a mean and no median."""
    found = {row["figure"]: row for row in rows(document(tmp_path, *completions(3)))}
    assert found["verdict so far"]["p50"] == "SUSPECT"
    assert found["ttft_ms"]["mean"] == 100
    assert "p50" not in found["ttft_ms"]
    assert "offered_per_s" not in found
    assert "tpot_ms" not in {row["figure"] for row in rows(document(tmp_path, record(sent_ms=2 * S / 1e6)))}


def test_live__of_stages_is_the_last_that_has_ended(tmp_path: Path) -> None:
    """Before that there is no load to name; then it is that stage's, with all stages beside."""
    asked = settings(tmp_path, sweep="rate:2..4", slo="ttft<1s@p90")
    begun = live(summarize(asked, FACTS, tally()), asked, NOW)
    assert (begun["run"]["arrivals"], begun["offered_per_s"], begun["stages"]) == ("by stages", None, [])
    assert asked.staging is not None
    plan = plan_for(asked.staging, asked.slo)
    counted = tally(*completions(20, due_ns=2 * S), window=Window(S, 11 * S))
    part = StageResult(1.0, 11.0, counted)
    assert plan.stage is not None
    found = live(summarize_stages(asked, FACTS, counted, [(plan.stage, part)], plan), asked, NOW)
    assert (found["run"]["arrivals"], found["offered_per_s"]) == ("poisson:2", 2.0)
    assert [stage["load"] for stage in found["stages"]] == ["poisson:2"]
    assert found["figures"]["ttft_ms"]["n"] == 20
