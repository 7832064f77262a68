"""JSON completions: how many per second the mock answers on one core, next to C or nginx with the same bytes."""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks import servers
from benchmarks.command import parser, positive, progress, run
from benchmarks.machine import cores, pin
from benchmarks.measurement import measured
from benchmarks.native import Plan, compiled, write_blocks
from benchmarks.results import Column, Results
from benchmarks.servers import Program, Server
from benchmarks.workload import WORKLOADS, Call, call_of, dialects, prompts

_SAMPLED = 101
_COLUMNS = (
    Column("requests/s", "requests_per_s", ranged=True),
    Column("of reference", "of_reference", "{:.2f}", ranged=True),
    Column("CPU µs each", "cpu_us_per_request", "{:.1f}"),
    Column("of reference", "cpu_of_reference", "{:.2f}", ranged=True),
    Column("p50 µs", "latency_p50_us"),
    Column("p99 µs", "latency_p99_us"),
    Column("of reference", "p99_of_reference", "{:.2f}", ranged=True),
    Column("server busy", "server_busy", "{:.2f}"),
    Column("client busy", "client_busy", "{:.2f}"),
    Column("not 200", "refused"),
)


def main(arguments: list[str] | None = None) -> int:
    """Measures, prints the table and returns the exit status."""
    options = _options(arguments)
    return run(options, _measure, ("prompts", "server"), _COLUMNS)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    made = parser("completions", __doc__ or "", seconds=3, rounds=5)
    made.add_argument("--prompts", nargs="+", choices=WORKLOADS, default=list(WORKLOADS), help="what is asked")
    made.add_argument("--reference", choices=("C", "nginx"), default="C", help="what the others are divided by")
    made.add_argument("--dialect", choices=dialects(), default="nvidia", help="how the mock is called")
    made.add_argument("--connections", type=positive, default=32, metavar="N", help="how many call at once")
    made.add_argument(
        "--peer",
        type=servers.peer,
        action="append",
        default=[],
        metavar="'NAME=COMMAND'",
        help="another server; {port} in the command is its port",
    )
    return made.parse_args(arguments)


def _measure(options: argparse.Namespace) -> Results:
    results = Results("completions", vars(options))
    server_core, client_core = cores()
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder, called = Path(name), call_of(options.dialect)
        first = called.request(next(prompts("same")))
        mock = running.enter_context(servers.started(servers.mock(), first, server_core))
        others = _others(options, _typical_answer(mock, called), called.path, folder)
        candidates = [mock, *(running.enter_context(servers.started(each, first, server_core)) for each in others)]
        pin(client_core)
        client = compiled("client", folder)
        plans = {workload: _plan(options, workload, called, folder) for workload in options.prompts}
        for number in range(options.rounds + 1):
            for workload, plan in plans.items():
                for server in candidates:
                    progress(f"round {number} of {options.rounds}: {workload} prompts, {server.name}")
                    figures = measured(client, server, plan)
                    if number:  # round 0 warms up
                        results.add((workload, server.name), figures)
    _relate(results, options.reference)
    return results


def _others(options: argparse.Namespace, answer: bytes, path: str, folder: Path) -> list[Program]:
    reply = write_blocks(folder / "reply", [answer])
    bound = servers.native(compiled("server", folder), reply)
    static = [servers.nginx(answer.partition(b"\r\n\r\n")[2], path, folder)] if options.reference == "nginx" else []
    return [bound, *static, *options.peer]


def _typical_answer(mock: Server, called: Call) -> bytes:
    """The answer of median length to some of the distinct prompts: what the references send each time."""
    asked = [prompt for prompt, _ in zip(prompts("distinct"), range(_SAMPLED), strict=False)]
    return sorted((servers.ask(mock.port, called.request(prompt)) for prompt in asked), key=len)[_SAMPLED // 2]


def _plan(options: argparse.Namespace, workload: str, called: Call, folder: Path) -> Plan:
    requests = write_blocks(folder / workload, map(called.request, prompts(workload)))
    return Plan(requests, options.connections, options.seconds)


def _relate(results: Results, reference: str) -> None:
    for figure, name in (
        ("requests_per_s", "of_reference"),
        ("cpu_us_per_request", "cpu_of_reference"),
        ("latency_p99_us", "p99_of_reference"),
    ):
        results.relate(figure, name, lambda row: (row[0], reference))


if __name__ == "__main__":
    sys.exit(main())
