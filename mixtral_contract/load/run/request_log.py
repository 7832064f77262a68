"""requests.jsonl: one line per request. Each process writes a part of its own; the end of the run joins them."""

from __future__ import annotations

from pathlib import Path

import orjson

from mixtral_contract.load.reading.record import Record

NAME = "requests.jsonl"


class RequestLog:
    """The part of one process; lines stand in the order in which its requests ended."""

    def __init__(self, folder: Path, run_id: str, worker: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / _part(run_id, str(worker))).open("wb")

    def write(self, record: Record) -> None:
        """Adds a line."""
        self._file.write(orjson.dumps(record.line(), option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        """Writes what is still in memory."""
        self._file.close()


def join(folder: Path, run_id: str) -> int:
    """Joins the parts of a run that lie in this folder and removes them; how many there were.

    A worker on another machine leaves its part there, in the folder of the same name. A worker that was killed leaves
    half a line at the end of its part, which is left out.
    """
    parts = sorted(folder.glob(_part(run_id, "*")))
    with (folder / NAME).open("wb") as whole:
        for part in parts:
            with part.open("rb") as lines:
                whole.writelines(line for line in lines if line.endswith(b"\n"))
    for part in parts:
        part.unlink()
    return len(parts)


def _part(run_id: str, worker: str) -> str:
    return f"requests-{run_id}-{worker}.jsonl"
