"""Entries of a journal, made by hand."""

from __future__ import annotations

from typing import Any

from mixtral_contract.mock.journal.journal import COMPLETE, Entry, Journal
from mixtral_contract.mock.messages.messages import Refusal
from mixtral_contract.mock.timing.engine import Generation
from mixtral_contract.mock.timing.token_times import RecordedTimes
from tests.support.mock_requests import NOW_NS, SECOND_NS

PATH = "/v1/chat/completions"


def at(seconds: float) -> int:
    """A time, counted from NOW_NS."""
    return NOW_NS + round(seconds * SECOND_NS)


def entry(received_s: float = 0, body: bytes = b"{}", *, connection: int | None = 1, **fields: Any) -> Entry:
    """An entry that is under way."""
    made = Entry(at(received_s), "POST", PATH, body, connection)
    made.dialect, made.credential = "nvidia", 1
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def write(journal: Journal, made: Entry, *, took_s: float = 0, end: str = COMPLETE) -> Entry:
    """Ends an entry in the journal."""
    journal.begin(made)
    journal.end(made, end, made.received_ns + round(took_s * SECOND_NS))
    return made


def refused(
    received_s: float, status: int, body: bytes = b"{}", *, wait_s: int | None = None, took_s: float = 0, **fields: Any
) -> tuple[Entry, float, str]:
    """A request that is refused, how long that takes, and how it ends."""
    refusal = Refusal("any", "why not", wait_s=wait_s)
    return entry(received_s, body, status=status, refusal=refusal, **fields), took_s, COMPLETE


def completed(
    received_s: float,
    body: bytes = b"{}",
    *,
    took_s: float = 1,
    end: str = COMPLETE,
    stream: bool = True,
    **fields: Any,
) -> tuple[Entry, float, str]:
    """A request that gets a completion of ten tokens."""
    made = entry(
        received_s, body, status=200, stream=stream, model="m", completion_tokens=10, prompt_tokens=3, **fields
    )
    made.finish_reason = made.finish_reason or "stop"
    return made, took_s, end


def journal(*requests: tuple[Entry, float, str]) -> Journal:
    """A journal of these, which ended in this order."""
    kept = Journal()
    for made, took_s, end in requests:
        write(kept, made, took_s=took_s, end=end)
    return kept


def generation(dues: list[tuple[int, int]], sent: list[tuple[int, int]]) -> Generation:
    """A generation with these times."""
    return Generation(10, 3, _nothing, _nothing, _nothing, noted=RecordedTimes(dues), sent=RecordedTimes(sent))


def _nothing(*_: Any) -> None:
    """Nobody listens."""
