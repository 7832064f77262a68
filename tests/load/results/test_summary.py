"""The summary, its headline, its notes and its verdict, from hand-made records."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from mixtral_contract.load.counts.counts import RunCounts
from mixtral_contract.load.reading.outcome import OUTCOMES, Outcome
from mixtral_contract.load.reading.record import Record
from mixtral_contract.load.report.files import table
from mixtral_contract.load.report.html_report import render
from mixtral_contract.load.results.definitions import DEFINITIONS
from mixtral_contract.load.results.summary import Facts, summarize
from mixtral_contract.load.units.numbers import number
from mixtral_contract.load.units.window import Window
from tests.load.settings.test_settings import settings
from tests.support.load_records import S, failed, record, tally
from tests.support.summary_schema import checked

FACTS = Facts(
    run_id="r1",
    started_at=dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC),
    users=2,
    spawn_rate_per_s=2.0,
    run_time_s=11,
    workers=1,
    end_s=11.0,
    all_users_s=0.5,
)
FEW = "100 ms on average (too few for a median: 3)"
CONTENT = [(100.0, 1), (120.0, 1), (140.0, 1)]


def summary(folder: Path, *records: Record, dialect: str = "nvidia", **facts: Any) -> dict[str, Any]:
    """The summary of 10 s after 1 s of warm-up with these requests; it keeps the published schema."""
    counted = tally(*records, window=Window(S, 11 * S))
    asked = settings(folder, dialect=dialect, warmup=1.0)
    found = summarize(asked, dataclasses.replace(FACTS, **facts), counted)
    checked(found)
    return found


def completions(count: int, **changes: Any) -> list[Record]:
    """Completions with 3 tokens each, sent in the window."""
    return [record(CONTENT, sent_ms=2000, end_ms=150, usage_tokens=3, **changes) for _ in range(count)]


def test_figures__of_hand_made_records(tmp_path: Path) -> None:
    """20 completions of 3 tokens in 10 s, first content after 100 ms, then 20 ms each; one failed beside them."""
    found = summary(tmp_path, *completions(20), failed(Outcome.RATE_LIMITED, 429, sent_ms=3000, detail="slow down"))
    assert found["ttft_ms"]["p50"] == pytest.approx(100, rel=0.001)
    assert found["icl_ms"]["n"] == 40
    assert found["tpot_ms"]["mean"] == 20
    assert found["e2e_ms"]["max"] == 150
    assert found["stream_tokens_per_s"]["mean"] == 50
    assert found["output_tokens_per_s"] == 6
    assert found["requests_per_s"] == 2
    assert found["error_share"] == pytest.approx(1 / 21)
    assert found["outcomes"]["ok"] == 20
    assert found["errors"] == [{"outcome": "rate_limited", "status": 429, "count": 1, "example": "slow down"}]
    assert found["tokens_are"] == "usage"
    assert found["window"]["duration_s"] == 10


def test_rates__are_by_the_clock_of_those_who_counted(tmp_path: Path) -> None:
    """Two workers that started half a second after the master, and one of them a little later still."""
    counted, other = tally(*completions(20), window=Window(S, 11 * S)), RunCounts()
    counted.measured_s, other.measured_s = 8.0, 7.9
    other.merge(RunCounts.from_wire(json.loads(json.dumps(counted.to_wire()))))
    found = summarize(settings(tmp_path, warmup=1.0), FACTS, other)
    assert found["requests_per_s"] == 2.5
    assert found["window"] == {"start_s": 1.0, "end_s": 9.0, "duration_s": 8.0, "interrupted": False}


def test_summary__is_json_and_defines_what_it_says(tmp_path: Path) -> None:
    """Each figure and each outcome comes with its meaning; no number is NaN."""
    found = summary(tmp_path, *completions(1))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert {name for name in found if name.endswith(("_ms", "_per_s", "share"))} <= DEFINITIONS.keys()
    assert set(found["outcome_definitions"]) == set(map(str, OUTCOMES))


def test_empty_run__has_no_values(tmp_path: Path) -> None:
    """None where nothing was measured, and a failed run."""
    found = summary(tmp_path)
    assert found["ttft_ms"]["p50"] is found["error_share"] is found["tokens_are"] is None
    assert found["output_tokens_per_s"] == 0
    assert (found["exit_code"], found["failure"]) == (1, "no request succeeded")
    assert summary(tmp_path, end_s=0.5)["output_tokens_per_s"] is None


@pytest.mark.parametrize(
    ("ok", "refused", "facts", "failure"),
    [
        (99, 1, {}, None),
        (98, 2, {}, "more than 1 % of the requests failed"),
        (0, 1, {}, "no request succeeded"),
        (9, 0, {"lost_workers": ("w1",)}, "not all that was measured arrived"),
        (9, 0, {"lost_requests": 1}, "not all that was measured arrived"),
    ],
)
def test_run__fails(tmp_path: Path, ok: int, refused: int, facts: dict[str, Any], failure: str | None) -> None:
    """Without completions, with too many failures, or with a part missing."""
    refusals = [failed(Outcome.RATE_LIMITED, 429, sent_ms=2000) for _ in range(refused)]
    found = summary(tmp_path, *completions(ok), *refusals, **facts)
    assert found["failure"] == failure
    assert found["exit_code"] == (0 if failure is None else 1)


@pytest.mark.parametrize(
    ("records", "dialect", "found", "failures"),
    [
        (
            completions(200),
            "nvidia",
            "the first token came after 100 ms in the median (100 ms at p95), then 50 tokens/s in each stream, 60",
            "None of 200 requests failed.",
        ),
        (
            [*completions(3), failed(Outcome.TIMEOUT, sent_ms=2000)],
            "nvidia",
            f"the first token came after {FEW}, then 50 tokens/s in each stream, 0.9",
            "1 of 4 requests failed (25.0 %).",
        ),
        (
            [*completions(3), *(record(CONTENT[:1], sent_ms=2000, usage_tokens=1) for _ in range(17))],
            "nvidia",
            "the first token came after 100 ms in the median of 20, then 50 tokens/s in 3 of 20 streams, 2.6",
            "None of 20 requests failed.",
        ),
        (
            completions(3, streamed=False),
            "segmind",
            "a whole answer came after 150 ms on average (too few for a median: 3), 0.9",
            "None of 3 requests failed.",
        ),
    ],
)
def test_headline__says_what_was_found(
    tmp_path: Path, records: list[Record], dialect: str, found: str, failures: str
) -> None:
    """Two sentences, with no more than the samples allow."""
    expected = f"2 users at once: {found} output tokens/s in total. {failures}"
    assert summary(tmp_path, *records, dialect=dialect)["headline"] == expected


@pytest.mark.parametrize(
    ("usage_tokens", "said"),
    [((3, 3), "usage"), ((None, None), "estimate"), ((3, None), "mixed"), ((), None)],
)
def test_tokens__are_labelled(tmp_path: Path, usage_tokens: tuple[int | None, ...], said: str | None) -> None:
    """An estimate is never taken for a count."""
    records = [record(CONTENT, sent_ms=2000, usage_tokens=count) for count in usage_tokens]
    assert summary(tmp_path, *records)["tokens_are"] == said


@pytest.mark.parametrize(
    ("records", "text"),
    [
        ([failed(Outcome.CONNECTION_ERROR, sent_ms=2000)] * 2, "No request succeeded: 2 connection_error."),
        ([], "No request was sent and ended in the measured part of the run."),
    ],
)
def test_headline__says_that_nothing_was_found(tmp_path: Path, records: list[Record], text: str) -> None:
    """A run without figures has no figure in its headline."""
    assert summary(tmp_path, *records)["headline"] == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.1234, "0.123"), (4.5678, "4.57"), (99.96, "100"), (123.6, "124"), (123456, "123456")],
)
def test_number__has_three_digits(value: float, text: str) -> None:
    """More would promise more than was measured."""
    assert number(value) == text


def test_broken_clauses__are_counted_with_their_statement(tmp_path: Path) -> None:
    """Of the requests of the window, also when they come from several workers, and shown where results are."""
    counted = [
        tally(*completions(2, broken=("STR-05", "STR-16")), *completions(1, broken=("STR-05",)), window=Window(S)),
        tally(*completions(3), window=Window(S)),
    ]
    merged = RunCounts.from_wire(counted[0].to_wire())
    merged.merge(RunCounts.from_wire(counted[1].to_wire()))
    found = summarize(settings(tmp_path), FACTS, merged)
    contract = found["contract"]
    assert (contract["answers_judged"], contract["answers_broken"]) == (6, 3)
    assert [(each["clause"], each["level"], each["count"]) for each in contract["broken"]] == [
        ("STR-05", "must", 3),
        ("STR-16", "should", 2),
    ]
    assert "200, but broke: STR-05 3x, STR-16 2x (3 of 6 answers" in table(found, tmp_path)
    assert contract["broken"][0]["statement"] in render(found)


def test_notes__are_silent_about_a_clean_run(tmp_path: Path) -> None:
    """A warm-up, a stream with usage, all users there, nothing lost: only the instrument's error is not known."""
    (note,) = summary(tmp_path, *completions(20))["notes"]
    assert "python -m load calibrate" in note


@pytest.mark.parametrize(
    ("records", "facts", "dialect", "said"),
    [
        ([], {"all_users_s": 4.5}, "nvidia", "all there only after 4.5 s"),
        ([], {"all_users_s": None}, "nvidia", "never all there"),
        ([record(sent_ms=2000, outcome=Outcome.UNFINISHED)], {}, "nvidia", "1 requests were still running"),
        ([record(CONTENT, sent_ms=2000, sent_again=True)], {}, "nvidia", "1 requests were sent a second time"),
        ([], {}, "segmind", "documents no stream"),
        ([], {}, "segmind", "documents no max_tokens"),
        ([record(CONTENT, sent_ms=2000)], {}, "nvidia", "tokens are estimated"),
        ([record([(100.0, 9)], sent_ms=2000, usage_tokens=9)], {}, "nvidia", "9.0 events came per recv"),
    ],
)
def test_notes__say_what_to_know_first(
    tmp_path: Path, records: list[Record], facts: dict[str, Any], dialect: str, said: str
) -> None:
    """Whatever makes the figures less than they seem is said beside them."""
    assert any(said in note for note in summary(tmp_path, *records, dialect=dialect, **facts)["notes"])


def test_run_without_warmup__says_so(tmp_path: Path) -> None:
    """Cold caches are in its figures."""
    found = summarize(settings(tmp_path), FACTS, tally(*completions(1)))
    assert any("no warm-up" in note for note in found["notes"])


def test_long_run__has_wider_bins(tmp_path: Path) -> None:
    """At most 120 bins before the end of the window, however long a run is."""
    assert summary(tmp_path, end_s=119.0)["timeline"]["bin_s"] == 1
    assert summary(tmp_path, end_s=3600.0)["timeline"]["bin_s"] == 30
