from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.mock.journal.journal import CLIENT_LEFT, CUT, Journal
from mixtral_contract.mock.journal.metrics import Histogram, Load, Metrics, lateness
from mixtral_contract.mock.journal.prometheus import exposition
from tests.support.journal_entries import at, completed, generation, refused, write
from tests.support.prometheus_text import parse

MODEL = (("engine", "0"), ("model_name", "m"))


def _measured(*requests: Any) -> tuple[Metrics, Journal]:
    metrics, journal = Metrics(), Journal()
    journal.readers.append(metrics.add)
    for made, took_s, end in requests:
        write(journal, made, took_s=took_s, end=end)
    return metrics, journal


def _series(*requests: Any, loads: Any = None) -> dict[Any, float]:
    metrics, journal = _measured(*requests)
    return parse(exposition(metrics, journal, loads or {"m": Load()}).decode())[1]


@given(
    st.lists(st.integers(1, 2 * 10**9), unique=True, min_size=1, max_size=6).map(sorted),
    st.lists(st.integers(0, 3 * 10**9), max_size=200),
    st.integers(0, 5),
)
def test_histogram__counts_what_is_at_most_as_long(bounds: list[int], durations: list[int], zeros: int) -> None:
    """As counting by hand does, whenever it is read."""
    histogram = Histogram(tuple(bounds))
    histogram.add(durations[:50])
    assert histogram.count == len(durations[:50])
    histogram.add(durations[50:])
    histogram.add_zeros(zeros)
    everything = [*durations, *[0] * zeros]
    expected = [(bound, sum(duration <= bound for duration in everything)) for bound in bounds]
    assert list(histogram.cumulative()) == [*expected, (None, len(everything))]
    assert (histogram.sum_ns, histogram.count) == (sum(everything), len(everything))


def test_stream__is_measured_as_vllm_does() -> None:
    """Three tokens after 1, 1.5 and 3 s of a request that waited half a second for its turn."""
    times = [(1, at(1)), (2, at(1.5)), (3, at(3))]
    made = completed(0, took_s=3, generation=generation(times, times), decided_ns=at(0.5))
    made[0].completion_tokens = 3
    series = _series(made)
    for name, total, count in (
        ("time_to_first_token", 1, 1),
        ("inter_token_latency", 2, 2),
        ("time_per_output_token", 2, 2),
        ("request_time_per_output_token", 1, 1),
        ("e2e_request_latency", 3, 1),
        ("request_queue_time", 0.5, 1),
    ):
        assert series[f"vllm:{name}_seconds_sum", MODEL] == pytest.approx(total)
        assert series[f"vllm:{name}_seconds_count", MODEL] == count
    assert series["vllm:time_to_first_token_seconds_bucket", (*MODEL, ("le", "0.75"))] == 0
    assert series["vllm:time_to_first_token_seconds_bucket", (*MODEL, ("le", "1.0"))] == 1
    assert series["vllm:prompt_tokens_total", MODEL] == 3
    assert series["vllm:generation_tokens_total", MODEL] == 3


def test_tokens_that_leave_together__have_no_time_between_them() -> None:
    """A pass that sends three at once and one later: two gaps of nothing, one of a second."""
    sent = [(3, at(1)), (4, at(2))]
    series = _series(completed(0, generation=generation(sent, sent)))
    assert series["vllm:inter_token_latency_seconds_count", MODEL] == 3
    assert series["vllm:inter_token_latency_seconds_sum", MODEL] == 1
    assert series["vllm:inter_token_latency_seconds_bucket", (*MODEL, ("le", "0.01"))] == 2


def test_completions__are_counted_by_the_reason_for_which_they_ended() -> None:
    """What did not come to its end is aborted, as in vLLM; refusals are none."""
    series = _series(
        completed(0),
        completed(1, finish_reason="length"),
        completed(2, end=CLIENT_LEFT),
        completed(3, end=CUT),
        refused(4, 500),
    )
    counts = {reason: series["vllm:request_success_total", (*MODEL, ("finished_reason", reason))] for reason in REASONS}
    assert counts == {"stop": 1, "length": 1, "abort": 2}


REASONS = ("stop", "length", "abort")


def test_requests__are_counted_by_what_they_were_answered_with() -> None:
    """And by how that ended, and what befell them."""
    series = _series(
        completed(0),
        completed(1, end=CUT, incident="cut"),
        refused(2, 401),
        refused(3, 401),
        refused(4, 404, dialect=None),
    )

    def requests(dialect: str, status: str, condition: str) -> float:
        return series["mock_requests_total", (("dialect", dialect), ("status", status), ("condition", condition))]

    assert (requests("nvidia", "200", ""), requests("nvidia", "401", "any"), requests("", "404", "any")) == (2, 2, 1)
    assert series["mock_ends_total", (("end", "cut"),)] == 1
    assert series["mock_ends_total", (("end", "complete"),)] == 4
    assert series["mock_incidents_total", (("name", "cut"),)] == 1


def test_many_requests__are_all_counted() -> None:
    """Also those that are not in the journal any more, and those counted since the last reading."""
    metrics, journal = Metrics(), Journal(most_requests=3)
    journal.readers.append(metrics.add)
    for number in range(1000):
        write(journal, completed(number)[0])
        if number == 500:
            assert metrics.models["m"].prompt_tokens == 3 * 501
    assert len(metrics._new) < 100  # what nobody reads is not kept
    assert metrics.models["m"].prompt_tokens == 3000
    metrics.reset()
    assert not metrics.models


@pytest.mark.parametrize(
    ("dues", "sent", "expected"),
    [
        ([(1, 10), (2, 20)], [(1, 11), (2, 25)], [1, 5]),
        ([(1, 10), (2, 20), (3, 30)], [(3, 35)], [25, 15, 5]),
        ([(1, 10), (2, 20), (3, 30)], [(1, 10), (3, 31)], [0, 11, 1]),
        ([(3, 30)], [(1, 31), (3, 40)], [10]),
        ([(1, 10), (2, 20), (3, 30)], [(2, 22)], [12, 2]),
        ([(1, 10)], [], []),
        ([(1, 10)], [(1, 9)], [1]),
    ],
)
def test_lateness__is_that_of_each_deadline(
    dues: list[tuple[int, int]], sent: list[tuple[int, int]], expected: list[int]
) -> None:
    """Until the last token due then was out; deadlines whose tokens never left have none."""
    assert list(lateness(dues, sent)) == expected


def test_series__have_vllms_names_before_anything_happened() -> None:
    """A dashboard finds them at once, at zero, for every model; labels are escaped."""
    strange = 'a"b\\c\nd'
    types, series = parse(exposition(*_measured(), {"m": Load(2, 3, 0.5), strange: Load()}).decode())
    assert types["vllm:num_requests_running"] == types["vllm:num_requests_waiting"] == "gauge"
    assert types["vllm:kv_cache_usage_perc"] == "gauge"
    assert types["vllm:request_success_total"] == types["vllm:generation_tokens_total"] == "counter"
    assert series["vllm:num_requests_running", MODEL] == 2
    assert series["vllm:num_requests_waiting", MODEL] == 3
    assert series["vllm:kv_cache_usage_perc", MODEL] == 0.5
    for reason in REASONS:
        assert series["vllm:request_success_total", (*MODEL, ("finished_reason", reason))] == 0
    escaped = (("engine", "0"), ("model_name", r"a\"b\\c\nd"))
    assert series["vllm:time_to_first_token_seconds_count", escaped] == 0
