"""What happened in each second of a run; those of several workers add up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mixtral_contract.load.estimators.ddsketch import Sketch
from mixtral_contract.load.reading.record import Record
from mixtral_contract.load.units.metric import Place
from mixtral_contract.load.units.metrics import keys_in, spreads_in
from mixtral_contract.load.units.numbers import rounded

LATENCIES = keys_in(Place.TIMELINE)
_NS_PER_S = 1_000_000_000


class Second:
    """One second: requests that began and ended, tokens that arrived, latencies of the ok requests that began in it."""

    __slots__ = ("begun", "ended", "failed", "latencies", "ok", "output_tokens", "refused")

    def __init__(self) -> None:
        self.begun = 0
        self.ended = 0
        self.output_tokens = 0
        self.ok = 0
        self.failed = 0
        self.refused = 0
        self.latencies = {name: Sketch() for name in LATENCIES}

    def merge(self, other: Second) -> None:
        """Adds another worker's same second."""
        self.begun += other.begun
        self.ended += other.ended
        self.output_tokens += other.output_tokens
        self.ok += other.ok
        self.failed += other.failed
        self.refused += other.refused
        for name, sketch in other.latencies.items():
            self.latencies[name].merge(sketch)


@dataclass(frozen=True, slots=True)
class Activity:
    """What was going on in a second of the run: whether requests waited, and whether any was answered."""

    index: int
    has_waiting: bool
    is_answered: bool


class Timeline:
    """The seconds of a run, counted from its start, warm-up and end included."""

    def __init__(self) -> None:
        self._seconds: dict[int, Second] = {}

    def add(self, record: Record) -> None:
        """Counts a request where its parts belong."""
        self._at(record.origin_ns).begun += 1
        self._at(record.end_ns).ended += 1
        self._at(record.end_ns).failed += record.outcome.failed
        self._at(record.end_ns).refused += record.outcome == "rate_limited"
        if record.outcome != "ok":
            return
        self._at(record.end_ns).ok += 1
        sent = self._at(record.window_ns)
        for name in LATENCIES:
            value = getattr(record, name)
            if value is not None:
                sent.latencies[name].add(value)
        for index, tokens in record.tokens_by_second().items():
            self._at(index * _NS_PER_S).output_tokens += tokens

    def merge(self, other: Timeline) -> None:
        """Adds another worker's timeline."""
        for index, second in other._seconds.items():
            self._seconds.setdefault(index, Second()).merge(second)

    def until_refused(self, most_s: int = 10) -> tuple[int, int, int] | None:
        """The second of the first 429, how many requests began in those just before it, and how many seconds that are.

        In the first second it is the one that counts; None without a 429.
        """
        first = min((index for index, second in self._seconds.items() if second.refused), default=None)
        if first is None:
            return None
        start = max(0, first - most_s) if first else 0
        end = first or 1
        begun = sum(second.begun for index, second in self._seconds.items() if start <= index < end)
        return first, begun, end - start

    def in_flight(self) -> list[int]:
        """How many requests were under way at the end of each second."""
        under_way, series = 0, []
        for index in range(max(self._seconds, default=-1) + 1):
            second = self._seconds.get(index)
            if second is not None:
                under_way += second.begun - second.ended
            series.append(under_way)
        return series

    def activity(self) -> Iterator[Activity]:
        """Each second from the run's start to the last one that has anything."""
        under_way = 0
        for index in range(max(self._seconds, default=-1) + 1):
            second = self._seconds.get(index) or Second()
            has_waiting = bool(under_way or second.begun)
            yield Activity(index, has_waiting, is_answered=bool(second.ok or second.output_tokens))
            under_way += second.begun - second.ended

    def series(self, bin_s: int) -> dict[str, Any]:
        """Equal bins from the start to the last second that has anything; None where a latency has no sample."""
        count = (max(self._seconds) // bin_s + 1) if self._seconds else 0
        bins = [Second() for _ in range(count)]
        for index, second in self._seconds.items():
            bins[index // bin_s].merge(second)
        under_way = self.in_flight()
        return {
            "bin_s": bin_s,
            "in_flight": [max(under_way[start : start + bin_s], default=0) for start in range(0, count * bin_s, bin_s)],
            "output_tokens_per_s": [each.output_tokens / bin_s for each in bins],
            "ok_requests": [each.ok for each in bins],
            "failed_requests": [each.failed for each in bins],
            **{
                metric.column(percent): [rounded(each.latencies[metric.key].percentile(percent)) for each in bins]
                for metric in spreads_in(Place.TIMELINE)
                for percent in (50, 95)
            },
        }

    def to_wire(self) -> list[dict[str, Any]]:
        """The timeline in JSON's types."""
        return [
            {
                "second": index,
                "begun": second.begun,
                "ended": second.ended,
                "output_tokens": second.output_tokens,
                "ok": second.ok,
                "failed": second.failed,
                "refused": second.refused,
                **{name: sketch.to_wire() for name, sketch in second.latencies.items()},
            }
            for index, second in self._seconds.items()
        ]

    @classmethod
    def from_wire(cls, wire: list[Mapping[str, Any]]) -> Timeline:
        """The timeline that `to_wire` wrote."""
        timeline = cls()
        for entry in wire:
            second = timeline._seconds[entry["second"]] = Second()
            second.begun = entry["begun"]
            second.ended = entry["ended"]
            second.output_tokens = entry["output_tokens"]
            second.ok = entry["ok"]
            second.failed = entry["failed"]
            second.refused = entry["refused"]
            second.latencies = {name: Sketch.from_wire(entry[name]) for name in LATENCIES}
        return timeline

    def _at(self, time_ns: int) -> Second:
        # a request that was started before the clock's zero does not exist; one event cannot be before it either
        index = max(0, time_ns) // _NS_PER_S
        second = self._seconds.get(index)
        if second is None:
            second = self._seconds[index] = Second()
        return second
