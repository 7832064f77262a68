"""Processes that are killed at random moments: whether what was finished is kept, and what is missing is named."""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks import servers
from benchmarks.command import parser, progress, run
from benchmarks.hostile_requests import asking, post
from benchmarks.machine import family
from benchmarks.results import Column, Results
from benchmarks.servers import ROOT
from mixtral_contract.cassettes.reader import Cassette

_COLUMNS = (Column("kept and named", "kept", "{:.2f}"), Column("rounds", "round", "{:.0f}"))
_LIMIT_S = 60.0
_PACE = ("--ttft-ms", "10", "--itl-ms", "2")

Fault = Callable[[Path, random.Random], str]


@contextmanager
def _started(folder: Path, *command: str) -> Iterator[subprocess.Popen[str]]:
    """A program of this checkout, in a group of its own that is ended; what it says is in the file `said`."""
    with (folder / "said").open("w", encoding="utf-8") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            stdout=subprocess.PIPE if command[0] == "mock_server" else said,
            stderr=said,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


@contextmanager
def _mock(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    with _started(folder, "mock_server", "--port", "0", *options) as process:
        assert process.stdout is not None
        yield process, int(process.stdout.readline().strip().rpartition(":")[2])


def _said(folder: Path) -> str:
    return (folder / "said").read_text(encoding="utf-8")


def _ask(port: int, seconds: float) -> int:
    """How many whole answers came in that time, or until none came."""
    answered, until_s = 0, time.perf_counter() + seconds
    with suppress(OSError):
        while time.perf_counter() < until_s:
            servers.ask(port, post(asking(f"question {answered}", max_tokens=5)))
            answered += 1
    return answered


def _mock_worker(folder: Path, chance: random.Random) -> str:
    """The server ends, and names the process."""
    with _mock(folder, "--workers", "2") as (process, port):
        _ask(port, chance.uniform(0, 1))
        killed = chance.choice(family(process.pid)[1:])
        os.kill(killed, signal.SIGKILL)
        if process.wait(_LIMIT_S) != 1:
            return f"expected exit status 1, got {process.returncode}"
    said = _said(folder)
    return "" if str(killed) in said and "SIGKILL" in said else f"expected the process {killed}, got {said!r}"


def _recorder(folder: Path, chance: random.Random) -> str:
    """Every exchange that its client had whole is in the cassette."""
    tape, upstream = folder / "tape.yaml", folder / "upstream"
    upstream.mkdir()
    with (
        _mock(upstream) as (_, upstream_port),
        _mock(folder, "--record", f"http://127.0.0.1:{upstream_port}", "--cassette", str(tape)) as (process, port),
    ):
        answered = _ask(port, chance.uniform(0, 1))
        process.kill()
        process.wait()
    recorded = len(Cassette.load(tape).exchanges)
    # what was answered last may be on its way to the file
    return "" if recorded >= answered - 1 else f"expected {answered} exchanges, got {recorded}"


def _load(folder: Path, port: int) -> Sequence[str]:
    command = ["locust", "-f", "load/", "--headless", "--only-summary", "--host", f"http://127.0.0.1:{port}"]
    return [*command, "--dialect", "nvidia", "-u", "4", "-t", "7s", "--out", str(folder / "out")]


def _load_worker(folder: Path, chance: random.Random) -> str:
    """The report is written, and counts the worker as lost."""
    upstream = folder / "upstream"
    upstream.mkdir()
    with _mock(upstream, *_PACE) as (_, port), _started(folder, *_load(folder, port), "--processes", "2") as process:
        until_s = time.perf_counter() + _LIMIT_S
        while len(family(process.pid)) < 3 and time.perf_counter() < until_s:
            time.sleep(0.05)
        time.sleep(chance.uniform(2, 6))
        os.kill(chance.choice(family(process.pid)[1:3]), signal.SIGKILL)
        process.wait(_LIMIT_S)
    summary = json.loads((folder / "out" / "summary.json").read_text(encoding="utf-8"))
    lost, validity = summary["lost"]["workers"], summary["validity"]["verdict"]
    return "" if lost == 1 and validity != "VALID" else f"expected a lost worker, got {lost}, {validity}"


def _suite(folder: Path, chance: random.Random) -> str:
    """The report has what was judged, and names the clauses that were not."""
    upstream = folder / "upstream"
    upstream.mkdir()
    options = ("--dialect", "nvidia", "--report", str(folder / "report"), "-q", "-p", "no:cacheprovider")
    with (
        _mock(upstream) as (_, port),
        _started(folder, "pytest", "contract_tests", "--base-url", f"http://127.0.0.1:{port}", *options) as process,
    ):
        time.sleep(chance.uniform(8, 16))
        process.kill()
        process.wait()
    path = folder / "report" / "verdicts.json"
    if not path.exists():
        return "expected a report of what was finished, got none"
    written = json.loads(path.read_text(encoding="utf-8"))
    named = written.get("unfinished", {"missing": []})["missing"]
    judged = {entry["clause"] for entry in written["verdicts"]}
    if not judged or judged & set(named):
        return f"expected verdicts and the names of the others, got {len(judged)} and {len(named)}"
    return ""


_FAULTS: dict[str, Fault] = {
    "mock worker": _mock_worker,
    "recorder": _recorder,
    "load worker": _load_worker,
    "suite": _suite,
}


def main(arguments: list[str] | None = None) -> int:
    """Kills, prints the table and returns the exit status: 1 where something was lost without a word."""
    made = parser("process_faults", __doc__ or "", seconds=0, rounds=20)
    made.add_argument("--only", default="", metavar="WORD", help="those with this in their name")
    return run(made.parse_args(arguments), _measure, ("killed",), _COLUMNS)


def _measure(options: argparse.Namespace) -> Results:
    results = Results("process_faults", vars(options))
    chance = random.Random(1)
    for name, fault in _FAULTS.items():
        for number in range(options.rounds if options.only in name else 0):
            progress(f"{name}: {number + 1} of {options.rounds}")
            with tempfile.TemporaryDirectory() as folder:
                lost = _outcome(fault, Path(folder), chance)
            results.add((name,), {"kept": float(not lost), "round": options.rounds})
            if lost:
                results.not_kept.append(f"{name}, round {number + 1}: {lost}")
    return results


def _outcome(fault: Fault, folder: Path, chance: random.Random) -> str:
    try:
        return fault(folder, chance)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return f"expected a report, got {type(error).__name__}: {error}"


if __name__ == "__main__":
    sys.exit(main())
