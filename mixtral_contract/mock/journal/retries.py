"""Which requests were attempts at the same thing: one conversation each, in the order of time.

Pure. A client says nowhere that it tries again; what can be known is that the same body came to the same place with
the same key after an attempt that had not succeeded, and soon. Attempts that overlap in time are two conversations.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from mixtral_contract.mock.journal.journal import COMPLETE, CUT, Entry

RETRY_WINDOW_NS = 60 * 1_000_000_000
"""A body that comes again later than this after the last attempt, and after the wait it was told, is asked anew."""


@dataclass(frozen=True, slots=True)
class Retry:
    """A failed attempt, the one that followed, and how long the client waited between them."""

    failed: Entry
    again: Entry

    @property
    def wait_ns(self) -> int:
        """From the end of the failed attempt to the arrival of the next."""
        return self.again.received_ns - ended_ns(self.failed)


def conversations(entries: Iterable[Entry]) -> list[list[Entry]]:
    """The attempts of each conversation; most conversations have one."""
    open_by_body: dict[tuple[str, str, str, int], list[list[Entry]]] = {}
    found: list[list[Entry]] = []
    for entry in sorted(entries, key=lambda entry: (entry.received_ns, entry.id)):
        under_way = open_by_body.setdefault((entry.method, entry.path, entry.fingerprint, entry.credential), [])
        attempts = max(
            (attempts for attempts in under_way if _continues(entry, attempts[-1])),
            key=lambda attempts: ended_ns(attempts[-1]),
            default=None,
        )
        if attempts is None:
            attempts = []
            found.append(attempts)
            under_way.append(attempts)
        attempts.append(entry)
        if succeeded(entry):
            under_way[:] = [kept for kept in under_way if kept is not attempts]
    return found


def retries(attempts: list[Entry]) -> Iterator[Retry]:
    """The steps from one attempt of a conversation to the next."""
    return (Retry(failed, again) for failed, again in pairwise(attempts))


def succeeded(entry: Entry) -> bool:
    """Whether the client has what it asked for."""
    return entry.status == 200 and entry.end == COMPLETE


def truncated(entry: Entry) -> bool:
    """Whether a stream was promised and not brought to its end, by no doing of the client."""
    return entry.status == 200 and bool(entry.stream) and entry.end == CUT


def ended_ns(entry: Entry) -> int:
    """When the attempt was over."""
    return entry.ended_ns if entry.ended_ns is not None else entry.received_ns


def told_to_wait_ns(entry: Entry) -> int:
    """How long the refusal told the client to wait, 0 when it did not."""
    wait_s = entry.refusal.wait_s if entry.refusal is not None else None
    return (wait_s or 0) * 1_000_000_000


def _continues(entry: Entry, last: Entry) -> bool:
    since_ns = entry.received_ns - ended_ns(last)
    return 0 <= since_ns <= RETRY_WINDOW_NS + told_to_wait_ns(last)
