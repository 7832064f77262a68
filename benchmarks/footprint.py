"""Footprint: the time to the first answer, the memory at rest, with idle connections, and over many requests."""

from __future__ import annotations

import argparse
import contextlib
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import servers
from benchmarks.command import parser, positive, progress, run
from benchmarks.machine import allow_connections, cores, pin, rss_mb
from benchmarks.measurement import measured
from benchmarks.native import Plan, compiled, write_blocks
from benchmarks.results import Column, Results
from benchmarks.servers import Server
from benchmarks.workload import call_of, prompts
from mixtral_contract.contract.openapi import Contract

_COLUMNS = (Column("figure", "value", "{:,.3g}", ranged=True),)
_CONNECTIONS = 32
_TENTHS = 10


def main(arguments: list[str] | None = None) -> int:
    """Measures, prints the table and returns the exit status."""
    made = parser("footprint", __doc__ or "", seconds=2, rounds=10)
    made.add_argument("--idle", type=positive, default=10_000, metavar="N", help="idle connections")
    made.add_argument(
        "--requests", type=positive, default=200_000, metavar="N", help="how many the memory is watched for"
    )
    return run(made.parse_args(arguments), _measure, ("what",), _COLUMNS)


def _measure(options: argparse.Namespace) -> Results:
    results = Results("footprint", vars(options))
    allow_connections(options.idle + 100)
    server_core, client_core = cores()
    pin(client_core)
    firsts = [call_of(dialect).request(next(prompts("same"))) for dialect in Contract.load().operations]
    for number in range(options.rounds + 1):
        progress(f"start {number} of {options.rounds}")
        with servers.started(servers.mock(), firsts[0], server_core) as mock:
            for first in firsts:
                servers.ask(mock.port, first)
            if number:  # round 0 warms the file cache
                results.add(("start to first answer, s",), {"value": mock.start_s})
                results.add(("RSS, every dialect asked once, MB",), {"value": rss_mb(mock.pid)})
    with servers.started(servers.mock(), firsts[0], server_core) as mock:
        _idle(options.idle, mock, firsts[0], results)
    with servers.started(servers.mock(), firsts[0], server_core) as mock, tempfile.TemporaryDirectory() as name:
        _watch(options, mock, Path(name), results)
    return results


def _idle(connections: int, mock: Server, request: bytes, results: Results) -> None:
    """Holds idle connections, and asks through one more."""
    progress(f"{connections} idle connections")
    before_mb = rss_mb(mock.pid)
    with contextlib.ExitStack() as held:
        for _ in range(connections):
            held.enter_context(socket.create_connection(("127.0.0.1", mock.port)))
        asked_s = time.perf_counter()
        servers.ask(mock.port, request)
        waited_s = time.perf_counter() - asked_s
        results.add((f"an answer amid {connections:,} idle connections, ms",), {"value": waited_s * 1e3})
        results.add(("RSS per idle connection, kB",), {"value": (rss_mb(mock.pid) - before_mb) * 1e3 / connections})


def _watch(options: argparse.Namespace, mock: Server, folder: Path, results: Results) -> None:
    """Asks distinct questions, half of them streamed, and looks at the memory after each tenth of them."""
    called = call_of("nvidia")
    requests = (called.request(prompt, stream=number % 2 == 0) for number, prompt in enumerate(prompts("distinct")))
    plan = Plan(write_blocks(folder / "requests", requests), _CONNECTIONS, options.seconds)
    client, asked, levels = compiled("client", folder), 0, list[float]()
    while asked < options.requests:
        progress(f"request {asked:,} of {options.requests:,}, RSS {rss_mb(mock.pid):.1f} MB")
        asked += measured(client, mock, plan)["requests"]
        levels.append(rss_mb(mock.pid))
    tenth = max(1, len(levels) // _TENTHS)
    row = f"RSS after {asked // len(levels) * tenth:,} distinct requests, MB", f"RSS after {asked:,}, MB"
    results.add(row[:1], {"value": statistics.median(levels[:tenth])})
    results.add(row[1:], {"value": statistics.median(levels[-tenth:])})


if __name__ == "__main__":
    sys.exit(main())
