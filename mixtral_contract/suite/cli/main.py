"""`python -m contract_tests`: what is done beside the runs of the suite, which are `pytest contract_tests`."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from pathlib import Path
from typing import Any

from mixtral_contract.cassettes.reader import CassetteError
from mixtral_contract.contract.openapi import ContractError
from mixtral_contract.primitives.command_line import Parser
from mixtral_contract.suite.cli import prove
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
    prove.add_to(commands)
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
