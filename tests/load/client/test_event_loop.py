"""The loop in real time: what is promised of it is an order, and that nothing comes early."""

from __future__ import annotations

import socket
from time import perf_counter_ns

import gevent  # type: ignore[import-untyped]  # its stubs are a package of their own
import pytest
from gevent.event import Event  # type: ignore[import-untyped]

from mixtral_contract.load.client.event_loop import READABLE, Loop

MS = 1_000_000


@pytest.mark.parametrize("kernel", [True, False])
def test_deadline__comes_in_order_and_never_early(monkeypatch: pytest.MonkeyPatch, *, kernel: bool) -> None:
    """With the kernel's timer and with gevent's own; one that is set later may be due earlier."""
    if not kernel:
        monkeypatch.setattr("mixtral_contract.load.client.precise_timer.has_timerfd", lambda: False)
    loop, called, done = Loop(), list[tuple[int, int]](), Event()
    now_ns = perf_counter_ns()
    hour_ns = 3_600_000 * MS
    loop.at(now_ns + hour_ns, lambda: called.append((hour_ns, 0)))
    for after_ms in (30, 10, 20):
        at_ns = now_ns + after_ms * MS
        loop.at(at_ns, lambda at_ns=at_ns: called.append((at_ns, perf_counter_ns())))  # type: ignore[misc]
    loop.cancel(loop.at(now_ns + 5 * MS, lambda: called.append((0, 0))))
    loop.at(now_ns + 40 * MS, done.set)
    assert done.wait(20)
    loop.close()
    assert [at_ns - now_ns for at_ns, _ in called] == [10 * MS, 20 * MS, 30 * MS]
    assert all(at_ns <= came_ns for at_ns, came_ns in called)


def test_turn__looks_at_every_socket() -> None:
    """What is readable before a turn has been read after it, however busy other greenlets are."""
    loop = Loop()
    near, far = socket.socketpair()
    with near, far:
        received = list[bytes]()
        watcher = loop.watch(near.fileno(), READABLE, lambda: received.append(near.recv(10)))
        far.send(b"a")
        loop.turn()
        watcher.close()
    assert received == [b"a"]


def test_turn__ends_while_others_never_rest() -> None:
    """A greenlet that keeps itself busy does not keep the loop from its turn."""
    loop, busy = Loop(), True

    def spin() -> None:
        while busy:
            gevent.sleep(0)

    spinning = gevent.spawn(spin)
    for _ in range(5):
        loop.turn()
    busy = False
    spinning.join()
