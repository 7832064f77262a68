"""Hand-made records and exchanges, with times in milliseconds."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from mixtral_contract.load.client.exchange import Exchange
from mixtral_contract.load.counts.counts import RunCounts
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.reading.record import Record
from mixtral_contract.load.units.window import Window

MS = 1_000_000
S = 1_000_000_000

OK = Record(
    worker=0,
    number=1,
    outcome=Outcome.OK,
    detail=None,
    status=200,
    started_ns=0,
    end_ns=500 * MS,
    sent_ns=0,
    connect_ns=None,
    headers_ns=10 * MS,
    first_byte_ns=10 * MS,
    content=(),
    finish_reason="stop",
    prompt_tokens=7,
    usage_tokens=None,
    received_bytes=1000,
    streamed=True,
)
"""A streamed completion without content; `record` gives it some."""


def record(
    content_ms: Sequence[tuple[float, int]] = (), *, sent_ms: float = 0, end_ms: float = 500, **changes: Any
) -> Record:
    """A record that was sent at that time of the run; content is (time since sending, events) for each recv."""
    sent_ns = round(sent_ms * MS)
    content = tuple((sent_ns + round(time_ms * MS), count) for time_ms, count in content_ms)
    times = {"started_ns": sent_ns, "sent_ns": sent_ns, "end_ns": sent_ns + round(end_ms * MS)}
    return dataclasses.replace(OK, content=content, **{**times, **changes})


def failed(outcome: Outcome, status: int | None = None, **changes: Any) -> Record:
    """A record that ended without a completion."""
    return record(outcome=outcome, status=status, finish_reason=None, **changes)


def tally(*records: Record, window: Window | None = None) -> RunCounts:
    """The tally of these records."""
    counted = RunCounts()
    for each in records:
        counted.add(each, window or Window(0))
    return counted


def exchange(*received: bytes, content_type: str = "text/event-stream", **changes: Any) -> Exchange:
    """A complete answer with status 200 whose n-th `recv` (from 0) came after n + 1 ms."""
    answer = Exchange(
        started_ns=0, sent_ns=0, status=200, headers_ns=MS, end_ns=(len(received) + 1) * MS, complete=True
    )
    answer.headers["content-type"] = content_type
    answer.received = [((index + 1) * MS, each) for index, each in enumerate(received)]
    for name, value in changes.items():
        setattr(answer, name, value)
    return answer
