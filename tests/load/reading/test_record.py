"""The figures of one request, against hand-computed ones."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.reading.record import make_record
from tests.load.reading.test_completion import streamed
from tests.support.load_records import MS, exchange, failed, record
from tests.support.scripted_stream_server import DONE, event, usage

EVEN = record([(100, 1), (120, 1), (140, 1), (160, 1)], sent_ms=1000, end_ms=165)


def test_latencies__count_from_sending() -> None:
    """First content after 100 ms, three gaps of 20 ms, the end after 165 ms."""
    assert EVEN.ttft_ms == 100
    assert EVEN.e2e_ms == 165
    assert EVEN.tpot_ms == 20
    assert EVEN.stream_tokens_per_s == 50
    assert EVEN.icl_ms() == [20, 20, 20]


def test_tokens__come_from_usage_where_there_is_one() -> None:
    """Seven tokens in four events: 60 ms for the six tokens after the first."""
    counted = record([(100, 1), (120, 1), (140, 1), (160, 1)], usage_tokens=7)
    assert (EVEN.output_tokens, counted.output_tokens) == (4, 7)
    assert counted.tpot_ms == 10


def test_events_of_one_recv__are_0_apart() -> None:
    """Three together, then one: two gaps of 0 and one of 30 ms."""
    assert record([(100, 3), (130, 1)]).icl_ms() == [0, 0, 30]


@pytest.mark.parametrize(
    ("content", "changes"),
    [
        ([], {}),
        ([(100, 1)], {}),
        ([(100, 9)], {"usage_tokens": 9}),
        ([(100, 1), (120, 1)], {"usage_tokens": 1}),
        ([(100, 1), (120, 1)], {"streamed": False}),
    ],
)
def test_tpot__is_none_where_nothing_says_it(content: list[tuple[float, int]], changes: dict[str, int]) -> None:
    """No content, one recv, one token or no stream: None, not 0."""
    found = record(content, **changes)
    assert found.tpot_ms is None
    assert found.stream_tokens_per_s is None


def test_ttft__needs_a_stream_with_content() -> None:
    """An answer in one piece has no first token."""
    assert record([]).ttft_ms is None
    whole = record([(500, 1)], streamed=False)
    assert whole.ttft_ms is None
    assert whole.icl_ms() == []


@given(
    st.lists(
        st.tuples(st.integers(1, 10_000), st.integers(1, 5)), min_size=1, max_size=30, unique_by=lambda each: each[0]
    ),
    st.none() | st.integers(0, 500),
)
def test_tokens_by_time__lose_none(content: list[tuple[int, int]], usage_tokens: int | None) -> None:
    """Whole tokens, spread over the events; their sum is the answer's length."""
    found = record(sorted(content), usage_tokens=usage_tokens)
    spread = list(found.tokens_by_time())
    assert sum(tokens for _, tokens in spread) == found.output_tokens
    assert all(tokens >= 0 for _, tokens in spread)
    seconds = Counter[int]()
    for time_ns, tokens in spread:
        seconds[time_ns // 1_000_000_000] += tokens
    assert found.tokens_by_second() == seconds


def test_record__is_on_the_clock_of_the_run() -> None:
    """Stamps of the process become times since the run's start; what did not happen stays None."""
    answer = exchange(
        event({"content": "a"}), event({"content": "b"}), event(finish="stop", usage=usage(2)) + DONE, connect_ns=5
    )
    read = streamed(event({"content": "a"}), event({"content": "b"}), event(finish="stop", usage=usage(2)) + DONE)
    found = make_record(answer, read, run_start_ns=-10 * MS, worker=3, number=8, streamed=True)
    assert (found.sent_ns, found.headers_ns, found.first_byte_ns) == (10 * MS, 11 * MS, None)
    assert found.content == ((11 * MS, 1), (12 * MS, 1))
    assert (found.ttft_ms, found.tpot_ms, found.e2e_ms) == (1, 1, 4)
    assert (found.outcome, found.usage_tokens, found.connect_ns) == (Outcome.OK, 2, 5)


def test_line__holds_what_later_figures_need() -> None:
    """Times in ms since sending, each recv with its events."""
    line = record([(100.5, 2), (120.25, 1)], sent_ms=1500, end_ms=130, usage_tokens=5, connect_ns=MS // 2).line()
    assert line["request"] == "0-1"
    assert line["sent_s"] == 1.5
    assert line["content_ms"] == [[100.5, 2], [120.25, 1]]
    assert (line["ttft_ms"], line["tpot_ms"], line["e2e_ms"]) == (100.5, 4.938, 130)
    assert (line["output_tokens"], line["tokens_from"]) == (5, "usage")
    assert (line["connect_ms"], line["reused_connection"]) == (0.5, False)


def test_line__of_a_failure_has_no_tokens() -> None:
    """None, not 0."""
    line = failed(Outcome.CONNECTION_ERROR, sent_ns=None).line()
    assert (line["output_tokens"], line["tokens_from"], line["ttft_ms"]) == (None, None, None)
    assert line["reused_connection"] is False


def test_schedule__is_counted_from_when_it_was_due() -> None:
    """Due at 0, sent after 30 ms, first content 100 ms later, end after 500: two latencies that are never mixed."""
    late = record([(100, 1), (120, 1)], sent_ms=30, end_ms=500, due_ns=0)
    assert (late.ttft_ms, late.e2e_ms) == (100, 500)
    assert (late.schedule_ttft_ms, late.schedule_e2e_ms, late.dispatch_lag_ms) == (130, 530, 30)
    assert late.window_ns == 0
    assert late.line()["due_s"] == 0


def test_closed_loop__has_no_schedule() -> None:
    """Nothing was due."""
    found = record([(100, 1)], sent_ms=30)
    assert (found.schedule_ttft_ms, found.schedule_e2e_ms, found.dispatch_lag_ms) == (None, None, None)
    assert found.window_ns == 30 * MS


def test_totals__tell_the_time_per_token() -> None:
    """Events of 3, 2 and 1 tokens, 20 and 30 ms apart: 10 ms for each of two, 30 for the last; 50 ms for three."""
    found = record([(100, 1), (120, 1), (150, 1)], usage_tokens=6, totals=(3, 5, 6))
    assert list(found.itl_ms()) == [(10, 2), (30, 1)]
    assert found.tpot_ms == pytest.approx(50 / 3)
    assert found.stream_tokens_per_s == pytest.approx(60)


def test_time_per_token__needs_totals() -> None:
    """Events may hold several tokens: without a count for each there are gaps between events only."""
    assert not list(record([(100, 1), (120, 1)], usage_tokens=6).itl_ms())
