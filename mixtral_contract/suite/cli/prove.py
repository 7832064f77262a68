"""`prove`: the mock is broken, a clause at a time, and the suite has to see exactly that."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from mixtral_contract.contract import clauses
from mixtral_contract.suite.proof.mutation_run import MutationRun
from mixtral_contract.suite.proof.proof import Proof, dishonest, headline
from mixtral_contract.suite.reporting import report


def add_to(commands: Any) -> None:
    """Adds the command to those of the suite."""
    command = commands.add_parser(
        "prove",
        help="break the mock, a clause at a time, and see that exactly what is declared falls, and nothing else moves",
    )
    command.add_argument("clauses", nargs="*", metavar="ID", help="clauses to prove (default: all that have a break)")
    command.add_argument(
        "--jobs", type=_jobs, default=os.cpu_count() or 1, metavar="N", help="runs at a time (default: %(default)s)"
    )
    command.add_argument("--out", type=Path, metavar="FILE", help="write the proofs as JSON")
    command.add_argument(
        "--report",
        type=Path,
        metavar="DIR",
        help="write proof.json there, and say what was proven in the report that lies there",
    )
    breakable = [clause.id for clause in clauses.load().values() if clause.violation is not None]

    def run(options: argparse.Namespace) -> int:
        for name in options.clauses:
            if name not in breakable:
                command.error(f"expected a clause that can be broken, got {name!r}")
        for option, folder in (("--out", options.out and options.out.parent), ("--report", options.report)):
            if folder is not None:
                report.writable(folder, option)
        if options.out is not None and options.out.is_dir():
            command.error(f"--out: expected a file to write, got the folder {str(options.out)!r}")
        return _prove(options.clauses or breakable, options)

    command.set_defaults(run=run)


def _jobs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, got {text!r}")
    return int(text)


def _prove(names: list[str], options: argparse.Namespace) -> int:
    started = dt.datetime.now(dt.UTC)
    with _ended_by_sigterm(), MutationRun(options.jobs) as run:
        standard = run.honest()
        wrong = dishonest(standard)
        for line in wrong:
            print(f"the unbroken mock is no standard: {line}", file=sys.stderr)
        if wrong or not standard:
            print("expected every verdict on the unbroken mock to be PASS or INFO", file=sys.stderr)
            return 1
        proofs: list[Proof] = []
        for proven in run.prove(names, standard):
            proofs.append(proven)
            if proven.killed and sys.stdout.isatty():
                print(f"\r{len(proofs):3}/{len(names)}  {proven.text():20}", end="", flush=True)
            else:
                print(f"\r{len(proofs):3}/{len(names)}  {proven.text()}".lstrip("\r"), flush=True)
    found = headline(proofs)
    print(("\n" if sys.stdout.isatty() else "") + found)
    result = {
        "schema": 1,
        "headline": found,
        "killed": sum(proof.killed for proof in proofs),
        "total": len(proofs),
        "verdicts": len(standard),
        "started": started.isoformat(timespec="seconds"),
        "proofs": [proof.as_dict() for proof in proofs],
    }
    if options.out:
        _write(options.out, result)
    if options.report:
        _write(options.report / report.PROOF, result)
        if (options.report / "verdicts.json").exists():
            print(f"report: {report.write_page(options.report, [report.read(options.report)])}")
    return 0 if all(proof.killed for proof in proofs) else 1


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends what runs meanwhile as an exception does, with all that it started."""

    def end(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _write(path: Path, result: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
