"""`mixtral-contract check`: the clauses run by pytest, whatever folder it is started in.

pytest reads the configuration of the folder where its tests are, and of those above: here that is the package's own,
never that of the user's project. Reports and pytest's cache go to the current folder.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mixtral_contract.primitives.command_line import Parser
from mixtral_contract.primitives.doors import door
from mixtral_contract.suite.session import options as suite_options

_CONFIGURATION = Path(__file__).with_name("pytest.ini")
_CACHE = Path(".pytest_cache", "mixtral-contract")
_NOT_NEEDED = ("locust", "schemathesis")
"""pytest plugins that come with our dependencies; the suite uses none of them."""

_EPILOG = """Every other option is pytest's and is handed on: -k, -x, -q, -n, --junitxml and the like (pytest --help).

examples:
  pytest contract_tests                                    on the mock, which it starts
  pytest contract_tests --base-url http://127.0.0.1:8080 --dialect nvidia
  pytest contract_tests --target nvidia --dry-run          what a live run would cost; sends nothing
  pytest contract_tests --target nvidia --level must --budget 40 --rpm 30
  pytest contract_tests -k SSE-08                          one clause

exit status: 0 no clause is broken, 1 one is, 2 the command line is no good, 3 too little could be judged;
others are pytest's"""


def main(arguments: Sequence[str]) -> int:
    """Runs the clauses with the arguments and returns the exit status."""
    if {"-h", "--help"} & set(arguments):
        print(help_text())
        return 0
    return int(pytest.main(command_line(arguments, Path.cwd())))


def command_line(arguments: Sequence[str], current: Path) -> list[str]:
    """What pytest is given so that nothing in or above the current folder changes the run."""
    folder = door("contract_tests")
    return [
        str(folder),
        "-c",
        str(_CONFIGURATION),
        f"--rootdir={folder}",
        "--import-mode=importlib",
        "-o",
        f"cache_dir={current / _CACHE}",
        *(part for name in _NOT_NEEDED for part in ("-p", f"no:{name}")),
        *arguments,
    ]


def help_text() -> str:
    """The suite's own options, as argparse shows them."""
    parser = Parser(
        prog="pytest contract_tests",
        usage="pytest contract_tests [option]...",
        description="Whether a server keeps the contract, clause by clause, with the evidence.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    group = parser.add_argument_group("options of the suite")
    suite_options.add_to(_Shown(group.add_argument))
    return parser.format_help()


class _Shown:
    """A group of options that are shown, not read."""

    def __init__(self, add: Callable[..., object]) -> None:
        self.addoption = add
