"""What the programs of this folder have in common on their command line: rounds, seconds, a file for the rounds."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.machine import MachineError
from benchmarks.results import Column, Results
from mixtral_contract.primitives.command_line import Parser


def parser(name: str, description: str, *, seconds: float, rounds: int) -> Parser:
    """A parser with the common options."""
    made = Parser(
        prog=f"python -m benchmarks.{name}",
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    made.add_argument("--rounds", type=positive, default=rounds, metavar="N", help="measured after one to warm up")
    made.add_argument("--seconds", type=float, default=seconds, metavar="S", help="length of one measurement")
    made.add_argument("--out", type=Path, metavar="FILE", help="writes every round as JSON")
    return made


def positive(text: str) -> int:
    """A whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, got {text!r}")
    return int(text)


def run(
    options: argparse.Namespace,
    measure: Callable[[argparse.Namespace], Results],
    headings: Sequence[str],
    columns: Sequence[Column],
) -> int:
    """Measures, prints the table and the notes, and returns the exit status."""
    # the servers and the client are ended on the way out: a signal must take this way too
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        results = measure(options)
    except MachineError as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 1
    print(results.table(headings, columns))
    for note in results.notes:
        print(f"\n{note}")
    if options.out is not None:
        results.write(options.out)
    for bound in results.not_kept:
        print(f"benchmark: {bound}", file=sys.stderr)
    return 1 if results.not_kept else 0


def progress(text: str) -> None:
    """Says on a terminal what is measured now."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
