"""`python -m mock_server fixtures check FILE` and `fixtures from CASSETTE`: scripted replies without a server."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

from mixtral_contract.cassettes.reader import Cassette, CassetteError
from mixtral_contract.contract.openapi import DOCUMENT, Contract, ContractError
from mixtral_contract.mock.fixtures.check import problems
from mixtral_contract.mock.fixtures.from_cassette import fixtures_of
from mixtral_contract.primitives.bounded import safe_yaml
from mixtral_contract.primitives.command_line import Parser

_EPILOG = """check tells fixtures that cannot be read, that an earlier one always answers before, and conditions that no
valid request meets: an unknown model or role, a value that no dialect admits, tools where there are none.
from prints what a cassette of --record holds as a file of fixtures: what was said, its pace and its end.

examples:
  python -m mock_server fixtures check mock_server/fixtures.yaml
  python -m mock_server fixtures from nvidia.yaml > recorded-fixtures.yaml

exit status: 0 nothing is wrong, 1 something is, 2 the command line or the file cannot be used"""


def main(arguments: list[str]) -> int:
    """Does what the first word says and returns the exit status."""
    parser = Parser(
        prog="python -m mock_server fixtures",
        description="Looks for mistakes in a file of scripted replies, or makes one of recordings.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=_ACTIONS, help="look for mistakes, or make fixtures of a cassette")
    parser.add_argument("file", type=Path, metavar="FILE", help="a file for --fixtures; of from, one of --record")
    parser.add_argument(
        "--spec", type=Path, default=DOCUMENT, metavar="FILE", help="the contract (default: the shipped openapi.yaml)"
    )
    options = parser.parse_args(arguments)
    try:
        return _ACTIONS[options.action](options.file, Contract.load(options.spec))
    except ContractError as error:
        parser.error(f"--spec: {error}")
    except OSError as error:
        parser.error(f"{options.file}: expected a file of fixtures, got {error.strerror}")
    except safe_yaml.YamlError as error:
        parser.error(f"{options.file}: {error}")
    except CassetteError as error:
        parser.error(str(error))


def _check(path: Path, contract: Contract) -> int:
    document = safe_yaml.read(path)
    found = [f"{path}: {problem}" for problem in problems(document, contract)]
    print("\n".join(found) or f"{path}: {len(document['fixtures'])} fixtures, nothing wrong")
    return 1 if found else 0


def _from(path: Path, contract: Contract) -> int:
    document = fixtures_of(Cassette.load(path), contract, lambda line: print(f"{path}: {line}", file=sys.stderr))
    print(yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=120), end="")
    return 0


_ACTIONS: Mapping[str, Callable[[Path, Contract], int]] = {"check": _check, "from": _from}
