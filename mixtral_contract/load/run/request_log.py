"""requests.jsonl: one line per request. Each process writes a part of its own; the end of the run joins them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import orjson

from mixtral_contract.load.reading.record import Record

NAME = "requests.jsonl"


class RequestLog:
    """The part of one process; lines stand in the order in which its requests ended.

    A full disk ends the file, not the run: `failure` says what was wrong.
    """

    def __init__(self, folder: Path, run_id: str, worker: int) -> None:
        self.failure: str | None = None
        self._file: BinaryIO | None = None
        with self._noting():
            folder.mkdir(parents=True, exist_ok=True)
            self._file = (folder / _part(run_id, str(worker))).open("wb")

    def write(self, record: Record) -> None:
        """Adds a line, unless an earlier one could not be written."""
        if self._file is not None and self.failure is None:
            with self._noting():
                self._file.write(orjson.dumps(record.line(), option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        """Writes what is still in memory."""
        if self._file is not None:
            with self._noting():
                self._file.close()

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.failure = self.failure or error.strerror or type(error).__name__


def join(folder: Path, run_id: str, into: Path | None = None) -> int:
    """Joins the parts of a run that lie in this folder and removes them; how many there were.

    The whole file goes into the same folder, or the one that is named.

    A worker on another machine leaves its part there, in the folder of the same name. A worker that was killed leaves
    half a line at the end of its part, which is left out.
    """
    parts = sorted(folder.glob(_part(run_id, "*")))
    new = (into or folder) / f"{NAME}.new"
    try:
        with new.open("wb") as whole:
            for part in parts:
                with part.open("rb") as lines:
                    whole.writelines(line for line in lines if line.endswith(b"\n"))
        new.replace(new.with_name(NAME))
    except OSError:
        new.unlink(missing_ok=True)
        raise
    for part in parts:
        part.unlink()
    return len(parts)


def _part(run_id: str, worker: str) -> str:
    return f"requests-{run_id}-{worker}.jsonl"
