"""Whose call it was that was stopped: a test does not fail for what runs in the background."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import anyio.to_thread
import pytest

from mixtral_contract.mock.testing.mocks import MixtralApi, MixtralServer
from mixtral_contract.mock.testing.network.callers import Callers
from mixtral_contract.mock.testing.network.guard import UnmockedError

on_each = pytest.mark.parametrize("kind", [MixtralApi, MixtralServer])


def _leave() -> None:
    with pytest.raises(UnmockedError):
        socket.create_connection(("telemetry.invalid", 443))


def _in_a_daemon(call: Callable[[], None]) -> None:
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join()


def _in_a_thread(call: Callable[[], None]) -> None:
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()


def _in_a_pool(call: Callable[[], None]) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(call).result()


async def _look_up() -> None:
    with pytest.raises(UnmockedError):
        await asyncio.open_connection("telemetry.invalid", 443)


@on_each
def test_background_call__is_stopped_and_fails_no_test(kind: type[MixtralApi | MixtralServer]) -> None:
    """It is listed for who looks."""
    with kind() as mock:
        _in_a_daemon(_leave)
        assert mock.unanswered == ["a connection to telemetry.invalid:443 (in a background thread)"]
        assert "telemetry.invalid" in mock.history()


@on_each
def test_background_call__fails_the_test_that_wants_it(kind: type[MixtralApi | MixtralServer]) -> None:
    """With `strict_background`."""
    with pytest.raises(AssertionError, match=r"telemetry\.invalid"), kind(strict_background=True):
        _in_a_daemon(_leave)


def _ask_the_vendor() -> None:
    with pytest.raises(UnmockedError):
        socket.create_connection(("integrate.api.nvidia.com", 443))


@on_each
def test_call_of_a_vendor__is_the_tests_own_in_any_thread(kind: type[MixtralApi | MixtralServer]) -> None:
    """An application that a fixture runs in a daemon thread is no background."""
    with pytest.raises(AssertionError, match=r"integrate\.api\.nvidia\.com"), kind():
        _in_a_daemon(_ask_the_vendor)


def test_thread_from_before__is_in_the_background() -> None:
    """Daemon or not: another test, or the application's import, began it."""
    go, gone = threading.Event(), threading.Event()

    def run() -> None:
        go.wait()
        _leave()
        gone.set()

    thread = threading.Thread(target=run)
    thread.start()
    with MixtralApi() as api:
        go.set()
        assert gone.wait(20)
        thread.join()
        assert len(api.unanswered) == 1


@pytest.mark.parametrize(
    "run",
    [
        lambda: _in_a_thread(_leave),
        lambda: _in_a_pool(_leave),
        lambda: asyncio.run(asyncio.to_thread(_leave)),
        lambda: anyio.run(anyio.to_thread.run_sync, _leave),
        lambda: asyncio.run(_look_up()),
        _leave,
    ],
    ids=["thread", "pool", "asyncio.to_thread", "anyio.to_thread", "look-up of a loop", "test"],
)
def test_call_of_the_test__fails_it(run: Callable[[], None]) -> None:
    """From whatever thread it sets going."""
    with pytest.raises(AssertionError, match=r"telemetry\.invalid"), MixtralApi():
        run()


def test_daemon_of_an_older_test__is_told_from_its_context() -> None:
    """What inherits the context is the test's own, even in a daemon thread."""
    callers = Callers()
    callers.begin()
    heard: list[bool] = []
    _in_a_daemon(lambda: heard.append(callers.in_background()))
    asyncio.run(asyncio.to_thread(lambda: heard.append(callers.in_background())))
    assert heard == [True, False]
