"""Whether requests under way become more."""

from __future__ import annotations

import random

import pytest

from mixtral_contract.load.estimators.queue_trend import Trend, trend
from mixtral_contract.load.stages.rate_search import Step
from tests.support.queue_model import Queue


def test_line__is_measured_exactly() -> None:
    """2 more each second from 10 on, in 100 samples of 10 s."""
    found = trend([10 + 2 * index / 10 for index in range(100)], 10.0)
    assert found.slope_per_s == pytest.approx(2)
    assert found.mean == pytest.approx(10 + 2 * 4.95)
    assert found.interval == pytest.approx((2, 2))
    assert found.grows


def test_growth_within_chance__is_none() -> None:
    """However sure its slope is: 10 that become 14 are what chance makes of 10."""
    assert not trend([10 + index / 25 for index in range(100)], 10.0).grows
    assert trend([10 + index / 10 for index in range(100)], 10.0).grows


def test_shrinking_and_steady_queues__do_not_grow() -> None:
    """One-sided: an emptying queue is a good sign."""
    assert not trend([50 - index / 5 for index in range(100)], 10.0).grows
    assert not trend([5.0] * 100, 10.0).grows


@pytest.mark.parametrize("samples", [[], [1.0] * 9])
def test_few_samples__tell_nothing(samples: list[float]) -> None:
    """No slope is invented."""
    assert trend(samples, 10.0) == Trend()
    assert not trend(samples, 10.0).grows


# always the same seeds: another one may be the unlucky one in ten thousand
@pytest.mark.parametrize("seed", range(16))
def test_overloaded_queue__is_seen_to_grow(seed: int) -> None:
    """Two fifths more than it can take, over 400 requests."""
    queue = Queue(1 + seed % 8, 0.2, 1e9, fixed=True)
    step = Step(1.4 * queue.capacity_per_s, 400 / (1.4 * queue.capacity_per_s), confirms=False)
    chance = random.Random(seed)  # noqa: S311 -- repeatable on purpose
    assert queue.evidence(step, chance).trend.grows


def test_steady_queue__is_rarely_said_to_grow() -> None:
    """Half of the capacity, 200 times: 99 % confidence, and chance beside."""
    queue = Queue(4, 0.2, 1e9)
    step = Step(0.5 * queue.capacity_per_s, 30.0, confirms=False)
    chance = random.Random(1)  # noqa: S311 -- repeatable on purpose
    assert sum(queue.evidence(step, chance).trend.grows for _ in range(200)) <= 4


def test_swinging_queue__is_not_sure_to_grow() -> None:
    """Up and down by 60, and up at the end: the slope is there, and its interval holds 0."""
    found = trend([60.0 * (index // 10 % 2) for index in range(100)], 10.0)
    assert found.slope_per_s is not None
    assert found.slope_per_s * found.seconds > 15
    assert not found.grows
