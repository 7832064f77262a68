"""Whether prompts and answers of two runs were as long: shorter answers are no faster server.

Pure: the lengths of ok requests in, what changed out.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, pvariance

from mixtral_contract.load.compare.run_folder import RunFolder

MEAN_TOLERANCE = 0.05
"""By more than this share the mean length has to differ for sure (99 %) to be another one."""

LEAST_DISTANCE = 0.1
"""So far apart, as a share of requests, have the distributions to be at some length, whatever chance is."""

_Z = NormalDist().inv_cdf(0.995)
_KOLMOGOROV = 1.95
"""The 99.9 % point of Kolmogorov's distribution. Source: Smirnov, Annals of Mathematical Statistics 19 (1948)."""

_READ = {"prompts": "prompt_tokens", "answers": "output_tokens"}


@dataclass(frozen=True, slots=True)
class LengthChange:
    """The mean lengths of prompts or answers, in tokens, where they are not the same."""

    of: str
    first: float
    second: float

    def __str__(self) -> str:
        if f"{self.first:.4g}" == f"{self.second:.4g}":
            return f"{self.of} of {self.first:.4g} tokens in the mean, spread otherwise"
        return f"{self.of} of {self.first:.4g} tokens in the mean became {self.second:.4g}"


def length_changes(first: RunFolder, second: RunFolder) -> tuple[LengthChange, ...]:
    """What is longer or shorter in the second run, or distributed otherwise; nothing where a run tells no lengths."""
    return tuple(_changes(first, second))


def _changes(first: RunFolder, second: RunFolder) -> Iterator[LengthChange]:
    for of, name in _READ.items():
        before, after = (sorted(_lengths(run, name)) for run in (first, second))
        if before and after and (_means_differ(before, after) or _distributions_differ(before, after)):
            yield LengthChange(of, fmean(before), fmean(after))


def _lengths(run: RunFolder, name: str) -> list[int]:
    return [line[name] for line in run.lines if line["outcome"] == "ok" and line.get(name) is not None]


def _means_differ(before: Sequence[int], after: Sequence[int]) -> bool:
    error = _Z * math.sqrt(pvariance(before) / len(before) + pvariance(after) / len(after))
    return abs(fmean(after) - fmean(before)) - error > MEAN_TOLERANCE * fmean(before)


def _distributions_differ(before: Sequence[int], after: Sequence[int]) -> bool:
    by_chance = _KOLMOGOROV * math.sqrt(1 / len(before) + 1 / len(after))
    return distance(before, after) > max(LEAST_DISTANCE, by_chance)


def distance(before: Sequence[int], after: Sequence[int]) -> float:
    """The largest difference of the shares of two sorted samples that are at most so long."""
    marked = sorted([(value, 1 / len(before)) for value in before] + [(value, -1 / len(after)) for value in after])
    gap = largest = 0.0
    for _, same in itertools.groupby(marked, key=lambda each: each[0]):
        gap += sum(step for _, step in same)
        largest = max(largest, abs(gap))
    return largest
