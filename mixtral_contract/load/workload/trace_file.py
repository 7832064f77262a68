"""Reads recorded arrivals: the three public forms of LLM traces, told apart by their first line.

Azure LLM inference   CSV    TIMESTAMP,ContextTokens,GeneratedTokens
BurstGPT              CSV    Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type
Mooncake              JSONL  {"timestamp": ms, "input_length": n, "output_length": n, ...}
"""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mixtral_contract.load.workload.arrivals import Arrival

_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000

Row = Mapping[str, Any]


class TraceError(ValueError):
    """The file is no trace; the message says in one line where and why."""


def read_trace(path: Path, speed: float = 1.0) -> list[Arrival]:
    """The arrivals of a trace in the order of their times, the first one due at 0; `speed` 2 plays it twice as fast.

    Raises: TraceError.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "bytes that are no UTF-8"
        raise TraceError(f"{path}: expected a trace, got {reason}") from error
    arrivals = sorted(_arrivals(path, text), key=lambda arrival: arrival.due_ns)
    if not arrivals:
        raise TraceError(f"{path}: expected at least one arrival, got none")
    first_ns = arrivals[0].due_ns
    return [
        Arrival(round((arrival.due_ns - first_ns) / speed), arrival.prompt_tokens, arrival.output_tokens)
        for arrival in arrivals
    ]


def _arrivals(path: Path, text: str) -> Iterator[Arrival]:
    lines = text.splitlines()
    read, rows = (_mooncake, _json_rows(path, lines)) if text.lstrip().startswith("{") else _csv_form(path, lines)
    for number, row in rows:
        try:
            arrival = read(row)
        except (KeyError, ValueError, TypeError, OverflowError) as error:
            raise TraceError(f"{path}:{number}: expected a time and two counts of tokens, got {error}") from error
        # traces hold requests that failed: without a prompt or an answer there is nothing to ask for
        if arrival.prompt_tokens and arrival.output_tokens:
            yield arrival


def _csv_form(path: Path, lines: list[str]) -> tuple[Callable[[Row], Arrival], Iterator[tuple[int, Row]]]:
    reader = csv.DictReader(lines)
    names = set(reader.fieldnames or ())
    for wanted, read in _CSV_FORMS.items():
        if set(wanted) <= names:
            return read, _csv_rows(path, reader)
    forms = "; ".join(",".join(wanted) for wanted in _CSV_FORMS)
    first = lines[0][:80] if lines else ""
    raise TraceError(f"{path}:1: expected JSON lines or a header with {forms}, got {first!r}")


def _csv_rows(path: Path, reader: csv.DictReader[str]) -> Iterator[tuple[int, Row]]:
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise TraceError(f"{path}:{reader.line_num}: expected CSV, got {error}") from error


def _json_rows(path: Path, lines: list[str]) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise TraceError(f"{path}:{number}: expected JSON, got {error}") from error
            yield number, row


def _tokens(value: Any) -> int:
    count = int(value)
    if count < 0:
        raise ValueError(f"{count} tokens")
    return count


def _azure(row: Row) -> Arrival:
    moment = dt.datetime.fromisoformat(str(row["TIMESTAMP"]).strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    since = moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    due_ns = (since.days * 86_400 + since.seconds) * _NS_PER_S + since.microseconds * 1000
    return Arrival(due_ns, _tokens(row["ContextTokens"]), _tokens(row["GeneratedTokens"]))


def _burst_gpt(row: Row) -> Arrival:
    due_ns = round(float(row["Timestamp"]) * _NS_PER_S)
    return Arrival(due_ns, _tokens(row["Request tokens"]), _tokens(row["Response tokens"]))


def _mooncake(row: Row) -> Arrival:
    due_ns = round(float(row["timestamp"]) * _NS_PER_MS)
    return Arrival(due_ns, _tokens(row["input_length"]), _tokens(row["output_length"]))


_CSV_FORMS: Mapping[tuple[str, ...], Callable[[Row], Arrival]] = {
    ("TIMESTAMP", "ContextTokens", "GeneratedTokens"): _azure,
    ("Timestamp", "Request tokens", "Response tokens"): _burst_gpt,
}
