"""The longest stretch of a window in which nothing was answered while requests were waiting.

Whole seconds of the timeline: a second is answered when an answer ended ok in it, or content of one that did arrived.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from mixtral_contract.load.counts.timeline import Timeline

LEAST_S, WINDOW_SHARE, MEDIAN_ANSWERS = 3.0, 0.1, 5.0
"""Without an answer for so long, for this share of the window and for as many median answers there was an outage."""


def is_outage(silent_s: float, window_s: float, median_answer_s: float) -> bool:
    """Whether so long a silence makes the figures those of another server than the one that answered."""
    return silent_s >= max(LEAST_S, WINDOW_SHARE * window_s, MEDIAN_ANSWERS * median_answer_s)


@dataclass(frozen=True, slots=True)
class Silence:
    """A stretch without an answer, in seconds from the run's start; `lasts` tells that no answer came after it."""

    from_s: float
    to_s: float
    lasts: bool

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.to_s - self.from_s


def longest_silence(timeline: Timeline, start_s: float, end_s: float) -> Silence | None:
    """The longest one in that window; None when each second in which requests waited had an answer.

    A second without requests at its beginning or end is no part of a stretch: then nobody waited for an answer.
    """
    stretches = (Silence(*ends) for ends in _stretches(timeline, start_s, end_s))
    return max(stretches, key=lambda silence: silence.seconds, default=None)


def _stretches(timeline: Timeline, start_s: float, end_s: float) -> Iterator[tuple[float, float, bool]]:
    seconds = [each for each in timeline.activity() if start_s < each.index + 1 and each.index < end_s]
    last_answered = max((each.index for each in seconds if each.is_answered), default=-1)
    for is_answered, group in itertools.groupby(seconds, key=lambda each: each.is_answered):
        waited = [each.index for each in group if each.has_waiting]
        if is_answered or not waited:
            continue
        from_s, to_s = max(start_s, float(waited[0])), min(end_s, waited[-1] + 1.0)
        yield from_s, to_s, waited[-1] > last_answered
