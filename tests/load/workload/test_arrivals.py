from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.load.workload.arrivals import CLOSED, Arrival, Arrivals, Share, parse_arrivals, schedule

S = 1_000_000_000


def _until(arrivals: Iterator[Arrival], end_s: float) -> list[float]:
    return [each.due_ns / S for each in itertools.takewhile(lambda each: each.due_ns < end_s * S, arrivals)]


@pytest.mark.parametrize("text", ["closed", "constant:2.5", "poisson:100", "trace:a/b.csv"])
def test_text__is_read_and_written_alike(text: str) -> None:
    """What is shown is what was asked."""
    assert str(parse_arrivals(text)) == text


def test_closed__is_no_open_loop() -> None:
    """All others are."""
    assert not CLOSED.is_open
    assert all(parse_arrivals(text).is_open for text in ("constant:1", "poisson:1", "trace:x"))


@pytest.mark.parametrize(
    "text", ["", "open", "constant", "constant:", "poisson:0", "poisson:-1", "constant:nan", "poisson:inf", "trace:"]
)
def test_nonsense__is_refused(text: str) -> None:
    """With the forms that there are, or what a rate has to be."""
    with pytest.raises(argparse.ArgumentTypeError, match=r"closed, constant:RATE, |a rate in requests per second"):
        parse_arrivals(text)


@given(rate=st.floats(0.1, 1000), workers=st.integers(1, 7))
def test_constant_rate__is_shared_without_gap_or_double(rate: float, workers: int) -> None:
    """All workers together send one request every 1/rate seconds."""
    arrivals = Arrivals("constant", rate)
    shared = [itertools.islice(schedule(arrivals, Share(worker, workers), 0), 20) for worker in range(workers)]
    together = sorted(each.due_ns for part in shared for each in part)
    assert together == [round(index * S / rate) for index in range(20 * workers)]


def test_poisson__has_the_rate_and_the_spread_of_its_process() -> None:
    """Of 4000 expected arrivals: count and variance of the gaps within five standard deviations."""
    due_s = _until(schedule(Arrivals("poisson", 200.0), Share(), 7), 20)
    assert abs(len(due_s) - 4000) < 5 * math.sqrt(4000)
    gaps = [later - earlier for earlier, later in itertools.pairwise(due_s)]
    mean = sum(gaps) / len(gaps)
    variance = sum((gap - mean) ** 2 for gap in gaps) / len(gaps)
    # the gaps of a Poisson process are as wide as they are long; those of a constant rate have no width
    assert abs(math.sqrt(variance) / mean - 1) < 0.1


def test_poisson_of_several_workers__is_one_of_the_whole_rate() -> None:
    """Each makes its own, and no two are alike."""
    parts = [_until(schedule(Arrivals("poisson", 200.0), Share(worker, 4), 7), 20) for worker in range(4)]
    assert abs(sum(map(len, parts)) - 4000) < 5 * math.sqrt(4000)
    assert len({part[0] for part in parts}) == 4


def test_poisson__is_not_rescaled_to_a_round_total() -> None:
    """Another seed, another count."""
    counts = {len(_until(schedule(Arrivals("poisson", 50.0), Share(), seed), 10)) for seed in range(10)}
    assert len(counts) > 3


def test_same_seed__same_arrivals() -> None:
    """Run after run."""
    first, second, other = (_until(schedule(Arrivals("poisson", 50.0), Share(1, 2), seed), 5) for seed in (3, 3, 4))
    assert first == second != other


def test_trace__is_dealt_out_in_turn() -> None:
    """Every arrival to exactly one worker, with its lengths."""
    trace = [Arrival(index * S, index + 1, 10) for index in range(7)]
    parts = [list(schedule(Arrivals("trace"), Share(worker, 3), 0, trace)) for worker in range(3)]
    assert parts[1] == [trace[1], trace[4]]
    assert sorted(each.due_ns for part in parts for each in part) == [each.due_ns for each in trace]
