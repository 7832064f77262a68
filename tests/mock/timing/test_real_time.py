"""Frozen clocks: answers come at their pace and time-outs end, because the mock took its clocks before."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import freezegun
import pytest
import uvloop
from openai import APITimeoutError, AsyncOpenAI, OpenAI

from mixtral_contract.mock.testing.mocks import MixtralApi, MixtralServer
from mixtral_contract.mock.timing import real_time
from mixtral_contract.mock.timing.clock import Clock, monotonic_ns
from tests.support.api_requests import MODEL

ASKED: Any = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "hello"}],
    "max_tokens": 5,
    "stream": True,
}

on_each = pytest.mark.parametrize("kind", [MixtralApi, MixtralServer])


def _stream(client: OpenAI) -> int:
    """How many chunks come."""
    return sum(1 for _ in client.chat.completions.create(**ASKED))


async def _stream_on_loop(client: AsyncOpenAI) -> int:
    return len([chunk async for chunk in await client.chat.completions.create(**ASKED)])


@on_each
def test_paced_stream__comes_at_its_pace(kind: type[MixtralApi | MixtralServer]) -> None:
    """By the client's real time, though the test's stands still."""
    with kind() as mock, OpenAI(timeout=30, max_retries=0) as client:
        mock.pace(ttft_ms=50, itl_ms=20)
        since_ns = monotonic_ns()
        with freezegun.freeze_time("2024-01-01"):
            assert _stream(client) >= 5
        took_s = (monotonic_ns() - since_ns) / 1e9
        (request,) = mock.requests
    assert took_s >= 0.05 + 4 * 0.02
    assert 0.05 + 4 * 0.02 <= (request.took_s or 0) < 30
    assert request.at_s < 30


def test_created__is_the_real_time() -> None:
    """What the mock says of itself does not follow the test's clock."""
    with MixtralApi(), OpenAI(max_retries=0) as client:
        before_s = time.time()
        with freezegun.freeze_time("2024-01-01"):
            made = client.chat.completions.create(**{**ASKED, "stream": False})
    assert abs(made.created - before_s) < 30


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_paced_stream__comes_on_a_loop_whose_clock_is_frozen(run: Callable[..., object]) -> None:
    """The loop's own timers never ring then."""

    async def read() -> None:
        async with AsyncOpenAI(max_retries=0) as client:
            with freezegun.freeze_time("2024-01-01"):
                assert await _stream_on_loop(client) >= 5

    with MixtralApi(ttft_ms=50, itl_ms=20):
        run(read())


@on_each
def test_timeout__ends_a_stall(kind: type[MixtralApi | MixtralServer]) -> None:
    """An hour of silence costs the client's time-out."""
    with kind() as mock, OpenAI(timeout=0.2, max_retries=0) as client:
        mock.next("stall", after=0, ms=3_600_000)
        with freezegun.freeze_time("2024-01-01"), pytest.raises(APITimeoutError):
            client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "hello"}])


@on_each
def test_mock_that_begins_in_frozen_time__works_too(kind: type[MixtralApi | MixtralServer]) -> None:
    """Whether a fixture or the freezer comes first."""
    with (
        freezegun.freeze_time("2024-01-01"),
        kind(ttft_ms=30, itl_ms=5) as mock,
        OpenAI(timeout=30, max_retries=0) as client,
    ):
        assert _stream(client) >= 5
        mock.assert_called(1)


def test_clock__is_not_stopped_by_who_froze_time_before_it_was_imported() -> None:
    """As a test does whose fixture imports the mock."""
    program = (
        "import time, freezegun\n"
        "with freezegun.freeze_time('2024-01-01'):\n"
        "    from mixtral_contract.mock.timing.clock import Clock\n"
        "    clock = Clock()\n"
        "    first = clock()\n"
        "    time.sleep(0.01)\n"
        "    between = clock() - first\n"
        "print(between, clock() - time.time_ns())"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    between, off = map(int, ran.stdout.split())
    assert between >= 10_000_000
    assert abs(off) < 60 * 10**9


def test_clock__is_that_of_time() -> None:
    """Other processes compare their stamps with it."""
    before, now, after = time.monotonic_ns(), monotonic_ns(), time.monotonic_ns()
    assert before <= now <= after
    clock = Clock()
    assert abs(clock() - time.time_ns()) < 10**9


def test_cancelled_wait__leaves_no_alarm() -> None:
    """And the loop goes on."""

    async def cancel() -> None:
        waits = asyncio.create_task(real_time.sleep(3600))
        await asyncio.sleep(0)
        waits.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waits
        await real_time.sleep(0.001)

    asyncio.run(cancel())
