"""What is counted and measured over all requests since the start, read from the entries of the journal.

Pure. The series have vLLM's names where vLLM has them, so that its dashboards and scrapers can be tried on the mock,
and `mock_` names for what only a mock knows. vLLM's buckets are kept for the same reason.

Source: vllm/v1/metrics/loggers.py of vLLM.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import sub
from typing import Any, NamedTuple

from mixtral_contract.mock.journal.journal import COMPLETE, Entry
from mixtral_contract.mock.timing.token_times import Steps, times

_SECOND_NS = 1_000_000_000
_BATCH = 64
"""How many requests are counted at once."""
_LONG = 16
"""A stream of so many tokens is counted when it ends: many of them at once would hold up those under way."""
_MANY = 512


def _bounds(*seconds: float) -> tuple[int, ...]:
    return tuple(round(bound * _SECOND_NS) for bound in seconds)


_FIRST = _bounds(
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560
)
_BETWEEN = _bounds(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80)
_WHOLE = _bounds(0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680)
_LATE = _bounds(0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)


class Histogram:
    """How many durations were at most as long as each bound; everything in nanoseconds.

    Adding costs an append: what was added is sorted into the bounds many at a time.
    """

    def __init__(self, bounds: tuple[int, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum_ns = 0
        self._new: list[int] = []

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(self._sorted())

    @property
    def sum_ns(self) -> int:
        """What they add up to."""
        self._sorted()
        return self._sum_ns

    def add(self, durations_ns: Iterable[int]) -> None:
        """Counts durations."""
        self._new.extend(durations_ns)
        if len(self._new) >= _MANY:
            self._sorted()

    def add_zeros(self, times: int) -> None:
        """Counts a duration of nothing, so many times."""
        self._counts[0] += times

    def cumulative(self) -> Iterator[tuple[int | None, int]]:
        """Each bound and how many are at most that long; None for no bound."""
        return zip((*self._bounds, None), accumulate(self._sorted()), strict=True)

    def _sorted(self) -> list[int]:
        new, self._new = sorted(self._new), []
        self._sum_ns += sum(new)
        below = 0
        for index, bound in enumerate(self._bounds):
            up_to = bisect_right(new, bound, below)
            self._counts[index] += up_to - below
            below = up_to
        self._counts[-1] += len(new) - below
        return self._counts


class ModelMetrics:
    """What is measured per model."""

    def __init__(self) -> None:
        self.prompt_tokens = 0
        self.generation_tokens = 0
        self.finished: Counter[str] = Counter()
        self.first_token = Histogram(_FIRST)
        self.between_tokens = Histogram(_BETWEEN)
        self.per_token = Histogram(_BETWEEN)
        self.whole = Histogram(_WHOLE)
        self.queue = Histogram(_WHOLE)

    def add(self, entries: Sequence[Entry], late: list[int]) -> None:
        """Counts completions; adds to `late` how much later than due the tokens of each deadline had left."""
        at_once = [entry for entry in entries if entry.is_at_once]
        if at_once:
            self._add_at_once(at_once, late)
        if len(at_once) < len(entries):
            self._add_paced((entry for entry in entries if not entry.is_at_once), late)

    def _add_at_once(self, entries: Sequence[Any], late: list[int]) -> None:
        """The short way for most of a fast server's work: one step each, of which everything is known."""
        taken = [entry.head_ns - entry.received_ns for entry in entries]
        steps = [entry.steps for entry in entries]
        self.queue.add([entry.decided_ns - entry.received_ns for entry in entries])
        self.first_token.add(taken)
        self.whole.add(taken)
        self.prompt_tokens += sum([entry.prompt_tokens for entry in entries])
        self.generation_tokens += sum([entry.completion_tokens for entry in entries])
        self.finished.update([entry.finish_reason for entry in entries])
        self.between_tokens.add_zeros(sum(steps) - len(steps))
        self.per_token.add_zeros(sum([count > 1 for count in steps]))
        late += taken  # due when they were asked for

    def _add_paced(self, entries: Iterable[Entry], late: list[int]) -> None:
        queue, first, whole, per_token, together = [], [], [], [], 0
        finished, gaps = self.finished, self.between_tokens
        for entry in entries:
            received_ns, sent = entry.received_ns, entry.sent
            self.prompt_tokens += entry.prompt_tokens or 0
            finished[(entry.finish_reason if entry.end == COMPLETE else None) or "abort"] += 1
            if entry.decided_ns is not None:
                queue.append(entry.decided_ns - received_ns)
            if not sent:
                continue
            (_, first_ns), (tokens, last_ns) = sent[0], sent[-1]
            self.generation_tokens += _tokens_out(entry, tokens)
            first.append(first_ns - received_ns)
            whole.append(last_ns - received_ns)
            together += tokens - len(sent)
            if tokens > 1:
                per_token.append((last_ns - first_ns) // (tokens - 1))
            if len(sent) > 1:
                at_ns = times(sent)
                gaps.add(map(sub, at_ns[1:], at_ns))
            late += lateness(entry.dues, sent)
        gaps.add_zeros(together)
        self.queue.add(queue)
        self.first_token.add(first)
        self.whole.add(whole)
        self.per_token.add(per_token)


def _tokens_out(entry: Entry, steps: int) -> int:
    """How many tokens left: all of a completion, else one for each step, of which an empty answer has one."""
    tokens = entry.completion_tokens or 0
    return tokens if entry.end == COMPLETE else min(steps, tokens)


class Kind(NamedTuple):
    """What requests have in common that are counted together."""

    dialect: str | None
    status: int | None
    condition: str | None
    end: str | None
    incident: str | None


@dataclass(frozen=True, slots=True)
class Load:
    """What one model is doing at this moment; `cache` is the share of the engine's room for tokens that is taken."""

    running: int = 0
    waiting: int = 0
    cache: float = 0.0


class Metrics:
    """All counts of one server; they are brought up to date some requests at a time, and whenever they are read."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begins anew, as after a start."""
        self._new: list[Entry] = []
        self._kinds: Counter[tuple[Any, ...]] = Counter()
        self._models: defaultdict[str, ModelMetrics] = defaultdict(ModelMetrics)
        self._lateness = Histogram(_LATE)

    def add(self, entry: Entry) -> None:
        """Counts one ended request."""
        self._new.append(entry)
        if len(self._new) >= _BATCH or (entry.stream and (entry.steps or 0) >= _LONG):
            self._count()

    @property
    def models(self) -> Mapping[str, ModelMetrics]:
        """What was measured, by model; those that completed nothing are missing."""
        self._count()
        return self._models

    @property
    def lateness(self) -> Histogram:
        """How much later than due the tokens of each deadline had left."""
        self._count()
        return self._lateness

    def count_by(self, *fields: str) -> Counter[Any]:
        """How many requests there were by some fields of `Kind`: by tuples, or by the values of a single one."""
        self._count()
        counts: Counter[Any] = Counter()
        for kind, count in self._kinds.items():
            values = tuple(getattr(Kind(*kind), field) for field in fields)
            counts[values if len(fields) > 1 else values[0]] += count
        return counts

    def _count(self) -> None:
        new, self._new = self._new, []
        self._kinds.update([(entry.dialect, entry.status, entry.condition, entry.end, entry.incident) for entry in new])
        completions: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in new:
            if entry.status == 200 and entry.completion_tokens is not None and entry.model is not None:
                completions[entry.model].append(entry)
        late: list[int] = []
        for model, entries in completions.items():
            self._models[model].add(entries, late)
        self._lateness.add(late)


def lateness(dues: Steps, sent: Steps) -> Iterable[int]:
    """For each deadline that was met: how long after it, or before, the last of the tokens due then had left."""
    if len(dues) == len(sent):
        # one pass, one write: the rule, and worth a shorter way
        if len(dues) == 1:
            return (abs(sent[0][1] - dues[0][1]),)
        return map(abs, map(sub, times(sent), times(dues)))
    return _lateness(dues, sent)


def _lateness(dues: Steps, sent: Steps) -> Iterator[int]:
    leaving = iter(sent)
    out, at_ns = next(leaving, (0, 0))
    for due, due_ns in dues:
        while out < due:
            step = next(leaving, None)
            if step is None:
                return
            out, at_ns = step
        yield abs(at_ns - due_ns)
