"""A run that is over, read from its folder: its summary, and its requests by second."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs

from mixtral_contract.load.report.files import SUMMARY
from mixtral_contract.load.results.summary import FORMAT
from mixtral_contract.load.run.request_log import NAME as REQUESTS
from mixtral_contract.load.units.metric import Place
from mixtral_contract.load.units.metrics import keys_in

Line = Mapping[str, Any]

SCHEMA = Path(__file__).parents[1] / "results" / "summary.schema.json"
"""What a summary looks like, as published."""

_FIGURES = keys_in(Place.REQUESTS)
_NUMBER_OR_NONE = {"type": ["number", "null"]}
_LINE: dict[str, Any] = {
    "type": "object",
    "required": ["outcome", "sent_s", "due_s", *_FIGURES, "output_tokens", "content_ms"],
    "properties": {
        "outcome": {"type": "string"},
        "sent_s": {"type": "number"},
        "due_s": _NUMBER_OR_NONE,
        **dict.fromkeys(_FIGURES, _NUMBER_OR_NONE),
        "e2e_ms": {"type": "number"},
        "output_tokens": {"type": ["integer", "null"]},
        "prompt_tokens": {"type": ["integer", "null"]},
        "content_ms": {
            "items": {"type": "array", "minItems": 2, "prefixItems": [{"type": "number"}, {"type": "integer"}]},
            "type": "array",
        },
    },
}
"""What is read of a request's line."""


class RunFolderError(ValueError):
    """The folder holds no run; the message says in one line what is missing."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run: the summary as it was written, and the requests of its window."""

    folder: Path
    summary: Mapping[str, Any]
    lines: Sequence[Line]

    @property
    def name(self) -> str:
        """What tells it from another: the label that the run was given, else its folder."""
        return str(self.summary["run"].get("label") or self.folder)

    @property
    def title(self) -> str:
        """Its name, folder, date and whether it can be believed, in a line."""
        label = self.summary["run"].get("label")
        started = self.summary["run"]["started_at"].replace("T", " ").replace("+00:00", " UTC")
        parts = [*([str(label)] if label else []), str(self.folder), started, self.summary["validity"]["verdict"]]
        return ", ".join(parts)

    @property
    def seconds(self) -> int:
        """How many whole seconds the window has, at least one."""
        return max(1, int(self.summary["window"]["duration_s"]))

    def by_second(self, values: Callable[[Line], Iterator[float]]) -> list[list[float]]:
        """The values of ok requests in blocks of a second, by when the request was due or sent; empty ones left out."""
        blocks: dict[int, list[float]] = defaultdict(list)
        for line in self.lines:
            if line["outcome"] == "ok":
                blocks[int(_begin_s(line))] += values(line)
        return [block for _, block in sorted(blocks.items()) if block]

    def counts(self, events: Callable[[Line], Iterator[tuple[float, float]]]) -> list[float]:
        """The sum of what happened in each whole second of the window, from (second of the run, amount)."""
        start_s = self.summary["window"]["start_s"]
        sums = [0.0] * self.seconds
        for line in self.lines:
            if line["outcome"] == "ok":
                for time_s, amount in events(line):
                    index = int(time_s - start_s)
                    if 0 <= index < len(sums):
                        sums[index] += amount
        return sums


def read_run_folder(folder: Path) -> RunFolder:
    """The run that was written to the folder.

    Raises: RunFolderError.
    """
    summary = _json(folder / SUMMARY)
    if not isinstance(summary, dict) or summary.get("format") != FORMAT:
        got = summary.get("format") if isinstance(summary, dict) else type(summary).__name__
        raise RunFolderError(f"{folder / SUMMARY}: expected the format {FORMAT}, got {got!r}")
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    _check(folder / SUMMARY, summary, jsonschema_rs.validator_for(schema))
    start_s = summary["window"]["start_s"]
    lines = [line for line in _lines(folder / REQUESTS) if _begin_s(line) >= start_s]
    return RunFolder(folder, summary, lines)


def _begin_s(line: Line) -> float:
    return float(line["sent_s"] if line["due_s"] is None else line["due_s"])


def _lines(path: Path) -> Iterator[Line]:
    validator = jsonschema_rs.validator_for(_LINE)
    for number, text in enumerate(_text(path).splitlines(), 1):
        try:
            line = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise RunFolderError(f"{path}:{number}: expected JSON, got {error}") from error
        _check(f"{path}:{number}", line, validator)
        yield line


def _check(where: object, found: Any, validator: jsonschema_rs.Validator) -> None:
    for error in validator.iter_errors(found):
        place = "".join(f"[{part!r}]" for part in error.instance_path)
        raise RunFolderError(
            f"{where}: expected what a load run wrote, got at {place or 'its root'}: {error.message[:200]}"
        )


def _json(path: Path) -> Any:
    text = _text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RunFolderError(f"{path}: expected JSON, got {error}") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise RunFolderError(f"{path}: expected what a load run wrote, got {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RunFolderError(
            f"{path}: expected text in UTF-8, got {error.object[error.start : error.end]!r}"
        ) from error
