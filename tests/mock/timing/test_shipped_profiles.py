"""The profiles that are shipped, in virtual time."""

from __future__ import annotations

import pytest

from mixtral_contract.mock.timing.profile_file import load
from tests.mock.timing.test_batching import HOUR_NS
from tests.support.virtual_time import SECOND_NS, Lengths, Run


@pytest.mark.parametrize("name", ["mixtral-8x7b", "mixtral-8x22b"])
def test_shipped_node__slows_down_with_what_it_has_to_do(name: str) -> None:
    """The time to the first token grows with the prompt and with the queue, that between two with the company."""
    profile = load(name)

    def ttft_ns(prompt: int, company: int) -> int:
        run = Run(profile)
        others = [run.ask(Lengths(100, 400), 0) for _ in range(company)]
        assert not any(one in run.refused for one in others)
        run.until(SECOND_NS)
        generation = run.ask(Lengths(prompt, 10), SECOND_NS)
        run.until(HOUR_NS)
        return generation.dues[0][1] - SECOND_NS

    def itl_ns(company: int) -> int:
        run = Run(profile)
        generation, *_ = [run.ask(Lengths(100, 50), 0) for _ in range(company)]
        run.until(HOUR_NS)
        return generation.dues[-1][1] - generation.dues[-2][1]

    assert ttft_ns(100, 0) < ttft_ns(3000, 0) < ttft_ns(12000, 0)
    assert ttft_ns(100, 0) < ttft_ns(100, 200) < ttft_ns(100, 256) < ttft_ns(100, 600)
    assert itl_ns(1) < itl_ns(4) < itl_ns(32) < itl_ns(200)
