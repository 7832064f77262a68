"""Unpaced streams: how many events leave per second when nothing holds them, next to C with the same bytes."""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks import servers
from benchmarks.command import parser, positive, progress, run
from benchmarks.event_stream import long_stream
from benchmarks.machine import cores, pin
from benchmarks.measurement import measured
from benchmarks.native import Plan, compiled, write_blocks
from benchmarks.results import Column, Results
from benchmarks.workload import WORKLOADS, call_of, dialects, prompts

_COLUMNS = (
    Column("events/s", "events_per_s", ranged=True),
    Column("of C", "of_reference", "{:.2f}", ranged=True),
    Column("streams/s", "requests_per_s"),
    Column("CPU µs/stream", "cpu_us_per_request", "{:.1f}"),
    Column("p99 µs/stream", "latency_p99_us"),
    Column("server busy", "server_busy", "{:.2f}"),
    Column("client busy", "client_busy", "{:.2f}"),
    Column("not 200", "refused"),
)


def main(arguments: list[str] | None = None) -> int:
    """Measures, prints the table and returns the exit status."""
    made = parser("unpaced_streams", __doc__ or "", seconds=3, rounds=5)
    made.add_argument("--prompts", nargs="+", choices=WORKLOADS, default=list(WORKLOADS), help="what is asked")
    made.add_argument("--connections", type=positive, default=32, metavar="N", help="how many streams at once")
    made.add_argument("--dialect", choices=dialects(), default="nvidia", help="how the mock is called")
    return run(made.parse_args(arguments), _measure, ("prompts", "server"), _COLUMNS)


def _measure(options: argparse.Namespace) -> Results:
    results = Results("unpaced_streams", vars(options))
    server_core, client_core = cores()
    called = call_of(options.dialect)
    first = called.request(next(prompts("same")), stream=True)
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        mock = running.enter_context(servers.started(servers.mock(), first, server_core))
        stream = long_stream(mock, called)
        reply = write_blocks(folder / "reply", [stream.head, *stream.chunks])
        bound = running.enter_context(
            servers.started(servers.native(compiled("server", folder), reply), first, server_core)
        )
        pin(client_core)
        client = compiled("client", folder)
        requests = {"same": [stream.request]} | {
            workload: [called.request(prompt, stream=True) for prompt in prompts(workload)]
            for workload in options.prompts
            if workload != "same"
        }
        plans = {
            workload: Plan(write_blocks(folder / workload, requests[workload]), options.connections, options.seconds)
            for workload in options.prompts
        }
        for number in range(options.rounds + 1):
            for workload, plan in plans.items():
                for server in (mock, bound):
                    progress(f"round {number} of {options.rounds}: {workload} prompts, {server.name}")
                    figures = measured(client, server, plan)
                    if number:  # round 0 warms up
                        results.add((workload, server.name), figures)
    results.relate("events_per_s", "of_reference", lambda row: (row[0], bound.name))
    return results


if __name__ == "__main__":
    sys.exit(main())
