"""The instrument against the mock's own journal: what the mock did comes back in the figures.

Counts exactly. Times never below the truth, which no machine can make false; above it in the median, and by far more
than the instrument adds, as the machine may be busy.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mixtral_contract.load.cli.calibrate import journal, measure, mock
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.reading.record import Record
from mixtral_contract.load.settings.options import OPTIONS
from mixtral_contract.load.settings.settings import read_settings

TTFT_MS, ITL_MS, TOKENS, RATE, SECONDS = 50, 10, 15, 30, 1.0
MS = 1_000_000
GENEROUS_MS = 250


class Played(NamedTuple):
    """What the instrument said and what the mock wrote down, request by request."""

    records: Sequence[Record]
    entries: Sequence[dict[str, Any]]

    @property
    def pairs(self) -> list[tuple[Record, dict[str, Any]]]:
        """Both of each completion."""
        entries = {entry["completion_id"]: entry for entry in self.entries}
        return [(record, entries[record.completion_id]) for record in self.records]


def play(folder: Path, *incidents: str) -> Played:
    """Requests of an open loop to a mock with a known pace, whose answers these incidents befall."""
    parser = argparse.ArgumentParser()
    for option in OPTIONS:
        parser.add_argument(option.flag, **option.keywords)
    asked = ["--arrivals", f"constant:{RATE}", "--output-tokens", str(TOKENS), "--out", str(folder), "--timeout", "60s"]
    records: list[Record] = []
    switches = [part for incident in incidents for part in ("--incident", incident)]
    with mock("--ttft-ms", str(TTFT_MS), "--itl-ms", str(ITL_MS), *switches) as url:
        measure(read_settings(parser.parse_args(asked), url), SECONDS, records.append)
        return Played(records, journal(url))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A mock that does nothing but its work."""
    return play(tmp_path_factory.mktemp("golden"))


def test_counts__are_those_of_the_journal(played: Played) -> None:
    """Requests, tokens, content events and the reason of each end."""
    assert len(played.records) == len(played.entries) >= RATE * SECONDS
    for record, entry in played.pairs:
        assert record.outcome is Outcome.OK
        assert record.usage_tokens == entry["completion_tokens"]
        assert record.prompt_tokens == entry["prompt_tokens"]
        assert record.finish_reason == entry["finish_reason"]
        assert record.content_events == len(entry["sent_after_ns"])


def test_bytes__are_those_of_the_journal(played: Played) -> None:
    """Head and framing included."""
    assert [record.received_bytes for record, _ in played.pairs] == [entry["bytes_sent"] for _, entry in played.pairs]


def test_times__are_never_below_the_truth(played: Played) -> None:
    """No token is seen before it was due, counted from when the server had the request."""
    for record, entry in played.pairs:
        seen_ns = [time_ns - record.origin_ns for time_ns, count in record.content for _ in range(count)]
        assert all(seen >= due for seen, due in zip(seen_ns, entry["due_after_ns"], strict=True))
        assert record.ttft_ms is not None
        assert record.ttft_ms >= TTFT_MS
        assert record.e2e_ms >= TTFT_MS + ITL_MS * (record.content_events - 1)


def test_times__are_near_the_truth(played: Played) -> None:
    """What the instrument adds to ttft, to the length of a stream and to each gap."""
    ttft, length, gaps = [], [], []
    for record, entry in played.pairs:
        assert record.ttft_ms is not None
        sent_ns, seen_ns = entry["sent_after_ns"], [at_ns for at_ns, count in record.content for _ in range(count)]
        ttft.append(record.ttft_ms - sent_ns[0] / MS)
        length.append(abs(seen_ns[-1] - seen_ns[0] - sent_ns[-1] + sent_ns[0]) / MS)
        gaps += [abs(seen_ns[i + 1] - seen_ns[i] - sent_ns[i + 1] + sent_ns[i]) / MS for i in range(len(sent_ns) - 1)]
    assert statistics.median(ttft) < GENEROUS_MS
    assert statistics.median(length) < GENEROUS_MS
    assert statistics.median(gaps) < ITL_MS * 5


@pytest.mark.parametrize(
    ("incident", "outcome"),
    [
        ("cut:after=3", Outcome.TRUNCATED),
        ("cut:after=3,by=rst", Outcome.TRUNCATED),
        ("cut:after=3,by=chunk", Outcome.TRUNCATED),
        ("end:after=3", Outcome.TRUNCATED),
        ("no-finish", Outcome.TRUNCATED),
        ("error:after=3", Outcome.ERROR_EVENT),
        ("malformed:after=3", Outcome.MALFORMED),
        ("content-type:value=text/plain", Outcome.WRONG_CONTENT_TYPE),
        ("hangup", Outcome.CONNECTION_ERROR),
        ("429", Outcome.RATE_LIMITED),
        ("503", Outcome.HTTP_ERROR),
    ],
)
def test_broken_answers__have_their_outcome(tmp_path: Path, incident: str, outcome: Outcome) -> None:
    """Every one of them, and none is lost."""
    found = play(tmp_path, incident)
    assert {record.outcome for record in found.records} == {outcome}
    resent = sum(record.sent_again for record in found.records)
    assert len(found.records) + resent == len(found.entries)


@pytest.mark.parametrize(
    "incident", ["split:at=data,gap_ms=1", "comments", "crlf", "no-space", "trickle:size=400,gap_ms=1"]
)
def test_odd_but_whole_answers__are_counted_in_full(tmp_path: Path, incident: str) -> None:
    """However an event is cut or written, it is one event."""
    found = play(tmp_path, incident)
    assert {record.outcome for record in found.records} == {Outcome.OK}
    assert [record.content_events for record, _ in found.pairs] == [entry["steps"] for _, entry in found.pairs]


def test_coalesced_events__are_all_counted_and_called_so(tmp_path: Path) -> None:
    """Eight events in a write: eight events, but not eight times; the gaps between them are 0."""
    found = play(tmp_path, "coalesce:events=8")
    for record, entry in found.pairs:
        assert record.outcome is Outcome.OK
        assert record.content_events == entry["steps"]
        assert len(record.content) < record.content_events
        assert record.icl_ms().count(0.0) >= record.content_events - len(record.content) > 0
