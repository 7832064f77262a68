"""What a run counts, and that the counts of workers add up."""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgpack  # type: ignore[import-untyped]  # locust brings it
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.load.counts.counts import RunCounts
from mixtral_contract.load.estimators.percentiles import percentiles_of
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.reading.record import Record
from mixtral_contract.load.results.formatting import cell
from mixtral_contract.load.units.window import Window
from tests.support.load_records import MS, S, failed, record, tally

EVEN = [(100.0, 1), (120.0, 1), (140.0, 1)]

RECORDS = st.builds(
    record,
    st.lists(st.tuples(st.integers(1, 900), st.integers(1, 4)), max_size=5, unique_by=lambda each: each[0]).map(sorted),
    sent_ms=st.integers(0, 9000),
    end_ms=st.integers(900, 2000),
    usage_tokens=st.none() | st.integers(0, 50),
    outcome=st.sampled_from([Outcome.OK, Outcome.OK, Outcome.RATE_LIMITED, Outcome.UNFINISHED]),
    detail=st.none() | st.just("why"),
)


def test_warmup__is_kept_apart() -> None:
    """A request sent before the window is counted, and in no figure, however late it ends."""
    counted = tally(record(EVEN, sent_ms=900), record(EVEN, sent_ms=1000), window=Window(S))
    assert counted.warmup_outcomes == {"ok": 1}
    assert counted.outcomes == {"ok": 1}
    assert counted.figures["e2e_ms"].count == 1


def test_rates__count_what_happened_inside_the_window() -> None:
    """Numerator and denominator are of the same time: tokens by arrival, requests by end, whoever sent them."""
    window = Window(S, 2 * S)
    counted = tally(
        record([(50, 1), (150, 2), (250, 4)], sent_ms=900, end_ms=300),
        record([(50, 8), (150, 16)], sent_ms=1900, end_ms=200),
        window=window,
    )
    # of the first the token before 1000 ms is missing, of the second those after 2000 ms
    assert counted.counts["window_tokens"] == 2 + 4 + 8
    assert counted.counts["window_ok"] == 1
    assert counted.counts["output_tokens"] == 24


def test_failures__are_counted_by_kind_with_an_example() -> None:
    """However many texts a server invents, there is one row for each kind."""
    counted = tally(*(failed(Outcome.HTTP_ERROR, 503, detail=f"id {n}") for n in range(9)), failed(Outcome.TIMEOUT))
    assert counted.failures == {("http_error", 503): 9, ("timeout", None): 1}
    assert counted.examples["http_error", 503] == "id 0"
    assert counted.figures["e2e_ms"].count == 0


def test_unfinished__is_neither_ok_nor_failed() -> None:
    """It is counted as what it is; its first token is known, and that it took at least so long."""
    counted = tally(record(EVEN, outcome=Outcome.UNFINISHED))
    assert counted.outcomes == {"unfinished": 1}
    assert not counted.failures
    assert counted.counts["output_tokens"] == counted.counts["window_tokens"] == 0
    assert (counted.figures["ttft_ms"].count, counted.censored["ttft_ms"].count) == (1, 0)
    assert (counted.figures["e2e_ms"].count, counted.censored["e2e_ms"].maximum) == (0, 500)
    silent = RunCounts.from_wire(tally(record(outcome=Outcome.UNFINISHED)).to_wire())
    assert silent.censored["ttft_ms"].minimum == 500


def test_timeout__is_a_lower_bound() -> None:
    """It failed, and it took at least so long: percentiles know of it."""
    counted = tally(*(record(EVEN, end_ms=40) for _ in range(970)), *([failed(Outcome.TIMEOUT, end_ms=2000)] * 30))
    assert counted.failures == {("timeout", None): 30}
    spread = percentiles_of(counted.figures["e2e_ms"], counted.censored["e2e_ms"])
    assert (spread["n"], spread["censored"], spread["at_least"]) == (970, 30, ["p99"])
    assert spread["p99"] == pytest.approx(2000, rel=0.001)
    assert [cell(spread, column) for column in ("p50", "p95", "p99", "max")] == ["40", "40", "≥2000", "≥40"]
    assert counted.censored["ttft_ms"].count == 30


def test_tokens__say_where_they_are_from() -> None:
    """Usage and estimates are counted apart."""
    counted = tally(record(EVEN, usage_tokens=9), record(EVEN), record(EVEN))
    assert (counted.counts["tokens_from_usage"], counted.counts["tokens_from_events"]) == (1, 2)
    assert counted.counts["output_tokens"] == 9 + 3 + 3


@given(st.lists(RECORDS, max_size=12), st.integers(1, 4))
def test_workers_deltas__add_up_to_the_run(records: Sequence[Record], workers: int) -> None:
    """Whoever counted which request, and however often it was reported: the sum is the same."""
    window = Window(2 * S, 8 * S)
    gathered = RunCounts()
    for worker in range(workers):
        part = tally(*records[worker::workers], window=window)
        gathered.merge(RunCounts.from_wire(msgpack.loads(msgpack.dumps(part.to_wire()), strict_map_key=False)))
    whole = tally(*records, window=window)
    assert gathered.outcomes == whole.outcomes
    assert gathered.warmup_outcomes == whole.warmup_outcomes
    assert gathered.counts == whole.counts
    assert gathered.failures == whole.failures
    assert gathered.timeline.series(1) == whole.timeline.series(1)
    for name, sketch in whole.figures.items():
        assert gathered.figures[name].buckets() == sketch.buckets()


def test_wire__is_json() -> None:
    """Nothing in it needs a type of ours."""
    counted = tally(record(EVEN), failed(Outcome.RATE_LIMITED, 429, detail="slow"))
    assert RunCounts.from_wire(json.loads(json.dumps(counted.to_wire()))).to_wire() == counted.to_wire()


def test_timeline__puts_each_part_into_its_second() -> None:
    """Tokens by arrival, requests by end, latencies by sending; a second without samples has None."""
    series = tally(
        record([(500, 1), (1500, 2)], sent_ms=800, end_ms=1600, usage_tokens=None),
        failed(Outcome.TIMEOUT, sent_ms=2000, end_ms=1100),
    ).timeline.series(1)
    assert series["output_tokens_per_s"] == [0, 1, 2, 0]
    assert series["ok_requests"] == [0, 0, 1, 0]
    assert series["failed_requests"] == [0, 0, 0, 1]
    assert series["ttft_p50_ms"] == [500, None, None, None]
    assert series["e2e_p95_ms"] == [1600, None, None, None]


def test_timeline__may_have_wider_bins() -> None:
    """A rate stays a rate per second."""
    series = tally(record([(500, 1), (1500, 2)], end_ms=1600)).timeline.series(2)
    assert series["output_tokens_per_s"] == [1.5]
    assert tally().timeline.series(2)["output_tokens_per_s"] == []


def test_open_loop__belongs_to_the_window_it_was_due_in() -> None:
    """Due in the warm-up and sent late, it is no part of the measurement; a drop counts by its due time too."""
    late = record([(100.0, 1)], sent_ms=1100, due_ns=900 * MS)
    in_time = record([(100.0, 1)], sent_ms=1100, due_ns=1050 * MS)
    window = Window(S)
    counted = tally(late, in_time, window=window)
    counted.drop(900 * MS, window)
    counted.drop(1000 * MS, window)
    assert (counted.warmup_outcomes["ok"], counted.outcomes["ok"]) == (1, 1)
    assert (counted.counts["warmup_dropped"], counted.counts["dropped"]) == (1, 1)
    assert counted.figures["schedule_e2e_ms"].count == 1
