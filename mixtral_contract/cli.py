"""`mixtral-contract`: the one command of an installed package, which hands on to the command that is named.

It works from any folder and looks into none for modules: a file of the user's cannot stand in the way of ours.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import version

from mixtral_contract.primitives.command_line import CONSOLE_COMMAND
from mixtral_contract.primitives.extras import missing


@dataclass(frozen=True, slots=True)
class Command:
    """A command: what it does, the module whose `main` does it, and the extra that it needs.

    `is_word` says that the module has several commands and wants to be told which.
    """

    summary: str
    module: str
    extra: str | None = None
    is_word: bool = False


COMMANDS: Mapping[str, Command] = {
    "mock": Command("serve the mock: answers by the contract, incidents on demand", "mixtral_contract.mock.cli.main"),
    "check": Command("hold a server to the contract, with pytest", "mixtral_contract.suite.cli.check", "suite"),
    "load": Command("measure a server, with Locust", "mixtral_contract.load.cli.locust_run", "load"),
    "compare": Command("two load runs: what changed", "mixtral_contract.load.cli.main", "load", is_word=True),
    "calibrate": Command(
        "the error of the load instrument on this machine", "mixtral_contract.load.cli.main", "load", is_word=True
    ),
    "prove": Command("whether the suite finds every break", "mixtral_contract.suite.cli.main", "suite", is_word=True),
    "drift": Command(
        "recordings held against the contract, or the endpoint",
        "mixtral_contract.suite.cli.main",
        "suite",
        is_word=True,
    ),
    "report": Command(
        "one page of several runs of the suite", "mixtral_contract.suite.cli.main", "suite", is_word=True
    ),
    "baseline": Command("accept what a run found broken", "mixtral_contract.suite.cli.main", "suite", is_word=True),
    "spec": Command("hold the contract to its own rules", "mixtral_contract.contract.cli", "suite"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Does what the first argument names with those behind it and returns the exit status; without one, lists all."""
    name, *options = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name in ("-h", "--help"):
        print(overview())
        return 0
    if name == "--version":
        print(f"{CONSOLE_COMMAND} {version(CONSOLE_COMMAND)}")
        return 0
    command = COMMANDS.get(name)
    if command is None:
        return _refuse(f"expected a command, such as {_near(name)}, got {name!r} (--help lists them)")
    if command.extra is not None and (wrong := missing(command.extra)) is not None:
        return _refuse(f"{name}: {wrong}")
    # processes that a command starts do not look into the current folder either
    os.environ["PYTHONSAFEPATH"] = "1"
    status: int = importlib.import_module(command.module).main([name, *options] if command.is_word else options)
    return status


def overview() -> str:
    """All commands, a line each."""
    width = max(map(len, COMMANDS))
    rows = (
        f"  {name:<{width}}  {command.summary}{f'  [{command.extra}]' if command.extra else ''}"
        for name, command in COMMANDS.items()
    )
    return "\n".join(
        (
            f"usage: {CONSOLE_COMMAND} COMMAND [option]...",
            "",
            "One contract for Mixtral chat completions: a mock server, a conformance suite and a load instrument.",
            "",
            *rows,
            "",
            f"{CONSOLE_COMMAND} COMMAND --help tells of one. [suite] and [load] are extras of the package:",
            f"pip install '{CONSOLE_COMMAND}[suite]', '{CONSOLE_COMMAND}[load]', or '{CONSOLE_COMMAND}[all]'",
        )
    )


def _near(name: str) -> str:
    return ", ".join(get_close_matches(name, COMMANDS, n=2) or ("mock", "check"))


def _refuse(message: str) -> int:
    print(f"{CONSOLE_COMMAND}: {message}", file=sys.stderr)
    return 2
