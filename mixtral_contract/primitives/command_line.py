"""A command line whose mistakes get one line, before anything is done."""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

CONSOLE_COMMAND = "mixtral-contract"
"""The one command of an installed package."""

_INSTALLED = {
    "python -m mock_server": f"{CONSOLE_COMMAND} mock",
    "python -m contract_tests": CONSOLE_COMMAND,
    "pytest contract_tests": f"{CONSOLE_COMMAND} check",
    "python -m load report": f"{CONSOLE_COMMAND} load report",
    "python -m load accept": f"{CONSOLE_COMMAND} load accept",
    "python -m load": CONSOLE_COMMAND,
    "locust -f load/": f"{CONSOLE_COMMAND} load",
    "python -m spec": f"{CONSOLE_COMMAND} spec",
}
"""What is typed in a checkout, and for the same with the console command."""
_TYPED = re.compile("|".join(map(re.escape, _INSTALLED)))


class Parser(argparse.ArgumentParser):
    """argparse's parser, except that an error is one line on stderr: what is wrong should not have to be looked for.

    Its help names the commands as they were typed, see `as_typed`.
    """

    def __init__(self, **options: Any) -> None:
        texts = {name: options[name] for name in ("prog", "usage", "description", "epilog") if options.get(name)}
        super().__init__(**options | {name: as_typed(text) for name, text in texts.items()})

    def error(self, message: str) -> NoReturn:
        """Ends the process with status 2 and what is wrong; the usage is a `--help` away."""
        self.exit(2, f"{self.prog}: {message} (--help shows how)\n")


def as_typed(text: str) -> str:
    """The text with its commands as this process was started: those of a checkout, or of `mixtral-contract`."""
    if Path(sys.argv[0]).stem != CONSOLE_COMMAND:
        return text
    return "\n".join(map(_installed, text.split("\n")))


def _installed(line: str) -> str:
    """The line with the console command's words; a column of remarks behind a command stays where it is."""
    shown = _TYPED.sub(lambda found: _INSTALLED[found[0]], line)
    shorter = len(line) - len(shown)
    return re.sub(r"(?<=\S)(  +)(?=\S)", lambda gap: gap[0] + " " * shorter, shown, count=1) if shorter > 0 else shown


def writable(folder: Path) -> Path:
    """The folder, which is there and takes files: to be known before anything is asked that costs.

    Raises: ValueError when it does not.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise ValueError(f"expected a folder to write to, got {str(folder)!r}: {error.strerror}") from None
