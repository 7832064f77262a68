"""A line of requests.jsonl read as a record again; what a line does not hold is None, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.reading.record import Record

_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000


def read_line(line: Mapping[str, Any], *, number: int, streamed: bool) -> Record:
    """The record that the line was written of, to a microsecond; `streamed` tells whether streams were asked for.

    Raises: KeyError, TypeError or ValueError when it is no such line.
    """
    sent_ns = round(line["sent_s"] * _NS_PER_S)

    def at(since_ms: float | None) -> int | None:
        return None if since_ms is None else sent_ns + round(since_ms * _NS_PER_MS)

    return Record(
        worker=0,
        number=number,
        outcome=Outcome(line["outcome"]),
        detail=line["detail"],
        status=line["status"],
        started_ns=sent_ns,
        end_ns=sent_ns + round(line["e2e_ms"] * _NS_PER_MS),
        sent_ns=sent_ns,
        connect_ns=None if line["connect_ms"] is None else round(line["connect_ms"] * _NS_PER_MS),
        headers_ns=at(line["headers_ms"]),
        first_byte_ns=at(line["first_byte_ms"]),
        content=tuple((sent_ns + round(since_ms * _NS_PER_MS), int(count)) for since_ms, count in line["content_ms"]),
        finish_reason=line["finish_reason"],
        prompt_tokens=line["prompt_tokens"],
        usage_tokens=line["output_tokens"] if line["tokens_from"] == "usage" else None,
        received_bytes=line["received_bytes"],
        streamed=streamed,
        sent_again=line["sent_again"],
        due_ns=None if line["due_s"] is None else round(line["due_s"] * _NS_PER_S),
        completion_id=line["completion_id"],
        broken=tuple(line["broken"]),
    )
