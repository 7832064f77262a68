"""The search, on queues whose knee is known and on evidence made by hand."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixtral_contract.load.estimators.queue_trend import Trend
from mixtral_contract.load.settings.stages import Goal, usual_start
from mixtral_contract.load.stages import rate_search
from mixtral_contract.load.stages.rate_search import Evidence, Finding, Search, Step
from tests.support.queue_model import Queue

STEADY = Trend(5.0, 0.0, (-0.1, 0.1), 10.0)
GROWING = Trend(50.0, 5.0, (4.0, 6.0), 10.0)
P90 = Goal((0.9,), 10.0, 4.0, 1000.0)
MANY = 10_000
SEEDS = range(10)
"""Of queues: always the same, for the search is right with a confidence, not always. Hypothesis would draw others
whenever a number anywhere in the sources changes."""


def searched(goal: Goal, show: Callable[[Step], Evidence], most_steps: int = 500) -> Search:
    """A search that has ended."""
    search = Search(goal)
    for _ in range(most_steps):
        if search.step is None:
            return search
        search.take(show(search.step))
    raise AssertionError("the search does not end")


def sharp(capacity_per_s: float, **failing: object) -> Callable[[Step], Evidence]:
    """A target that keeps everything up to its capacity, and nothing beyond."""

    def show(step: Step) -> Evidence:
        count = max(1, round(step.rate_per_s * step.seconds))
        fits = step.rate_per_s <= capacity_per_s
        counts = (count, 0) if fits else (0, count)
        return Evidence(step.seconds, (counts,), STEADY, **({} if fits else failing))  # type: ignore[arg-type]

    return show


@settings(max_examples=100, deadline=None)
@given(capacity=st.floats(0.2, 900), start=st.floats(0.5, 64), width=st.floats(0.01, 0.3))
def test_sharp_knee__is_found_within_the_width(capacity: float, start: float, width: float) -> None:
    """From above as from below, whatever the start; what was found passed, and what stands above it failed."""
    search = searched(Goal((0.9,), 10.0, start, 1000.0, width), sharp(capacity))
    finding = search.finding
    if capacity < start / 64:
        assert finding.status == rate_search.BELOW
        return
    assert finding.status == rate_search.FOUND
    assert finding.rate_per_s is not None
    assert finding.ceiling_per_s is not None
    assert finding.rate_per_s <= capacity < finding.ceiling_per_s
    assert finding.ceiling_per_s <= finding.rate_per_s * (1 + width) * 1.0001


@pytest.mark.parametrize("seed", SEEDS)
def test_knee_of_an_exponential_queue__is_found(seed: int) -> None:
    """A single place: the knee is known in closed form. Chance is in it, so the bound is wider than the width.

    With `slack` mean service times as the limit, an idle server misses it once in e to the power of that.
    """
    chance = random.Random(seed)  # noqa: S311 -- repeatable on purpose
    mu, slack = chance.uniform(8, 60), chance.uniform(6, 12)
    queue = Queue(1, 1 / mu, slack / mu)
    goal = Goal((0.9,), 40.0, 4.0, 1000.0)
    finding = searched(goal, lambda step: queue.evidence(step, chance)).finding
    knee = queue.knee_per_s(0.9)
    assert finding.rate_per_s is not None
    assert 0.75 * knee < finding.rate_per_s < 1.1 * knee


@pytest.mark.parametrize("seed", SEEDS)
def test_queue_without_a_limit_that_matters__is_held_to_its_capacity(seed: int) -> None:
    """Beyond the capacity the queue grows, and the growth alone fails a probe."""
    chance = random.Random(seed)  # noqa: S311 -- repeatable on purpose
    queue = Queue(chance.randint(2, 16), chance.uniform(0.05, 1.0), limit_s=1e9, fixed=True)
    finding = searched(Goal((0.9,), 30.0, 4.0, 1000.0), lambda step: queue.evidence(step, chance)).finding
    assert finding.rate_per_s is not None
    assert finding.rate_per_s < 1.1 * queue.capacity_per_s
    assert finding.rate_per_s > 0.8 * queue.capacity_per_s
    assert finding.limit == "queue"


def test_target_that_never_fails__is_at_least_as_good_as_the_most_that_was_tried() -> None:
    """And that is confirmed too."""
    search = searched(P90, sharp(1e9))
    assert search.finding == Finding(rate_search.AT_LEAST, 1000.0, None, None)
    assert search.probes[-1].confirms


def test_target_that_never_passes__is_below_the_least_that_was_tried() -> None:
    """A 64th of the start is the end of patience."""
    finding = searched(P90, sharp(0.0)).finding
    assert (finding.status, finding.rate_per_s) == (rate_search.BELOW, None)
    assert finding.ceiling_per_s == pytest.approx(4 / 64)


@pytest.mark.parametrize(
    ("failing", "limit"),
    [({}, "slo"), ({"refused": 1}, "429"), ({"unsent": 1}, "instrument"), ({"trend": GROWING}, "slo")],
)
def test_limit__is_named(failing: dict[str, object], limit: str) -> None:
    """One refused request is enough: whatever is beyond is not a matter of speed."""

    def show(step: Step) -> Evidence:
        trend = failing.get("trend", STEADY) if step.rate_per_s > 50 else STEADY
        rest = {key: value for key, value in failing.items() if key != "trend"}
        made = sharp(50.0, **rest)(step)
        return Evidence(made.seconds, made.counts, trend, made.refused, made.retry_after_s, made.unsent)  # type: ignore[arg-type]

    assert searched(P90, show).finding.limit == limit


def test_one_refusal__fails_a_probe_that_kept_every_objective() -> None:
    """The share that was refused is small enough for the objective, and yet there is a limit."""
    search = Search(P90)
    probe = search.take(Evidence(20.0, ((MANY, 1),), STEADY, refused=1))
    assert (probe.verdict, probe.reason) == (rate_search.FAILED, "429")


def test_growing_queue__fails_a_probe_that_kept_every_objective() -> None:
    """It only has not lasted long enough."""
    probe = Search(P90).take(Evidence(20.0, ((MANY, 0),), GROWING))
    assert (probe.verdict, probe.reason) == (rate_search.FAILED, "queue")


def test_probe_without_a_trend__does_not_pass() -> None:
    """All objectives were kept, but nobody knows whether requests pile up: it runs longer."""
    search = Search(P90)
    probe = search.take(Evidence(20.0, ((MANY, 0),), Trend()))
    assert (probe.verdict, probe.reason) == (rate_search.OPEN, None)
    assert search.take(Evidence(20.0, ((MANY, 0),), STEADY)).verdict == rate_search.PASSED


def test_undecided_probe__runs_longer_until_its_time_is_over() -> None:
    """Nine of ten kept is what was wanted: no sample is large enough. It counts as failed and is named unresolved."""
    search = Search(P90)
    rates, seconds = [], []
    while search.step is not None and search.step.rate_per_s == 4.0:
        rates.append(search.step.rate_per_s)
        seconds.append(search.step.seconds)
        probe = search.take(Evidence(search.step.seconds, ((90, 10),), STEADY))
    assert seconds[0] == pytest.approx(P90.first_s(4.0))
    assert seconds[1] == seconds[0]
    assert sum(seconds) == pytest.approx(P90.most_s(4.0))
    assert (probe.verdict, probe.reason) == (rate_search.UNRESOLVED, "time")
    assert search.step is not None
    assert search.step.rate_per_s == 2.0


def test_periods_of_a_probe__count_together() -> None:
    """Neither alone decides; both do."""
    search = Search(P90)
    assert search.take(Evidence(16.5, ((40, 0),), STEADY)).verdict == rate_search.OPEN
    assert search.take(Evidence(16.5, ((40, 0),), STEADY)).verdict == rate_search.PASSED


def test_winner__has_to_pass_again_on_new_evidence() -> None:
    """One that passes only once is passed over, for the next lower rate."""
    tried: dict[float, int] = {}

    def show(step: Step) -> Evidence:
        tried[step.rate_per_s] = tried.get(step.rate_per_s, 0) + 1
        lucky = 40 < step.rate_per_s <= 50 and not step.confirms
        count = round(step.rate_per_s * step.seconds)
        return Evidence(step.seconds, ((count, 0) if step.rate_per_s <= 40 or lucky else (0, count),), STEADY)

    search = searched(P90, show)
    assert search.finding.status == rate_search.FOUND
    assert search.finding.rate_per_s is not None
    assert 40 / 1.05 <= search.finding.rate_per_s <= 40
    assert search.finding.ceiling_per_s == pytest.approx(search.finding.rate_per_s * 1.05)
    confirming = [probe for probe in search.probes if probe.confirms]
    assert [probe.verdict for probe in confirming[:-1]] == [rate_search.FAILED] * (len(confirming) - 1)
    assert confirming[-1].seconds >= 2 * search.goal.first_s(confirming[-1].rate_per_s)


def test_winner_that_never_passes_again__is_not_confirmed() -> None:
    """After a few steps down it is over."""
    finding = searched(P90, lambda step: sharp(0.0 if step.confirms else 50.0)(step)).finding
    assert (finding.status, finding.rate_per_s) == (rate_search.UNCONFIRMED, None)


def test_long_wait_that_the_target_asks_for__ends_the_search() -> None:
    """An hour of waiting is no measurement."""
    search = Search(P90)
    search.take(Evidence(10.0, ((MANY, 0),), STEADY))
    search.take(Evidence(10.0, ((MANY, 1),), STEADY, refused=1, retry_after_s=3600.0))
    assert search.step is None
    assert search.finding == Finding(rate_search.STOPPED, None, 8.0, "429")


def test_stopped_search__keeps_what_it_knows() -> None:
    """The lowest rate that failed."""
    search = Search(P90)
    search.take(sharp(5.0)(Step(4.0, 20.0, confirms=False)))
    search.take(sharp(5.0)(Step(8.0, 20.0, confirms=False)))
    search.stop()
    assert search.finding == Finding(rate_search.STOPPED, None, 8.0, "slo")


@pytest.mark.parametrize("percent", [50, 90, 95, 99, 99.9])
def test_first_period__is_long_enough_for_a_flawless_probe(percent: float) -> None:
    """Just so: one request fewer would not do."""
    goal = Goal((percent / 100,), 0.0, 1.0, 1000.0)
    probe = rate_search.Probe(1.0, 1e9)
    for count, verdict in ((goal.enough_requests, rate_search.PASSED), (goal.enough_requests - 1, rate_search.OPEN)):
        probe.evidence = [Evidence(1.0, ((count, 0),), STEADY)]
        probe.judge(goal.targets)
        assert probe.verdict == verdict


def test_usual_start__can_be_decided_in_half_a_minute() -> None:
    """A strict objective needs many requests, and therefore a higher start."""
    assert usual_start([0.9]) == 3.0
    assert usual_start([0.9, 0.99]) == 24.0
    assert usual_start([0.5]) == 1.0
