"""A soak: good, hostile, cut and paced traffic at once against a mock with two workers, and what it does to them."""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from benchmarks import servers
from benchmarks.command import parser, positive, progress, run
from benchmarks.hostile_requests import post
from benchmarks.machine import descriptors, family, rss_mb
from benchmarks.paced_reader import PacedReader
from benchmarks.results import Column, Results
from benchmarks.servers import Server
from benchmarks.soak_traffic import traffic

_COLUMNS = (Column("figure", "value", "{:,.1f}"), Column("at most", "most", "{:,.1f}"))
_WORKERS = 2
_WARM_UP_S = 60.0
_REST_S = 30.0
"""How long the server has after the traffic to close what it has open."""
_MOST_LATE_MS = 50.0
_MOST_GROWTH = 1.05
"""Of the memory after the first minute."""


@dataclass(slots=True)
class Watched:
    """What was seen of the server and of the streams while the traffic went on; memory in 10^6 bytes by second."""

    memory_mb: list[tuple[float, float]] = field(default_factory=list)
    late_ms: list[float] = field(default_factory=list)
    quiet_ms: list[float] = field(default_factory=list)
    tokens: int = 0
    broken: int = 0

    def by_minute(self) -> dict[int, float]:
        """The memory at the first look after each whole minute, in 10^6 bytes."""
        minutes: dict[int, float] = {}
        for at_s, memory_mb in self.memory_mb:
            minutes.setdefault(int(at_s // 60), memory_mb)
        return {minute: memory_mb for minute, memory_mb in minutes.items() if minute}

    def growth(self) -> float:
        """The memory of the last tenth, of that of the first tenth after the warm-up (of the second half if short)."""
        last_s = self.memory_mb[-1][0]
        begin_s = min(_WARM_UP_S, last_s / 2)
        levels = [each_mb for at_s, each_mb in self.memory_mb if at_s >= begin_s]
        tenth = max(1, len(levels) // 10)
        return statistics.median(levels[-tenth:]) / statistics.median(levels[:tenth])


def main(arguments: list[str] | None = None) -> int:
    """Soaks, prints the table and returns the exit status: 1 where a bound was not kept."""
    made = parser("soak", __doc__ or "", seconds=600, rounds=1)
    made.add_argument("--streams", type=positive, default=8, metavar="N", help="paced streams at once")
    made.add_argument("--itl-ms", type=positive, default=20, metavar="X", help="time between two tokens of the streams")
    return run(made.parse_args(arguments), _measure, ("what",), _COLUMNS)


def _measure(options: argparse.Namespace) -> Results:
    results = Results("soak", vars(options))
    first = post(orjson.dumps({"messages": [{"role": "user", "content": "hello"}], "max_tokens": 1}))
    pace = f"--ttft-ms={options.itl_ms}", f"--itl-ms={options.itl_ms}"
    for _ in range(options.rounds):
        with (
            servers.started(servers.mock(*pace, f"--workers={_WORKERS}"), first, None) as server,
            servers.started(servers.mock(*pace), first, None) as quiet,
        ):
            _soak(options, server, quiet, results)
    results.notes.append(
        "quiet: a stream of another mock, which nobody else asks, read by the same program on the same machine at the "
        "same time; what is late there is late by the machine."
    )
    return results


def _soak(options: argparse.Namespace, server: Server, quiet: Server, results: Results) -> None:
    before = _open(server)
    watched = Watched()
    with traffic(server.port) as sent:
        _watch(options, server, quiet, watched)
    left = _after_rest(server, before)
    lost = {kind: sent.counts[f"{kind}, lost"] for kind in ("good", "hostile")}
    for kind in ("good", "hostile", "cut"):
        _add(results, f"{kind} requests", sent.counts[kind])
    for kind, count in lost.items():
        _add(results, f"{kind} requests without an answer", count, 0)
    _add(results, "tokens of paced streams", watched.tokens)
    _add(results, "paced streams that broke", watched.broken, 0)
    _add_late(results, "tokens", watched.late_ms, _MOST_LATE_MS)
    _add_late(results, "quiet tokens", watched.quiet_ms, None)
    for minute, memory_mb in watched.by_minute().items():
        _add(results, f"memory after {minute} min, MB", memory_mb)
    _add(results, "memory at the end, MB", watched.memory_mb[-1][1])
    _add(results, "memory at the end, of that after the first minute, %", watched.growth() * 100, _MOST_GROWTH * 100)
    _add(results, "open files before", before)
    _add(results, "open files after", left, before)


def _watch(options: argparse.Namespace, server: Server, quiet: Server, watched: Watched) -> None:
    readers = [PacedReader(server.port, options.itl_ms, max_tokens=1000) for _ in range(options.streams)]
    control = PacedReader(quiet.port, options.itl_ms, max_tokens=1000)
    began_s = time.perf_counter()
    while (past_s := time.perf_counter() - began_s) < options.seconds:
        time.sleep(min(1.0, options.seconds / 4))
        watched.memory_mb.append((past_s, sum(rss_mb(pid) for pid in family(server.pid))))
        progress(f"{past_s:.0f} of {options.seconds:.0f} s, {watched.memory_mb[-1][1]:.1f} MB")
    for reader in (*readers, control):
        reader.stop()
    watched.late_ms = [late_ms for reader in readers for late_ms in reader.take_late_ms()]
    watched.quiet_ms = control.take_late_ms()
    watched.tokens = sum(reader.tokens for reader in readers)
    watched.broken = sum(reader.broken for reader in readers)


def _open(server: Server) -> int:
    return sum(descriptors(pid) for pid in family(server.pid))


def _after_rest(server: Server, before: int) -> int:
    """The open files as soon as they are as few as before, or else when the rest is over."""
    until_s = time.perf_counter() + _REST_S
    while (left := _open(server)) > before and time.perf_counter() < until_s:
        time.sleep(0.1)
    return left


def _add_late(results: Results, what: str, late_ms: Sequence[float], most: float | None) -> None:
    ordered = sorted(late_ms) or [0.0]
    _add(results, f"{what}, late p50, ms", ordered[len(ordered) // 2])
    _add(results, f"{what}, late p99, ms", ordered[len(ordered) * 99 // 100])
    _add(results, f"{what}, latest, ms", ordered[-1], most)
    _add(results, f"{what} over {_MOST_LATE_MS:.0f} ms", sum(each_ms > _MOST_LATE_MS for each_ms in ordered))


def _add(results: Results, what: str, value: float, most: float | None = None) -> None:
    results.add((what,), {"value": value, "most": most})
    if most is not None and value > most:
        results.not_kept.append(f"{what}: expected at most {most:,.1f}, got {value:,.1f}")


if __name__ == "__main__":
    sys.exit(main())
