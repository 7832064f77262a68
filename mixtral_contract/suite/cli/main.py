"""`python -m contract_tests`: what is done beside the runs of the suite, which are `pytest contract_tests`."""

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

from mixtral_contract.cassettes.reader import CassetteError
from mixtral_contract.contract import clauses
from mixtral_contract.contract.openapi import ContractError
from mixtral_contract.primitives.command_line import Parser
from mixtral_contract.suite.proof.mutation_run import MutationRun
from mixtral_contract.suite.proof.proof import Proof, dishonest, headline
from mixtral_contract.suite.recordings import drift
from mixtral_contract.suite.reporting import report
from mixtral_contract.suite.target.target import TargetError
from mixtral_contract.suite.verdicts import baseline

_EXAMPLES = """the suite itself:
  pytest contract_tests                                    on the mock, which it starts
  pytest contract_tests --target nvidia --dry-run          what a live run would cost; sends nothing
  pytest contract_tests --target nvidia --tier smoke       at most 3 completions
  pytest contract_tests --target nvidia --level must --budget 40 --rpm 30
  pytest contract_tests --base-url http://127.0.0.1:8080 --dialect nvidia --baseline known.yaml
  pytest contract_tests -k SSE-08                          one clause
  pytest contract_tests --help                             its options, under "contract"

and what goes with it:
  python -m contract_tests prove                           every break of the mock, some minutes
  python -m contract_tests prove SSE-08 RSP-10             these two
  python -m contract_tests report A/verdicts.json B --out DIR     two runs side by side, as one page
  python -m contract_tests baseline --from reports/contract > known.yaml
                                                           accept what fails today, for 90 days
  python -m contract_tests drift nvidia.yaml               recordings, held against the contract
  python -m contract_tests drift nvidia.yaml --api-key-env NVIDIA_API_KEY
                                                           and against the endpoint as it answers now

exit status: 0 well, 1 a break was not found, more than it fell, or something drifted, 2 the command line is no good"""


def main(arguments: list[str] | None = None) -> int:
    """Runs the command and returns the exit status."""
    parser = Parser(
        prog="python -m contract_tests",
        description="Whether a server keeps the contract, clause by clause; and whether the suite can tell.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_prove(commands)
    _add_report(commands)
    _add_baseline(commands)
    drift.add_to(commands, print)
    options = parser.parse_args(arguments)
    try:
        status: int = options.run(options)
    except (report.ReportError, CassetteError, ContractError, TargetError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return status


# ---- prove


def _add_prove(commands: Any) -> None:
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


# ---- report


def _add_report(commands: Any) -> None:
    command = commands.add_parser("report", help="one page of several runs side by side, clauses by targets")
    command.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a verdicts.json, or the folder that has it")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of index.html")
    command.set_defaults(run=_report)


def _report(options: argparse.Namespace) -> int:
    runs = [report.read(path) for path in options.runs]
    print(f"report: {report.write_page(report.writable(options.out, '--out'), runs)}")
    return 0


# ---- baseline


def _add_baseline(commands: Any) -> None:
    command = commands.add_parser("baseline", help="a first baseline, from what a run found broken")
    command.add_argument(
        "--from", dest="run_path", type=Path, required=True, metavar="RUN", help="a verdicts.json, or its folder"
    )
    command.set_defaults(run=_baseline)


def _baseline(options: argparse.Namespace) -> int:
    today = dt.datetime.now(dt.UTC).date()
    print(baseline.drawn_from(report.read(options.run_path), today), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
