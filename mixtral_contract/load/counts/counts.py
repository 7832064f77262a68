"""Everything that a run counts, in a form in which the counts of several workers add up to those of the whole run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from mixtral_contract.load.counts import attainment, bundling, lengths
from mixtral_contract.load.counts.timeline import Timeline
from mixtral_contract.load.estimators.bottom_k_sample import Sample
from mixtral_contract.load.estimators.ddsketch import Sketch
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.reading.record import Record
from mixtral_contract.load.settings.objectives import Slo
from mixtral_contract.load.units.metric import Source
from mixtral_contract.load.units.metrics import SPREADS
from mixtral_contract.load.units.window import Window

FIGURES = tuple(metric.key for metric in SPREADS)
"""The spreads that are kept."""

CENSORED: Mapping[str, str] = {metric.key: metric.bound for metric in SPREADS if metric.bound is not None}
"""The figures of which a request that timed out or was cut off has a lower bound, and which one is that."""

_BY_SOURCE = {source: tuple(metric.key for metric in SPREADS if metric.source is source) for source in Source}
_OF_STREAMS = frozenset(metric.key for metric in SPREADS if metric.needs_stream)

_COUNTS = (
    "window_tokens",
    "window_ok",
    "output_tokens",
    "prompt_tokens",
    "tokens_from_usage",
    "tokens_from_events",
    "tokens_from_text",
    *lengths.NAMES,
    "content_events",
    "content_recvs",
    "sent_again",
    "answers_judged",
    "answers_broken",
    "dropped",
    "warmup_dropped",
    "held_back",
    "warmup_held_back",
    "billed_requests",
    "billed_prompt_tokens",
    "billed_output_tokens",
    "out_of_budget",
    "log_failed",
    "waited_ns",
    "waited_in_vain_ns",
    "streams_judged",
    "streams_whole",
    "streams_in_pieces",
    "piece_events",
    "piece_reads",
    "piece_gaps_ns",
)


class RunCounts:
    """The counts: requests by outcome, tokens, spreads of the figures, and the timeline.

    `counts` follow two rules, and no rate mixes them: `window_*` count what happened inside the window, whoever asked
    for it; everything else counts the requests that belong to the window (in an open loop those that were due in it, in
    a closed one those sent in it), whenever they ended.
    """

    def __init__(self, slo: Slo = ()) -> None:
        self._slo = slo
        self.use: dict[str, tuple[float, float]] = {}
        """What each worker has used so far: seconds of CPU, and of the window."""
        self.measured_s: float | None = None
        """How long the window was by the clock by which requests were counted; None until it has ended."""
        self.credits_left: tuple[float, float] | None = None
        """The most and the least credits that the target said are left; None when it never did."""
        self.users: Counter[int] = Counter()
        """How many users more (or fewer) there were from that ms of the run on."""
        self.outcomes: Counter[str] = Counter()
        self.warmup_outcomes: Counter[str] = Counter()
        self.finish_reasons: Counter[str] = Counter()
        self.broken: Counter[str] = Counter()
        """Answers with status 200 that broke a clause, by its id."""
        self.failures: Counter[tuple[str, int | None]] = Counter()
        self.examples: dict[tuple[str, int | None], str] = {}
        self.counts: Counter[str] = Counter(dict.fromkeys(_COUNTS, 0))
        self.figures = {name: Sketch() for name in FIGURES}
        self.censored = {name: Sketch() for name in CENSORED}
        self.timeline = Timeline()
        self.ttft_by_prompt = Sample()
        """Prompt tokens, by usage, and ttft in ms, of ok requests of the window that have both."""

    def add(self, record: Record, window: Window) -> None:
        """Counts one request that has ended (or was cut off) by now."""
        self.timeline.add(record)
        waited_ns = window.overlap_ns(record.started_ns, record.end_ns)
        self.counts["waited_ns"] += waited_ns
        self.counts["waited_in_vain_ns"] += waited_ns * record.outcome.failed
        if record.outcome.is_answer:
            self.counts["billed_requests"] += 1
            self.counts["billed_prompt_tokens"] += record.prompt_tokens or 0
            self.counts["billed_output_tokens"] += record.billed_tokens
        if record.outcome is Outcome.OK:
            self._count_in_window(record, window)
        if record.window_ns < window.start_ns:
            self.warmup_outcomes[str(record.outcome)] += 1
            return
        self.outcomes[str(record.outcome)] += 1
        self.broken.update(record.broken)
        self.counts["answers_judged"] += record.status == 200
        self.counts["answers_broken"] += bool(record.broken)
        if self._slo:
            attainment.count(self._slo, record, self.counts)
        self.counts["sent_again"] += record.sent_again
        if record.outcome is Outcome.OK:
            self._count_completion(record)
        elif record.outcome in (Outcome.UNFINISHED, Outcome.TIMEOUT):
            self._count_bounds(record)
        if record.outcome.failed:
            kind = (str(record.outcome), record.status)
            self.failures[kind] += 1
            self.examples.setdefault(kind, record.detail or "")

    def wait_in_vain(self, from_ns: int, to_ns: int, window: Window) -> None:
        """Counts the time for which a user did not ask, because a request had failed."""
        waited_ns = window.overlap_ns(from_ns, to_ns)
        self.counts["waited_ns"] += waited_ns
        self.counts["waited_in_vain_ns"] += waited_ns

    def drop(self, due_ns: int, window: Window) -> None:
        """Counts a request of an open loop that was due and not sent, because too many were on their way."""
        self.counts["warmup_dropped" if due_ns < window.start_ns else "dropped"] += 1

    def hold_back(self, due_ns: int, window: Window) -> None:
        """Counts a request of an open loop that was due and not sent, because the target had asked to wait."""
        self.counts["warmup_held_back" if due_ns < window.start_ns else "held_back"] += 1

    def note_credits(self, most: float, least: float) -> None:
        """Notes how many credits the target said are left."""
        highest, lowest = self.credits_left or (most, least)
        self.credits_left = max(highest, most), min(lowest, least)

    def as_warmup(self) -> RunCounts:
        """The same with all requests as ones of the warm-up, for a later stage is what is measured."""
        turned = RunCounts(self._slo)
        turned.timeline, turned.use, turned.credits_left = self.timeline, self.use, self.credits_left
        turned.warmup_outcomes = self.warmup_outcomes + self.outcomes
        for name in ("billed_requests", "billed_prompt_tokens", "billed_output_tokens", "out_of_budget"):
            turned.counts[name] = self.counts[name]
        for name in ("dropped", "held_back"):
            turned.counts[f"warmup_{name}"] = self.counts[f"warmup_{name}"] + self.counts[name]
        return turned

    def merge(self, other: RunCounts) -> None:
        """Adds another tally."""
        for name in ("users", "outcomes", "warmup_outcomes", "finish_reasons", "broken", "failures", "counts"):
            getattr(self, name).update(getattr(other, name))
        self.examples = other.examples | self.examples
        self.use.update(other.use)
        self.measured_s = max((each for each in (self.measured_s, other.measured_s) if each is not None), default=None)
        for name, sketch in other.figures.items():
            self.figures[name].merge(sketch)
        for name, sketch in other.censored.items():
            self.censored[name].merge(sketch)
        self.timeline.merge(other.timeline)
        self.ttft_by_prompt.merge(other.ttft_by_prompt)
        if other.credits_left is not None:
            self.note_credits(*other.credits_left)

    def _count_in_window(self, record: Record, window: Window) -> None:
        self.counts["window_ok"] += window.holds(record.end_ns)
        if record.content and window.holds(record.content[0][0]) and window.holds(record.content[-1][0]):
            self.counts["window_tokens"] += record.output_tokens
        else:
            self.counts["window_tokens"] += sum(
                tokens for time, tokens in record.tokens_by_time() if window.holds(time)
            )

    def _count_completion(self, record: Record) -> None:
        self.counts["output_tokens"] += record.output_tokens
        self.counts["prompt_tokens"] += record.prompt_tokens or 0
        self.counts[f"tokens_from_{record.tokens_from or 'events'}"] += 1
        lengths.count(record, self.counts)
        self.counts["content_events"] += record.content_events
        self.counts["content_recvs"] += len(record.content)
        bundling.count(record, self.counts)
        self.finish_reasons[record.finish_reason or "none"] += 1
        for name in _BY_SOURCE[Source.VALUE]:
            value = getattr(record, name)
            if value is not None:
                self.figures[name].add(value)
        if record.prompt_tokens is not None and record.ttft_ms is not None:
            self.ttft_by_prompt.add(record.worker, record.number, record.prompt_tokens, record.ttft_ms)
        for name in _BY_SOURCE[Source.VALUES]:
            self.figures[name].add_all(getattr(record, name)())
        for name in _BY_SOURCE[Source.COUNTED]:
            for value, count in getattr(record, name)():
                self.figures[name].add(value, count)

    def _count_bounds(self, record: Record) -> None:
        """What did not end in time took at least as long as it had; its first token is known, if there was one."""
        for name, bound in CENSORED.items():
            value = getattr(record, name) if name in _OF_STREAMS else None
            if value is not None:
                self.figures[name].add(value)
            elif (record.streamed or name not in _OF_STREAMS) and getattr(record, bound) is not None:
                self.censored[name].add(getattr(record, bound))

    def to_wire(self) -> dict[str, Any]:
        """The tally in JSON's types."""
        return {
            "users": [[time_ms, more] for time_ms, more in self.users.items()],
            "outcomes": dict(self.outcomes),
            "warmup_outcomes": dict(self.warmup_outcomes),
            "finish_reasons": dict(self.finish_reasons),
            "broken": dict(self.broken),
            "failures": [[*kind, count, self.examples[kind]] for kind, count in self.failures.items()],
            "counts": dict(self.counts),
            "use": {worker: list(used) for worker, used in self.use.items()},
            "measured_s": self.measured_s,
            "figures": {name: sketch.to_wire() for name, sketch in self.figures.items()},
            "censored": {name: sketch.to_wire() for name, sketch in self.censored.items()},
            "timeline": self.timeline.to_wire(),
            "ttft_by_prompt": self.ttft_by_prompt.to_wire(),
            "credits_left": self.credits_left,
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> RunCounts:
        """The tally that `to_wire` wrote."""
        tally = cls()
        for name in ("outcomes", "warmup_outcomes", "finish_reasons", "broken", "counts"):
            getattr(tally, name).update(wire[name])
        tally.use = {worker: (cpu_s, wall_s) for worker, (cpu_s, wall_s) in wire["use"].items()}
        tally.measured_s = wire["measured_s"]
        tally.users.update({time_ms: more for time_ms, more in wire["users"]})  # noqa: C416 -- dict() takes no lists
        for outcome, status, count, example in wire["failures"]:
            tally.failures[outcome, status] = count
            tally.examples[outcome, status] = example
        tally.figures = {name: Sketch.from_wire(sketch) for name, sketch in wire["figures"].items()}
        tally.censored = {name: Sketch.from_wire(sketch) for name, sketch in wire["censored"].items()}
        tally.timeline = Timeline.from_wire(wire["timeline"])
        tally.ttft_by_prompt = Sample.from_wire(wire["ttft_by_prompt"])
        if wire["credits_left"] is not None:
            tally.note_credits(*wire["credits_left"])
        return tally
