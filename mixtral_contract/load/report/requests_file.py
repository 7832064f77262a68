"""The requests of a run whose end did not come to write them together: found, and read again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixtral_contract.load.reading.record import Record
from mixtral_contract.load.reading.record_line import read_line
from mixtral_contract.load.run.request_log import NAME

_PART = re.compile(r"requests-(.+)-\d+\.jsonl")


class RequestsFileError(ValueError):
    """There are no requests to report; the message says in one line where and why."""


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests of one run; `lost` are lines that were cut off while they were written."""

    run_id: str | None
    files: Sequence[Path]
    records: Sequence[Record]
    lost: int


def read_requests(place: Path) -> Requests:
    """The requests in a file, or of the one run in a folder: requests.jsonl, or the parts that processes wrote.

    Raises: RequestsFileError.
    """
    run_id, files = (None, [place]) if place.is_file() else _found(place)
    texts = [(path, _text(path)) for path in files]
    whole = [(path, text[: text.rfind("\n") + 1]) for path, text in texts]
    lines = [entry for path, text in whole for entry in _lines(path, text)]
    if not lines:
        raise RequestsFileError(f"{place}: expected requests of a load run, got none")
    streamed = any(line.get("ttft_ms") is not None for _, line in lines)
    records = [_record(where, line, number, streamed=streamed) for number, (where, line) in enumerate(lines, 1)]
    lost = sum(len(text) < len(all_of_it) for (_, text), (_, all_of_it) in zip(whole, texts, strict=True))
    return Requests(run_id, files, records, lost)


def _found(folder: Path) -> tuple[str | None, list[Path]]:
    parts: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("requests-*.jsonl")):
        if name := _PART.fullmatch(path.name):
            parts.setdefault(name[1], []).append(path)
    whole = [folder / NAME] if (folder / NAME).exists() else []
    if len(parts) + len(whole) != 1:
        names = [*(NAME for _ in whole), *(f"run {name}" for name in parts)]
        got = f"those of {' and '.join(names)}" if names else "none"
        raise RequestsFileError(f"{folder}: expected the requests of one run, got {got}")
    return next(iter(parts.items()), (None, whole))


def _lines(path: Path, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{path}:{number}"
        try:
            found = json.loads(line)
        except json.JSONDecodeError as error:
            raise RequestsFileError(f"{where}: expected JSON, got {error}") from error
        if not isinstance(found, dict):
            raise RequestsFileError(f"{where}: expected a request of a load run, got {line[:80]!r}")
        yield where, found


def _record(where: str, line: Any, number: int, *, streamed: bool) -> Record:
    try:
        return read_line(line, number=number, streamed=streamed)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RequestsFileError(f"{where}: expected a request of a load run, got {str(line)[:80]!r}") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise RequestsFileError(f"{path}: expected requests of a load run, got {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RequestsFileError(f"{path}: expected text in UTF-8, got other bytes") from error
