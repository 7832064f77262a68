"""`python -m load calibrate`: measures the mock with the instrument, and the instrument with the mock's journal.

The same loop, client, pump and reading of answers as in a run, at one rate of events after the other, each stream with
a known pace. The mock runs as a process of its own, on this machine.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gevent  # type: ignore[import-untyped]  # its stubs are a package of their own

from mixtral_contract.load.reading.record import Record
from mixtral_contract.load.results.calibration import (
    BOUND_MS,
    Calibration,
    Step,
    machine,
    make_step,
    usual_path,
    write_calibration,
)
from mixtral_contract.load.run.open_loop import OpenLoop
from mixtral_contract.load.run.quiet_gc import QuietCollector
from mixtral_contract.load.run.run import Run
from mixtral_contract.load.run.sender import Sender
from mixtral_contract.load.settings.options import OPTIONS
from mixtral_contract.load.settings.settings import MOCK_KEY, Settings, read_settings
from mixtral_contract.load.workload.arrivals import Share, schedule

RATES = (500, 2_000, 5_000, 10_000, 20_000, 40_000)
"""Events per second."""

TTFT_MS, ITL_MS, TOKENS = 200, 20, 50
_STREAM_S = (TTFT_MS + ITL_MS * TOKENS) / 1000

_RAMP_S = _STREAM_S
"""Until then there are fewer streams than there will be."""

_BESIDE_S = _STREAM_S + 1.0
"""What a step takes beside its measurement: its streams end, and the journal is read."""

_LEAST_S = 1.0
_CONTROL_S = 60.0


class MockError(RuntimeError):
    """There is no mock to measure; the message says why in one line."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """What can be said on the command line."""
    parser.add_argument("--out", type=Path, metavar="FILE", help=f"default: {usual_path(os.environ)}")
    parser.add_argument("--seconds", type=float, default=60.0, metavar="S", help="at most so long (default: 60)")
    parser.add_argument(
        "--rates",
        type=_rates,
        default=RATES,
        metavar="N,...",
        help=f"events per second, rising (default: {','.join(map(str, RATES))})",
    )
    parser.add_argument("--bound-ms", type=float, default=BOUND_MS, metavar="X", help="p99 that a rate may be off by")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="two low rates, a few seconds: a rough idea; what it did not try makes no run SUSPECT",
    )


def run_calibrate(options: argparse.Namespace) -> int:
    """Calibrates, writes the file, prints the table and returns the exit status: 0 when a rate was held, else 1."""
    rates, seconds = (RATES[:2], 9.0) if options.quick else (options.rates, options.seconds)
    each_s = seconds / len(rates) - _BESIDE_S - _RAMP_S
    if each_s < _LEAST_S:
        least_s = len(rates) * (_LEAST_S + _BESIDE_S + _RAMP_S)
        print(f"calibrate: --seconds: expected at least {least_s:.0f} for {len(rates)} rates", file=sys.stderr)
        return 2
    path = options.out or usual_path(os.environ)
    try:
        with mock("--ttft-ms", str(TTFT_MS), "--itl-ms", str(ITL_MS)) as url:
            steps = tuple(_climb(url, rates, each_s, options.bound_ms))
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        made = Calibration(machine(), now, options.bound_ms, steps, is_quick=options.quick)
        print(table(made))
        if not made.highest_events_per_s:
            print("calibrate: nothing is written: try again when the machine has less to do", file=sys.stderr)
            return 1
        write_calibration(made, path)
    except (MockError, OSError) as error:
        print(f"calibrate: {error}", file=sys.stderr)
        return 1
    print(f"written: {path}")
    return 0


def table(calibration: Calibration) -> str:
    """The calibration in a few lines of text."""
    lines = [f"{'events/s':>9} {'streams':>8} {'ttft off by':>20} {'gaps off by':>20} {'CPU':>6}"]
    lines += [f"{'':>18} {'p50 / p99 ms':>20} {'p50 / p99 ms':>20}"]
    for step in calibration.steps:
        cells = (
            f"{errors.p50:.2f} / {errors.p99:.2f}" if errors.p50 is not None and errors.p99 is not None else "-"
            for errors in (step.ttft_error_ms, step.gap_error_ms)
        )
        told = "" if step.held else f"  not held{f', {step.failed} failed' if step.failed else ''}"
        ttft, gaps = cells
        share = f"{100 * step.cpu_share:.0f} %"
        lines.append(f"{step.events_per_s:>9,.0f} {step.streams:>8,} {ttft:>20} {gaps:>20} {share:>6}{told}")
    highest = calibration.highest_events_per_s
    bound = f"{calibration.bound_ms:g} ms off at p99"
    at_least = "at least " if all(step.held for step in calibration.steps) else ""
    held = f"one process holds {at_least}{highest:,.0f} events/s, no more than {bound}"
    lines.append(held if highest else f"no rate was held: {bound}")
    return "\n".join(lines)


@contextmanager
def mock(*options: str) -> Iterator[str]:
    """The mock at a free port, and its address; it ends with the block.

    Raises: MockError.
    """
    command = [sys.executable, "-P", "-m", "mixtral_contract.mock", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 -- our own command
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            if not url.startswith("http"):
                process.kill()
                said = (process.communicate()[1].strip().splitlines() or ["nothing"])[-1]
                raise MockError(f"expected python -m mixtral_contract.mock to start, got {said}")
            yield url
        finally:
            process.kill()


def _climb(url: str, rates: Sequence[int], each_s: float, bound_ms: float) -> Iterator[Step]:
    """Step by step, to the first that is not held."""
    for number, events_per_s in enumerate(rates, 1):
        print(f"step {number} of {len(rates)}: {events_per_s:,} events/s, {each_s:.1f} s", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            settings = _settings(url, events_per_s / TOKENS, Path(folder))
            step = _step(url, settings, each_s, bound_ms)
            if not step.held:
                # once more: what else the machine does for a moment is no limit of the instrument
                step = _step(url, settings, each_s, bound_ms)
        yield step
        if not step.held:
            return


def _settings(url: str, requests_per_s: float, folder: Path) -> Settings:
    parser = argparse.ArgumentParser()
    for option in OPTIONS:
        parser.add_argument(option.flag, **option.keywords)
    arguments = ["--arrivals", f"constant:{requests_per_s:g}", "--output-tokens", str(TOKENS), "--out", str(folder)]
    return read_settings(parser.parse_args([*arguments, "--warmup", f"{_RAMP_S}s", "--timeout", "30s"]), url)


def _step(url: str, settings: Settings, seconds: float, bound_ms: float) -> Step:
    since = _ask(url, "/_mock/journal?limit=0")["last_id"]
    records: list[Record] = []
    cpu_share = measure(settings, seconds, records.append)
    window_ns = round(settings.warmup_s * 1e9)
    inside = [record for record in records if record.window_ns >= window_ns]
    return make_step(inside, journal(url, since), seconds=seconds, cpu_share=cpu_share, bound_ms=bound_ms)


def journal(url: str, since: int = 0) -> list[dict[str, Any]]:
    """What the mock wrote down of the requests that ended after the one with that id."""
    return [json.loads(line) for line in _get(url, f"/_mock/journal.jsonl?since={since}").splitlines()]


def measure(settings: Settings, seconds: float, tell: Callable[[Record], None]) -> float:
    """A run of so many seconds after its ramp; which share of a core it took."""
    collector = QuietCollector()
    run = Run(settings, MOCK_KEY, run_id="calibration", share=Share())
    sender = Sender(run, tell)
    pump = OpenLoop(run, sender, schedule(settings.arrivals, Share(), settings.seed, ()))
    gevent.sleep(settings.warmup_s)
    cpu_s, begun_s = time.process_time(), time.perf_counter()
    gevent.sleep(seconds)
    cpu_share = (time.process_time() - cpu_s) / (time.perf_counter() - begun_s)
    run.stop()
    pump.drain(settings.timeout_s)
    sender.close()
    run.close()
    collector.restore()
    return cpu_share


def _ask(url: str, path: str) -> Any:
    return json.loads(_get(url, path))


def _get(url: str, path: str) -> bytes:
    with urllib.request.urlopen(url + path, timeout=_CONTROL_S) as answer:  # noqa: S310 -- the mock that we started
        content: bytes = answer.read()
        return content


def _rates(text: str) -> tuple[int, ...]:
    parts = text.replace("_", "").split(",")
    if not all(part.strip().isdecimal() and int(part) for part in parts):
        raise argparse.ArgumentTypeError(f"expected events per second such as 500,2000, got {text!r}")
    return tuple(sorted(map(int, parts)))
