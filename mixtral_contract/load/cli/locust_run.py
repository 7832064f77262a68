"""`mixtral-contract load`: a load run by Locust, whatever folder it is started in; also what is done with runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from mixtral_contract.primitives.doors import door

_LOCUSTFILE_IMPORTS = ("mixtral_contract.load.locust_plugin.chat_user", "mixtral_contract.load.locust_plugin.register")
_OF_FINISHED_RUNS = ("report", "accept")
"""Words that no class of users has for a name; `compare` and `calibrate` are commands of their own."""


def main(arguments: Sequence[str]) -> int:
    """Runs Locust on our users with the arguments and returns the exit status; `--help` lists our options.

    `report` and `accept` in front of them name what is done with a finished run.
    """
    if arguments[:1] and arguments[0] in _OF_FINISHED_RUNS:
        from mixtral_contract.load.cli.main import main as run_command  # noqa: PLC0415  a run does without

        return run_command(list(arguments))
    if {"-h", "--help"} & set(arguments):
        from mixtral_contract.load.cli.main import parser  # noqa: PLC0415  a run does without

        print(parser().format_help())
        return 0
    import locust.main  # noqa: PLC0415  it patches the process, which who asks for help does not need

    for module in _LOCUSTFILE_IMPORTS:
        # before Locust puts the current folder in front of all others, so that no file there stands for one of ours
        import_module(module)
    sys.argv[1:] = ["-f", str(door("load")), *arguments]
    locust.main.main()  # type: ignore[no-untyped-call]
    return 0
