"""The journal as a file: a line for every request when it has ended, so that none is missed however long a run is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from mixtral_contract.mock.journal.journal import Entry


class JournalFile:
    """Writes entries into a file that is begun anew; each line is written at once and in one piece.

    Raises: OSError when the file cannot be opened. One that cannot be written to later is given up, with a word to
    `tell`: a full disk is no reason to stop serving.
    """

    def __init__(self, path: Path, line: Callable[[Entry], bytes], tell: Callable[[str], None]) -> None:
        self._path = path
        self._line = line
        self._tell = tell
        # appending is what keeps the lines of several processes apart
        self._file: int | None = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)

    def add(self, entry: Entry) -> None:
        """Writes one entry."""
        if self._file is None:
            return
        try:
            _write(self._file, self._line(entry))
        except OSError as error:
            self._tell(f"--journal: {self._path}: expected to write on, got {error.strerror}; no more is written")
            self.close()

    def close(self) -> None:
        """Ends the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
