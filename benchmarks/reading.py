"""Reading streams: what one event costs one worker of the load instrument, and how far off its ttft is.

A server in C sends streams at known times; one Locust worker on one core reads them, with all that a run does, from
writing prompts to judging answers; next to it a client in C that only counts events, and other people's clients.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import readers, servers
from benchmarks.command import parser, positive, progress, run
from benchmarks.event_stream import EventStream, long_stream
from benchmarks.machine import MachineError, allow_connections, cores, pin
from benchmarks.native import Plan, calling, compiled, write_blocks
from benchmarks.results import Column, Results
from benchmarks.workload import call_of, prompts

_COLUMNS = (
    Column("events/s", "events_per_s", ranged=True),
    Column("CPU µs each", "cpu_us_per_event", "{:.2f}", ranged=True),
    Column("of C", "cpu_of_reference", "{:.2f}", ranged=True),
    Column("events of Locust worker", "events_of_worker", "{:.2f}", ranged=True),
    Column("CPU µs/stream", "cpu_us_per_stream"),
    Column("ttft p50 off ms", "ttft_p50_off_ms", "{:.2f}", ranged=True),
    Column("ttft p99 off ms", "ttft_p99_off_ms", "{:.2f}", ranged=True),
    Column("late p50 ms", "late_p50_ms", "{:.2f}"),
    Column("late p99 ms", "late_p99_ms", "{:.2f}"),
    Column("busy", "busy", "{:.2f}"),
)
_LOCUST = "Locust worker"
_LATEST_S = 120.0


def main(arguments: list[str] | None = None) -> int:
    """Measures, prints the table and returns the exit status."""
    made = parser("reading", __doc__ or "", seconds=8, rounds=3)
    made.add_argument("--streams", type=positive, nargs="+", default=[1000], metavar="N", help="at once")
    made.add_argument("--ttft-ms", type=positive, default=200, metavar="X", help="time to the first event")
    made.add_argument("--itl-ms", type=positive, default=20, metavar="X", help="time between two events of a stream")
    made.add_argument(
        "--peer",
        type=readers.peer,
        action="append",
        default=[],
        metavar="NAME=COMMAND",
        help="another client, a command with {url} and maybe {streams} and {seconds} in it (may be repeated)",
    )
    return run(made.parse_args(arguments), _measure, ("streams", "client"), _COLUMNS)


def _measure(options: argparse.Namespace) -> Results:
    results = Results("reading", {**vars(options), "peer": [each.name for each in options.peer]})
    allow_connections(max(options.streams) + 200)
    server_core, client_core = cores()
    ttft_ns, itl_ns = options.ttft_ms * 1_000_000, options.itl_ms * 1_000_000
    called = call_of("nvidia")
    first = called.request(next(prompts("same")), max_tokens=1)
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        with servers.started(servers.mock(), first, server_core) as unpaced:
            stream = long_stream(unpaced, called)
        reply = write_blocks(folder / "reply", [stream.head, *stream.chunks])
        paced = servers.native(compiled("server", folder), reply, ttft_ns=ttft_ns, itl_ns=itl_ns)
        server = running.enter_context(servers.started(paced, first, server_core))
        pin(client_core)
        client, requests = compiled("client", folder), write_blocks(folder / "requests", [stream.request])
        spread_ms = stream.tokens * options.itl_ms  # begun over one length: from then on as many end as begin
        for number in range(options.rounds + 1):
            for streams in options.streams:
                plan = Plan(requests, streams, options.seconds, spread_ms, ttft_ns, itl_ns, stream.tokens)
                progress(f"round {number} of {options.rounds}: {streams} streams")
                rows = {"C": _native(client, server.port, plan), _LOCUST: _locust(server.port, plan, stream, folder)}
                rows |= {each.name: readers.watched(each, server.port, plan) for each in options.peer}
                for row, figures in rows.items():
                    figures["cpu_us_per_stream"] = figures["cpu_us_per_event"] * stream.tokens
                    if number:  # round 0 warms up
                        results.add((str(streams), row), figures)
    results.relate("cpu_us_per_event", "cpu_of_reference", lambda row: (row[0], "C"))
    results.relate("events_per_s", "events_of_worker", lambda row: (row[0], _LOCUST))
    results.notes.append(
        f"{stream.tokens} tokens in each answer; off: against {options.ttft_ms} ms, the server's own lateness included."
    )
    return results


def _native(client: Path, port: int, plan: Plan) -> dict[str, Any]:
    with calling(client, port, plan) as seen_by_client:
        seen = seen_by_client()
    busy_s = seen["client_busy"] * seen["seconds"]
    return {
        "events_per_s": seen["events"] / seen["seconds"],
        "cpu_us_per_event": busy_s * 1e6 / seen["events"],
        "late_p50_ms": seen["late_p50_us"] / 1000,
        "late_p99_ms": seen["late_p99_us"] / 1000,
        "busy": seen["client_busy"],
    }


def _locust(port: int, plan: Plan, stream: EventStream, folder: Path) -> dict[str, Any]:
    """A closed loop of as many users as there are streams; the run's own summary says what came of it."""
    out, spread_s = folder / "run", math.ceil(plan.spread_ms / 1000)
    command = [sys.executable, "-m", "locust", "-f", "load/", "--headless", "--only-summary"]
    command += ["--host", f"http://127.0.0.1:{port}", "--dialect", "nvidia", "--out", str(out)]
    command += ["-u", str(plan.connections)]
    command += ["-r", str(max(1.0, plan.connections / spread_s)), "--warmup", f"{spread_s + 1}s"]
    command += ["-t", f"{spread_s + 1 + math.ceil(plan.seconds)}s", "--stop-timeout", "30"]
    ended = subprocess.run(
        command,
        cwd=servers.ROOT,
        env={**os.environ, "XDG_STATE_HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=_LATEST_S + plan.seconds,
        check=False,
    )
    if not (out / "summary.json").exists():
        raise MachineError(f"locust: expected a run, got {(ended.stderr.strip().splitlines() or ['nothing'])[-1]!r}")
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    (use,) = summary["instrument"]["workers"]
    # every token is an event of its own; those that carry none (the opening, the finish, [DONE]) share a recv with one
    events_per_s, ttft = summary["output_tokens_per_s"], summary["ttft_ms"]
    truth_ms = plan.ttft_ns / 1e6
    return {
        "events_per_s": events_per_s,
        "cpu_us_per_event": use["cpu_share"] * 1e6 / events_per_s,
        "ttft_p50_off_ms": None if ttft["p50"] is None else ttft["p50"] - truth_ms,
        "ttft_p99_off_ms": None if ttft["p99"] is None else ttft["p99"] - truth_ms,
        "tokens": stream.tokens,
        "busy": use["cpu_share"],
        "outcomes": summary["outcomes"],
    }


if __name__ == "__main__":
    sys.exit(main())
