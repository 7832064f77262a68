"""A command line whose mistakes get one line, before anything is done."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """argparse's parser, except that an error is one line on stderr: what is wrong should not have to be looked for."""

    def error(self, message: str) -> NoReturn:
        """Ends the process with status 2 and what is wrong; the usage is a `--help` away."""
        self.exit(2, f"{self.prog}: {message} (--help shows how)\n")


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
