"""A cassette while it is recorded: an exchange is in the file, whole and safe, before the next one is written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from mixtral_contract.cassettes.exchange import Recorded
from mixtral_contract.cassettes.reader import Cassette, CassetteError
from mixtral_contract.cassettes.writer import document, head


class CassetteFile:
    """Appends to a cassette of that upstream, which is begun where there is none yet.

    An exchange that an earlier recording did not write to its end is taken out; `tell` hears of that.

    Raises: CassetteError for a file that is no cassette, or one of another upstream; OSError when it cannot be written.
    """

    def __init__(self, path: Path, upstream: str, recorded: str, tell: Callable[[str], None]) -> None:
        is_begun = path.exists() and path.stat().st_size > 0
        if is_begun:
            _resume(path, upstream, tell)
        self._file = path.open("ab", buffering=0)
        if not is_begun:
            self._write(head(upstream, recorded))

    def append(self, recorded: Recorded) -> None:
        """Writes one exchange and returns when the disk has it.

        Raises: OSError
        """
        self._write(document(recorded))

    def close(self) -> None:
        """Nothing more is written."""
        self._file.close()

    def _write(self, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            rest = rest[self._file.write(rest) :]
        os.fsync(self._file.fileno())


def _resume(path: Path, upstream: str, tell: Callable[[str], None]) -> None:
    cassette = Cassette.load(path)
    if cassette.upstream != upstream:
        raise CassetteError(f"{path}: expected a cassette of {upstream}, got one of {cassette.upstream}")
    if cassette.torn:
        os.truncate(path, cassette.whole_bytes)
        tell(f"{path}: the last exchange was not written to its end, and is taken out")
    elif not path.read_bytes().endswith(b"\n"):
        with path.open("ab") as file:
            file.write(b"\n")
