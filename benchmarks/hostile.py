"""Hostile requests on one connection, paced streams on others: how late the latest token of these is."""

from __future__ import annotations

import argparse
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress

import orjson

from benchmarks import servers
from benchmarks.command import parser, positive, progress, run
from benchmarks.hostile_requests import hostile_requests, post
from benchmarks.machine import cores
from benchmarks.paced_reader import PacedReader
from benchmarks.results import Column, Results

_COLUMNS = (
    Column("answer", "status", "{:.0f}"),
    Column("after ms", "answer_ms", "{:.0f}", ranged=True),
    Column("latest token ms", "late_ms", "{:.1f}", ranged=True),
    Column("quiet ms", "quiet_ms", "{:.1f}", ranged=True),
    Column("/health ms", "health_ms", "{:.1f}", ranged=True),
)
_ANSWER_S = 30.0
_REST_S = 0.1


def sent(port: int, request: bytes) -> tuple[int, float]:
    """The status of a request's answer, 0 for none, and the milliseconds until it came."""
    begun = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), timeout=_ANSWER_S) as connection:
        # what is refused before it was sent to its end may be answered all the same
        with suppress(OSError):
            connection.sendall(request)
        answer = bytearray()
        try:
            while received := connection.recv(1 << 16):
                if len(answer) < 100:
                    answer += received
        except ConnectionError:
            pass
        except TimeoutError:
            return -1, (time.perf_counter() - begun) * 1000
    status = int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0
    return status, (time.perf_counter() - begun) * 1000


def healthy(port: int) -> float:
    """The milliseconds until /health answers."""
    return sent(port, b"GET /health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")[1]


def main(arguments: list[str] | None = None) -> int:
    """Measures, prints the table and returns the exit status."""
    made = parser("hostile", __doc__ or "", seconds=0.1, rounds=1)
    made.add_argument("--itl-ms", type=positive, default=20, metavar="X", help="time between two tokens of the streams")
    made.add_argument("--only", default="", metavar="WORD", help="those with this in their name")
    return run(made.parse_args(arguments), _measure, ("request",), _COLUMNS)


def _measure(options: argparse.Namespace) -> Results:
    results = Results("hostile", vars(options))
    requests: Mapping[str, bytes] = {
        name: request for name, request in hostile_requests().items() if options.only in name
    }
    server_core, _ = cores()
    first = post(orjson.dumps({"messages": [{"role": "user", "content": "hello"}], "max_tokens": 1}))
    pace = f"--ttft-ms={options.itl_ms}", f"--itl-ms={options.itl_ms}"
    latest_ms = 0.0
    with (
        servers.started(servers.mock(*pace), first, server_core) as server,
        servers.started(servers.mock(*pace), first, server_core) as quiet,
    ):
        stream = PacedReader(server.port, options.itl_ms)
        control = PacedReader(quiet.port, options.itl_ms)
        time.sleep(5 * _REST_S)
        stream.take_late_ms()
        control.take_late_ms()
        for number in range(options.rounds):
            for name, request in requests.items():
                progress(f"round {number + 1} of {options.rounds}: {name}")
                status, answer_ms = sent(server.port, request)
                health_ms = healthy(server.port)
                time.sleep(options.seconds)
                late_ms = max(0.0, *stream.take_late_ms())
                latest_ms = max(latest_ms, late_ms)
                figures = {"status": status, "answer_ms": answer_ms, "late_ms": late_ms, "health_ms": health_ms}
                figures["quiet_ms"] = max(0.0, *control.take_late_ms())
                results.add((name,), figures)
        stream.stop()
        control.stop()
    results.notes.append(
        f"{len(requests)} requests; the latest token of {stream.tokens} came {latest_ms:.1f} ms late, "
        f"{stream.broken} streams were broken."
    )
    return results


if __name__ == "__main__":
    sys.exit(main())
