"""Objectives, from hand-made records."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mixtral_contract.load.counts.attainment import MET, MISSED, UNDECIDED, count, report
from mixtral_contract.load.counts.counts import RunCounts
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.reading.record import Record
from mixtral_contract.load.results.summary import summarize
from mixtral_contract.load.settings.objectives import PRESETS, Term, parse_slo
from mixtral_contract.load.units.window import Window
from tests.load.results.test_summary import FACTS
from tests.load.settings.test_settings import settings
from tests.support.load_records import S, failed, record

FAST, SLOW = [(100.0, 1), (120.0, 1)], [(900.0, 1), (920.0, 1)]


def judged(text: str, *records: Record, dropped: int = 0) -> dict[str, Any]:
    """What became of these objectives in 10 s."""
    slo, counts = parse_slo(text), Counter[str]()
    for each in records:
        count(slo, each, counts)
    found = report(slo, counts, requests=len(records) + dropped, dropped=dropped, duration_s=10)
    assert found is not None
    return found


def test_text__is_read() -> None:
    """Figure, limit, percentile; units as durations have them."""
    assert parse_slo("ttft<2s@p99, tpot<200ms@p99.9") == (Term("ttft", 2000, 99), Term("tpot", 200, 99.9))
    assert parse_slo("") == ()


@pytest.mark.parametrize("limit", ["0.07s", "20m", "1234567.891ms", "99999999999999999s", "2s", "0.000001ms"])
@pytest.mark.parametrize("percent", ["50", "99.9", "99.999999"])
def test_term__is_read_as_it_is_written(limit: str, percent: str) -> None:
    """A report writes terms, and reads them again for its charts."""
    (term,) = parse_slo(f"e2e<{limit}@p{percent}")
    assert parse_slo(str(term)) == (term,)
    assert str(term).endswith(f"@p{percent}")


def test_preset__is_that_of_mlperf() -> None:
    """Two seconds to the first token and 200 ms for each further one."""
    assert parse_slo("mlperf-mixtral") == (Term("ttft", 2000, 99), Term("tpot", 200, 99))
    assert list(PRESETS) == ["mlperf-mixtral"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fast", "expected FIGURE<DURATION@pPERCENT, .* or one of mlperf-mixtral, got 'fast'"),
        ("ttft<2s", "expected FIGURE<DURATION@pPERCENT"),
        ("ttft<2x@p99", "expected a duration such as"),
        ("icl<2s@p99", "expected a limit on one of ttft, tpot, e2e, schedule_ttft, schedule_e2e, got 'icl'"),
        ("ttft<2s@p100", "a percentile between 0 and 100"),
        ("ttft<0s@p50", "a limit above 0"),
    ],
)
def test_nonsense__is_refused(text: str, said: str) -> None:
    """In one line."""
    with pytest.raises(argparse.ArgumentTypeError, match=said):
        parse_slo(text)


@pytest.mark.parametrize(
    ("fast", "slow", "verdict"),
    # the interval of 99 % for 1000 of 1000 begins at 99.34 %; for 990 of 1000 it holds 99 %; 900 of 1000 ends at 92.2 %
    [(1000, 0, MET), (990, 10, UNDECIDED), (900, 100, MISSED), (100, 0, UNDECIDED)],
)
def test_term__is_decided_when_its_interval_is(fast: int, slow: int, verdict: str) -> None:
    """Few requests decide nothing, however good they were."""
    found = judged("ttft<500ms@p99", *[record(FAST)] * fast, *[record(SLOW)] * slow)
    (term,) = found["terms"]
    assert (term["kept"], term["missed"]) == (fast, slow)
    assert (term["verdict"], found["verdict"]) == (verdict, verdict)


def test_failures__keep_nothing() -> None:
    """Nor do those that never ended, nor those that never left."""
    cut = record(FAST, outcome=Outcome.UNFINISHED)
    found = judged("ttft<500ms@p50", record(FAST), failed(Outcome.TIMEOUT), cut, dropped=2)
    assert (found["terms"][0]["kept"], found["terms"][0]["missed"]) == (1, 4)
    assert (found["good"], found["requests"], found["goodput_per_s"]) == (1, 5, 0.1)


def test_answer_of_one_token__is_not_judged_by_tpot() -> None:
    """Undetermined is neither kept nor missed, and no goodput: nobody knows."""
    found = judged("tpot<1ms@p50", record([(100.0, 1)]))
    assert (found["terms"][0]["kept"], found["terms"][0]["missed"], found["terms"][0]["share"]) == (0, 0, None)
    assert (found["good"], found["judged"], found["requests"]) == (0, 0, 1)
    assert found["goodput_per_s"] is None


def test_goodput__counts_what_any_limit_judged() -> None:
    """One token has no tpot, but a ttft: that alone decides; a dropped request is one that was not good."""
    found = judged("ttft<200ms@p50,tpot<1ms@p50", record([(100.0, 1)]), record([(300.0, 1)]), dropped=1)
    assert (found["good"], found["judged"], found["goodput_per_s"]) == (1, 3, 0.1)


def test_goodput__is_of_requests_that_keep_all() -> None:
    """Each of two limits is kept by two, both by one."""
    late_end = record([(100.0, 1), (800.0, 1)])
    late_start = record([(900.0, 1), (910.0, 1)])
    found = judged("ttft<500ms@p50,tpot<100ms@p50", record(FAST), late_end, late_start)
    assert [term["kept"] for term in found["terms"]] == [2, 2]
    assert found["good"] == 1
    low, high = found["goodput_interval_per_s"]
    assert low < found["goodput_per_s"] == 0.1 < high <= 0.3


@pytest.mark.parametrize(("slow", "failure"), [(0, None), (500, "missed ttft<500ms@p90")])
def test_missed_objective__fails_the_run(tmp_path: Path, slow: int, failure: str | None) -> None:
    """With the term that was missed; the requests of the warm-up are none of it."""
    counted = RunCounts(parse_slo("ttft<500ms@p90"))
    for each in [*[record(FAST, sent_ms=2000)] * 500, *[record(SLOW, sent_ms=2000)] * slow, *[record(SLOW)] * 900]:
        counted.add(each, Window(S, 11 * S))
    asked = settings(tmp_path, warmup=1.0, slo="ttft<500ms@p90")
    found = summarize(asked, FACTS, counted)
    assert found["slo"]["requests"] == 500 + slow
    assert (found["failure"], found["exit_code"]) == (failure, 0 if failure is None else 1)
