"""`python -m load`: the options of a load run, which `locust --help` cannot show, and what is done with finished runs.

Locust answers --help before it reads the file that adds our options.
"""

from __future__ import annotations

import argparse
import sys

from mixtral_contract.load.cli.calibrate import add_options, run_calibrate
from mixtral_contract.load.cli.compare import add_accept_options, add_compare_options, run_accept, run_compare
from mixtral_contract.load.cli.report import add_report_options, run_report
from mixtral_contract.load.settings.options import OPTIONS
from mixtral_contract.primitives.command_line import Parser, as_typed

_EPILOG = """examples:
  python -m load compare reports/monday reports/tuesday
  python -m load compare base candidate --tolerance 10% --out comparison.html
  python -m load compare reports/monday reports/tuesday --pinned reports/release --markdown summary.md
  python -m load report reports/load --warmup 5s -u 20
  python -m load accept reports/tuesday baseline --reason "larger model"

exit status of compare: 0 nothing is worse, and that is sure; 1 something is, or may be; 2 the command line or a folder
is no good, or the runs cannot be compared (INVALID, interrupted, not asked alike)"""


def parser() -> argparse.ArgumentParser:
    """The options as argparse shows them."""
    shown = Parser(
        prog="locust -f load/",
        usage="locust -f load/ --headless --host URL -u USERS -t DURATION [option]...",
        description="Load on a chat completion API, measured token by token. Locust's own options: locust --help.",
        epilog="Finished runs: python -m load report DIR, python -m load accept RUN BASELINE, python -m load compare.",
        add_help=False,
    )
    group = shown.add_argument_group("options of the load run, besides Locust's own")
    for option in OPTIONS:
        group.add_argument(option.flag, **option.keywords | {"help": as_typed(option.keywords["help"])})
    return shown


def main(arguments: list[str] | None = None) -> int:
    """Does what the command says and returns the exit status; without a command it lists the options of a load run."""
    commands = _commands()
    options = commands.parse_args(arguments)
    if options.command is None:
        print(parser().format_help())
        print(commands.format_help())
        return 0
    status: int = options.run(options)
    return status


def _commands() -> Parser:
    commands = Parser(
        prog="python -m load",
        description="What is done with finished runs. Without a command: the options of a load run.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    added = commands.add_subparsers(dest="command", metavar="COMMAND")
    comparing = added.add_parser("compare", help="two runs: what changed, how sure that is, and whether it is worse")
    add_compare_options(comparing)
    comparing.set_defaults(run=run_compare)
    accepting = added.add_parser(
        "accept", prog="python -m load accept", help="make a run the baseline that others are compared with"
    )
    add_accept_options(accepting)
    accepting.set_defaults(run=run_accept)
    reporting = added.add_parser(
        "report", prog="python -m load report", help="the report of a run of which only the requests are left"
    )
    add_report_options(reporting)
    reporting.set_defaults(run=run_report)
    calibrating = added.add_parser(
        "calibrate", help="the error of this instrument on this machine, against a mock that knows what it sent when"
    )
    add_options(calibrating)
    calibrating.set_defaults(run=run_calibrate)
    return commands


if __name__ == "__main__":
    sys.exit(main())
