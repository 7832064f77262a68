"""`python -m spec check`: whether the contract keeps its own rules."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mixtral_contract.contract.lint import checks
from mixtral_contract.contract.openapi import DOCUMENT, Contract, ContractError
from mixtral_contract.primitives.command_line import Parser

_EXAMPLES = """examples:
  python -m spec check                                   everything but the phrases
  python -m spec check --sources ../shared/sources       and every quoted phrase, looked up in its document
  python -m spec check --spec my-openapi.yaml            the same of a contract of your own

exit status: 0 nothing falls short, 1 something does, 2 the command line or the file cannot be read"""


def main(arguments: list[str] | None = None) -> int:
    """Prints what falls short and returns the exit status: 0 nothing, 1 something, 2 unusable input."""
    parser = Parser(prog="python -m spec", description="The contract of Mixtral chat completions.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser(
        "check",
        help="hold the contract to its own rules",
        description="Valid OpenAPI, every rule sourced, every contradiction admitted, every example valid.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.add_argument("--sources", type=Path, metavar="DIR", help="folder of the documents, to look up every phrase")
    check.add_argument("--spec", type=Path, metavar="FILE", default=DOCUMENT, help="the contract (default: our own)")
    options = parser.parse_args(arguments)
    if options.sources is not None and not options.sources.is_dir():
        check.error(f"--sources: expected a folder, got {str(options.sources)!r}")
    if not options.spec.is_file():
        check.error(f"--spec: expected a file, got {str(options.spec)!r}")
    try:
        contract = Contract.load(options.spec)
    except ContractError as error:
        print(f"short  the document is a contract\n       {error}\n1 shortcoming")
        return 1
    return _report(contract, options.sources)


def _report(contract: Contract, sources: Path | None) -> int:
    total = 0
    for check in checks(sources):
        problems = list(check.find(contract))
        total += len(problems)
        print(f"{'short' if problems else 'ok   '}  {check.promise}")
        for problem in problems:
            print(f"       {problem}")
    if sources is None:
        print("skip   phrases: no folder of documents given (--sources DIR)")
    print(f"{total} shortcoming{'s' * (total > 1)}" if total else "the contract keeps its rules")
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
