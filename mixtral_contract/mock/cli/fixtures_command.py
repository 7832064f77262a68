"""`python -m mock_server fixtures check FILE`: what is wrong with scripted replies, without a request."""

from __future__ import annotations

import argparse
from pathlib import Path

from mixtral_contract.contract.openapi import DOCUMENT, Contract, ContractError
from mixtral_contract.mock.fixtures.check import problems
from mixtral_contract.primitives.bounded import safe_yaml
from mixtral_contract.primitives.command_line import Parser

_EPILOG = """told are fixtures that cannot be read, that an earlier one always answers before, and conditions that no
valid request meets: an unknown model or role, a value that no dialect admits, tools where there are none.

exit status: 0 nothing is wrong, 1 something is, 2 the command line or the file cannot be used"""


def main(arguments: list[str]) -> int:
    """Prints what is wrong, a line each, and returns the exit status."""
    parser = Parser(
        prog="python -m mock_server fixtures",
        description="Looks for mistakes in a file of scripted replies.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=["check"], help="look for mistakes")
    parser.add_argument("file", type=Path, metavar="FILE", help="a file for --fixtures")
    parser.add_argument(
        "--spec", type=Path, default=DOCUMENT, metavar="FILE", help="the contract (default: the shipped openapi.yaml)"
    )
    options = parser.parse_args(arguments)
    try:
        contract = Contract.load(options.spec)
        document = safe_yaml.read(options.file)
    except ContractError as error:
        parser.error(f"--spec: {error}")
    except OSError as error:
        parser.error(f"{options.file}: expected a file of fixtures, got {error.strerror}")
    except safe_yaml.YamlError as error:
        parser.error(f"{options.file}: {error}")
    found = [f"{options.file}: {problem}" for problem in problems(document, contract)]
    print("\n".join(found) or f"{options.file}: {len(document['fixtures'])} fixtures, nothing wrong")
    return 1 if found else 0
