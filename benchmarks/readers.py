"""Other people's clients that read streams: started on the client's core, and watched from outside.

What one reads is counted at the server in C, which is asked how much it sent, and what that costs is the processor time
of its processes; so nothing has to be believed of its own report, and every client is measured alike.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from benchmarks.machine import MachineError, cpu_s
from benchmarks.native import Plan
from benchmarks.servers import ask

_LOOK_S = 0.25
_LATEST_S = 180.0
_SENT = b"GET /sent HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Reader:
    """One client to be: its name in the tables, and the command that reads so many streams at once for so long."""

    name: str
    command: Callable[[int, int, float], Sequence[str]]


class Look(NamedTuple):
    """When somebody looked, how many events the server had sent by then, and the client's processor time."""

    at_s: float
    events: int
    cpu_s: float


def peer(given: str) -> Reader:
    """The client that `NAME=command with {url}` describes; {streams} and {seconds} may stand in it too.

    Raises: argparse.ArgumentTypeError when it is written otherwise.
    """
    name, _, command = given.partition("=")
    if not name or "{url}" not in command:
        raise argparse.ArgumentTypeError(f"expected NAME=command with {{url}}, got {given!r}")

    def filled(port: int, streams: int, seconds: float) -> Sequence[str]:
        places = {"url": f"http://127.0.0.1:{port}", "streams": streams, "seconds": f"{seconds:.0f}"}
        return shlex.split(re.sub(r"\{(url|streams|seconds)\}", lambda place: str(places[place[1]]), command))

    return Reader(name, filled)


def watched(reader: Reader, port: int, plan: Plan) -> dict[str, Any]:
    """What the client reads, and what that costs it, in its best `plan.seconds`.

    Raises: MachineError when it ends before it has read for as long.
    """
    command = reader.command(port, plan.connections, plan.spread_ms / 1000 + plan.seconds)
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, start_new_session=True
    )
    try:
        looks = _looks(process, port)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    best = best_of(looks, plan.seconds)
    if best is None or not best.events:
        raise MachineError(f"{reader.name}: expected {plan.seconds} s of streams, got exit status {process.returncode}")
    return {
        "events_per_s": best.events / best.at_s,
        "cpu_us_per_event": best.cpu_s * 1e6 / best.events,
        "busy": best.cpu_s / best.at_s,
    }


def best_of(looks: Sequence[Look], seconds: float) -> Look | None:
    """The differences over the stretch of so many seconds with the highest rate; None when there is none as long."""
    stretches = []
    for first in looks:
        last = next((look for look in looks if look.at_s - first.at_s >= seconds), None)
        if last is not None:
            stretches.append(Look(last.at_s - first.at_s, last.events - first.events, last.cpu_s - first.cpu_s))
    return max(stretches, key=lambda stretch: stretch.events / stretch.at_s, default=None)


def _looks(process: subprocess.Popen[bytes], port: int) -> list[Look]:
    looks: list[Look] = []
    began_s = time.monotonic()
    while process.poll() is None and time.monotonic() - began_s < _LATEST_S:
        sent = int(ask(port, _SENT).rpartition(b"\r\n")[2])
        looks.append(Look(time.monotonic(), sent, cpu_s(process.pid)))
        time.sleep(_LOOK_S)
    return looks
