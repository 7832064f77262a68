"""A command line whose mistakes get one line."""

from __future__ import annotations

import argparse
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """argparse's parser, except that an error is one line on stderr: what is wrong should not have to be looked for."""

    def error(self, message: str) -> NoReturn:
        """Ends the process with status 2 and what is wrong; the usage is a `--help` away."""
        self.exit(2, f"{self.prog}: {message} (--help shows how)\n")
