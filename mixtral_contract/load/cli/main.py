"""`python -m load`: the options of a load run, which `locust --help` cannot show, and what is done with finished runs.

Locust answers --help before it reads the file that adds our options.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mixtral_contract.load.cli.calibrate import add_options, run_calibrate
from mixtral_contract.load.compare.comparison import compare
from mixtral_contract.load.compare.html_comparison import render_comparison
from mixtral_contract.load.compare.run_folder import RunFolderError, read_run_folder
from mixtral_contract.load.settings.options import OPTIONS, percent
from mixtral_contract.primitives.command_line import Parser, as_typed

_EPILOG = """examples:
  python -m load compare reports/monday reports/tuesday
  python -m load compare base candidate --tolerance 10% --out comparison.html

exit status of compare: 0 nothing is worse, 1 something is, 2 the command line or a folder is no good"""


def parser() -> argparse.ArgumentParser:
    """The options as argparse shows them."""
    shown = Parser(
        prog="locust -f load/",
        usage="locust -f load/ --headless --host URL -u USERS -t DURATION [option]...",
        description="Load on a chat completion API, measured token by token. Locust's own options: locust --help.",
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
        description="Without a command: the options of a load run.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    added = commands.add_subparsers(dest="command", metavar="COMMAND")
    comparing = added.add_parser("compare", help="two runs: what changed, how sure that is, and whether it is worse")
    comparing.add_argument("first", type=Path, metavar="A", help="the folder of the run to compare with")
    comparing.add_argument("second", type=Path, metavar="B", help="the folder of the run in question")
    comparing.add_argument(
        "--tolerance",
        type=percent,
        default=0.05,
        metavar="P%",
        help="a change up to this is no regression (default: 5%%)",
    )
    comparing.add_argument("--out", type=Path, metavar="FILE", help="write a page that shows both (default: none)")
    comparing.set_defaults(run=_compare)
    calibrating = added.add_parser(
        "calibrate", help="the error of this instrument on this machine, against a mock that knows what it sent when"
    )
    add_options(calibrating)
    calibrating.set_defaults(run=run_calibrate)
    return commands


def _compare(options: argparse.Namespace) -> int:
    try:
        first, second = (read_run_folder(folder) for folder in (options.first, options.second))
        comparison = compare(first, second, tolerance=options.tolerance)
        if options.out is not None:
            options.out.write_text(render_comparison(comparison), encoding="utf-8")
    except RunFolderError as error:
        print(as_typed(f"python -m load compare: {error}"), file=sys.stderr)
        return 2
    except OSError as error:
        expected = f"--out: expected a file to write to, got '{options.out}'"
        print(as_typed(f"python -m load compare: {expected}: {error.strerror}"), file=sys.stderr)
        return 2
    print(comparison.text(), end="")
    return 1 if comparison.regressed else 0


if __name__ == "__main__":
    sys.exit(main())
