"""Whether something on the way held the events of a stream back, as their stamps tell: a proxy that buffers does.

Events that come one by one, however many tokens each has, were not held back; nor is a stream that is whole soon after
it was asked for, or that comes faster than the wire needs to bring its events apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mixtral_contract.load.reading.record import Record

LEAST_EVENTS = 8
"""Of fewer events with content nothing is said."""

EVENTS_PER_READ, PIECE_GAP_NS = 2.0, 10_000_000
"""More events per read than this, and reads so far apart on average, are events that waited for each other."""

WHOLE_AFTER_NS, EVENT_GAP_NS = 100_000_000, 200_000
"""After so long without content, events that are less than this apart on average had waited for the last one."""

MUCH = 0.2
"""This share of the streams makes the figures those of what held them back."""


def count(record: Record, counts: dict[str, int]) -> None:
    """Counts an ok stream of the window that has enough events, and how its events came."""
    if not record.streamed or record.content_events < LEAST_EVENTS:
        return
    span_ns = record.content[-1][0] - record.content[0][0]
    is_whole = (
        record.content[0][0] - record.origin_ns >= WHOLE_AFTER_NS
        and span_ns < (record.content_events - 1) * EVENT_GAP_NS
    )
    reads = len(record.content)
    in_pieces = record.content_events > EVENTS_PER_READ * reads and span_ns >= PIECE_GAP_NS * max(1, reads - 1)
    counts["streams_judged"] += 1
    counts["streams_whole"] += is_whole
    if in_pieces and not is_whole:
        counts["streams_in_pieces"] += 1
        counts["piece_events"] += record.content_events
        counts["piece_reads"] += reads
        counts["piece_gaps_ns"] += span_ns


def report(counts: Mapping[str, int]) -> dict[str, Any]:
    """How many streams were held back, for summary.json; None is "no value"."""
    judged, whole, pieces = (counts[name] for name in ("streams_judged", "streams_whole", "streams_in_pieces"))
    reads = counts["piece_reads"]
    return {
        "streams": judged,
        "whole": whole,
        "in_pieces": pieces,
        "events_per_piece": round(counts["piece_events"] / reads, 1) if reads else None,
        "piece_gap_ms": round(counts["piece_gaps_ns"] / 1e6 / (reads - pieces), 1) if reads > pieces else None,
        "is_much": judged > 0 and whole + pieces >= MUCH * judged,
    }


def text(bundling: Mapping[str, Any]) -> str:
    """What was seen, and what it may come from."""
    held_back = bundling["whole"] + bundling["in_pieces"]
    if bundling["whole"] >= bundling["in_pieces"]:
        how = "came whole at their end"
    else:
        how = f"came in pieces of {bundling['events_per_piece']:g} events, {bundling['piece_gap_ms']:.0f} ms apart"
    return (
        f"{held_back} of {bundling['streams']} streams {how}: a proxy on the way, or the server, holds events back, so "
        "that neither the first token nor the time per token is the model's"
    )
