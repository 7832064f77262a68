"""What a soak sends: good requests, hostile ones, and connections that are cut; each from a process of its own."""

from __future__ import annotations

import itertools
import multiprocessing
import random
import socket
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from typing import Any

import orjson

from benchmarks import servers
from benchmarks.hostile import sent
from benchmarks.hostile_requests import asking, hostile_requests, post

_PAUSE_S = 0.01
_JOIN_S = 60.0
_LINGER = struct.pack("ii", 1, 0)
"""Ends a connection by a reset."""

Round = Callable[[int, int, Counter[str]], None]


@dataclass(slots=True)
class Traffic:
    """What was sent, by kind; filled when all senders have ended."""

    counts: Counter[str]


@contextmanager
def traffic(port: int) -> Iterator[Traffic]:
    """Sends all kinds at once until the block ends.

    Raises: ChildProcessError when a sender ended in another way.
    """
    context = multiprocessing.get_context("spawn")
    stop, results = context.Event(), context.Queue()
    senders = [context.Process(target=_send, args=(port, kind, stop, results), daemon=True) for kind in _SENDERS]
    made = Traffic(Counter())
    for sender in senders:
        sender.start()
    try:
        yield made
    finally:
        stop.set()
        for sender in senders:
            sender.join(_JOIN_S)
            if sender.exitcode == 0:
                made.counts.update(results.get(timeout=_JOIN_S))
    if any(sender.exitcode != 0 for sender in senders):
        raise ChildProcessError(f"senders: expected exit status 0, got {[sender.exitcode for sender in senders]}")


def _send(port: int, kind: str, stop: Event, results: Queue[Counter[str]]) -> None:
    counts: Counter[str] = Counter()
    for number in itertools.count():
        # at least once, however short the soak is
        _KINDS[kind](port, number, counts)
        if stop.wait(_PAUSE_S):
            break
    results.put(counts)


def _good(port: int, number: int, counts: Counter[str]) -> None:
    """A question of its own, every second one as a stream; lost unless its whole answer came."""
    counts["good"] += 1
    try:
        answer = servers.ask(port, post(asking(f"question {number}", max_tokens=5, stream=number % 2 == 0)))
    except OSError:
        counts["good, lost"] += 1
        return
    counts["good, lost"] += not _is_answer(answer)


def _is_answer(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        return False
    if b"text/event-stream" in head:
        return b"data: [DONE]\n\n" in body
    value: Any = orjson.loads(body)
    return bool(value["choices"])


_HOSTILE = tuple(hostile_requests().values())


def _hostile(port: int, number: int, counts: Counter[str]) -> None:
    """One of the list after the other; lost where no status came."""
    counts["hostile"] += 1
    try:
        status, _ = sent(port, _HOSTILE[number % len(_HOSTILE)])
    except OSError:
        status = 0
    counts["hostile, lost"] += status <= 0


def _cut(port: int, number: int, counts: Counter[str]) -> None:
    """A request or a stream that its client leaves at a random place, in order or by a reset."""
    chance = random.Random(number)
    request = post(asking(stream=True, max_tokens=200))
    counts["cut"] += 1
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        if chance.random() < 0.5:
            connection.sendall(request[: chance.randrange(len(request))])
        else:
            connection.sendall(request)
            connection.recv(chance.randrange(1, 2000))
        if chance.random() < 0.5:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)


_KINDS: dict[str, Round] = {"good": _good, "hostile": _hostile, "cut": _cut}
_SENDERS = ("good", "good", "good", "hostile", "cut")
