"""A completion with a pace of its own beside those of the deployment."""

from __future__ import annotations

import pytest

from mixtral_contract.mock.timing import profile_file
from mixtral_contract.mock.timing.engine import Deployment, Engine, Generation, Pace

MS_NS = 1_000_000


def _generation(tokens: int, pace: Pace | None = None) -> Generation:
    def nothing(*_: object) -> None:
        """Nobody listens."""

    return Generation(tokens, 10, nothing, nothing, nothing, pace=pace)


@pytest.mark.parametrize("deployment", [Pace(), Pace(7 * MS_NS, 7 * MS_NS), profile_file.load("mixtral-8x7b")])
def test_own_pace__is_kept_whatever_the_deployments_is(deployment: Deployment) -> None:
    """Token k is due at start + ttft + k * itl."""
    engine = Engine(deployment)
    mine = _generation(3, Pace(100 * MS_NS, 50 * MS_NS))
    engine.start(mine, 0, 0)
    dues = []
    for now_ms in range(0, 250, 10):
        engine.release(now_ms * MS_NS)
        dues.append(mine.due)
    assert dues == [0] * 10 + [1] * 5 + [2] * 5 + [3] * 5
    assert [at for _, at in mine.dues] == [100 * MS_NS, 150 * MS_NS, 200 * MS_NS]


def test_own_pace__leaves_that_of_others_alone() -> None:
    """What comes after it is served by the deployment, and nothing of it stays."""
    engine = Engine(Pace(5 * MS_NS, 5 * MS_NS))
    slow = _generation(2, Pace(100 * MS_NS, 100 * MS_NS))
    engine.start(slow, 0, 0)
    other = _generation(2)
    engine.start(other, 0, 0)
    engine.release(10 * MS_NS)
    assert (slow.due, other.due) == (0, 2)
    assert engine.next_ns == 100 * MS_NS
    engine.cancel(slow, 20 * MS_NS)
    engine.release(20 * MS_NS)
    assert engine.next_ns is None


def test_own_pace__of_nothing_is_at_once() -> None:
    """On a slow deployment too."""
    engine = Engine(Pace(100 * MS_NS, 100 * MS_NS))
    at_once = _generation(4, Pace())
    engine.start(at_once, 0, 0)
    assert at_once.due == 4
