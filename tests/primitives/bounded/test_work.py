from __future__ import annotations

import pytest

from mixtral_contract.primitives.bounded.work import TooMuchWorkError, Work


def test_work__ends_with_its_limit() -> None:
    """By the clock that it is given."""
    now_s = [10.0]
    work = Work(1.0, lambda: now_s[0])
    now_s[0] = 11.0
    work.check()
    now_s[0] = 11.1
    with pytest.raises(TooMuchWorkError, match="at most 1 s of one core"):
        work.check()


def test_abandoned_work__ends_at_once() -> None:
    """However much time is left."""
    work = Work()
    work.abandoned = True
    with pytest.raises(TooMuchWorkError):
        work.check()
