"""Paced streams: what one event costs and how late it is, next to the least that a program in C needs for it."""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks import servers
from benchmarks.command import parser, positive, progress, run
from benchmarks.event_stream import long_stream
from benchmarks.machine import allow_connections, cores, pin
from benchmarks.measurement import measured
from benchmarks.native import Plan, compiled, write_blocks
from benchmarks.results import Column, Results
from benchmarks.workload import call_of, dialects, prompts

_COLUMNS = (
    Column("events/s", "events_per_s", ranged=True),
    Column("CPU µs each", "cpu_us_per_event", "{:.2f}", ranged=True),
    Column("of C", "cpu_of_reference", "{:.2f}", ranged=True),
    Column("late p50 ms", "late_p50_ms", "{:.2f}"),
    Column("late p99 ms", "late_p99_ms", "{:.2f}", ranged=True),
    Column("server busy", "server_busy", "{:.2f}"),
    Column("client busy", "client_busy", "{:.2f}"),
    Column("broken", "broken"),
)


def main(arguments: list[str] | None = None) -> int:
    """Measures, prints the table and returns the exit status."""
    made = parser("paced_streams", __doc__ or "", seconds=6, rounds=5)
    made.add_argument("--streams", type=positive, nargs="+", default=[1000, 1500], metavar="N", help="at once")
    made.add_argument("--itl-ms", type=positive, default=20, metavar="X", help="time between two events of a stream")
    made.add_argument("--dialect", choices=dialects(), default="nvidia", help="how the mock is called")
    return run(made.parse_args(arguments), _measure, ("streams", "server"), _COLUMNS)


def _measure(options: argparse.Namespace) -> Results:
    results = Results("paced_streams", vars(options))
    allow_connections(max(options.streams) + 100)
    server_core, client_core = cores()
    itl_ns = options.itl_ms * 1_000_000
    called = call_of(options.dialect)
    first = called.request(next(prompts("same")), max_tokens=1)
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        with servers.started(servers.mock(), first, server_core) as unpaced:
            stream = long_stream(unpaced, called)
        reply = write_blocks(folder / "reply", [stream.head, *stream.chunks])
        pace = f"--ttft-ms={options.itl_ms}", f"--itl-ms={options.itl_ms}"
        bound = servers.native(compiled("server", folder), reply, ttft_ns=itl_ns, itl_ns=itl_ns)
        candidates = [
            running.enter_context(servers.started(each, first, server_core)) for each in (servers.mock(*pace), bound)
        ]
        pin(client_core)
        client, requests = compiled("client", folder), write_blocks(folder / "requests", [stream.request])
        spread_ms = stream.tokens * options.itl_ms  # begun over one length: from then on as many end as begin
        for number in range(options.rounds + 1):
            for streams in options.streams:
                plan = Plan(requests, streams, options.seconds, spread_ms, itl_ns, itl_ns, stream.tokens)
                for server in candidates:
                    progress(f"round {number} of {options.rounds}: {streams} streams, {server.name}")
                    figures = measured(client, server, plan)
                    figures |= {f"late_{at}_ms": figures[f"late_{at}_us"] / 1000 for at in ("p50", "p99", "max")}
                    if number:  # round 0 warms up
                        results.add((str(streams), server.name), figures)
    results.relate("cpu_us_per_event", "cpu_of_reference", lambda row: (row[0], bound.name))
    results.notes.append(f"{stream.tokens} tokens in each answer; a stream that ends is followed by the next.")
    return results


if __name__ == "__main__":
    sys.exit(main())
