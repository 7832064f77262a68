"""`python -m contract_tests prove`: whether each clause can fail. The suite itself is `pytest contract_tests`."""

from __future__ import annotations

import argparse
import os
import sys

from contract_tests.prove import prove
from spec import clauses
from spec.commandline import Parser

_EXAMPLES = """examples:
  pytest contract_tests                          the suite itself, on the mock; --help shows its options
  python -m contract_tests prove                 all breaks, some minutes
  python -m contract_tests prove SSE-08 RSP-10   these two

exit status: 0 every break was found and nothing beside it, 1 one was not, 2 the command line is no good"""


def main(arguments: list[str] | None = None) -> int:
    """Runs the proofs and returns the exit status."""
    parser = Parser(
        prog="python -m contract_tests", epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    proving = commands.add_parser(
        "prove", help="start the mock once per break and see that exactly the broken clause is found"
    )
    proving.add_argument("clauses", nargs="*", metavar="ID", help="clauses to prove (default: all that have a break)")
    proving.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs at a time (default: %(default)s)")
    options = parser.parse_args(arguments)
    breakable = [clause.id for clause in clauses.load().values() if clause.violation is not None]
    for name in options.clauses:
        if name not in breakable:
            proving.error(f"expected a clause that can be broken, got {name!r}")
    if options.jobs < 1:
        proving.error(f"--jobs: expected at least 1, got {options.jobs}")
    return _report(options.clauses or breakable, options.jobs)


def _report(names: list[str], jobs: int) -> int:
    killed = 0
    for number, proof in enumerate(prove(names, jobs=jobs), 1):
        killed += proof.killed
        print(f"{number:3}/{len(names)}  {proof.text()}", flush=True)
    print(f"{killed} of {len(names)} breaks were found, and nothing beside them")
    return 0 if killed == len(names) else 1


if __name__ == "__main__":
    sys.exit(main())
