"""What changed between two runs: each figure of the second against the first, with an interval, and a verdict.

A figure is worse when the whole interval of its change lies beyond the tolerance on the bad side. Where an interval
reaches beyond it, or the change is less than the instrument can tell, the figure may be worse: that is unclear, and no
"no regression".
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from mixtral_contract.load.compare.differences import LENGTHS, Difference, differences
from mixtral_contract.load.compare.figures import FIGURES, Figure
from mixtral_contract.load.compare.lengths import LengthChange, length_changes
from mixtral_contract.load.compare.run_folder import RunFolder
from mixtral_contract.load.estimators.bootstrap import interval
from mixtral_contract.load.estimators.confidence import wilson
from mixtral_contract.load.results.validity import INVALID, SUSPECT

CONFIDENCE = 0.95
WORSE, BETTER, SAME, UNCLEAR, NONE = "worse", "better", "same", "unclear", "not measured"
OTHER_LENGTHS = "other lengths"
"""Instead of better, where prompts or answers were not as long."""

REGRESSION, NO_REGRESSION, NO_VERDICT = "regression", "no regression", "no verdict"
EXIT_STATUS = {NO_REGRESSION: 0, REGRESSION: 1, UNCLEAR: 1, NO_VERDICT: 2}
WORST_FIRST = (NO_VERDICT, REGRESSION, UNCLEAR, NO_REGRESSION)


@dataclass(frozen=True, slots=True)
class Change:
    """One figure of both runs; `ratio` is second / first with the ends of its interval, None where one has no value.

    `may_be_worse` tells of what is not worse for sure, whether it could be, by more than the tolerance.
    """

    name: str
    unit: str
    first: float | None
    second: float | None
    ratio: tuple[float, float, float] | None
    verdict: str
    may_be_worse: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs, what was asked of them differently, what changed, and what that comes to."""

    first: RunFolder
    second: RunFolder
    tolerance: float
    confidence: float
    settings: tuple[Difference, ...]
    lengths: tuple[LengthChange, ...]
    changes: tuple[Change, ...]
    may_differ: AbstractSet[str] = frozenset()
    allows_unclear: bool = False

    @property
    def differences(self) -> tuple[str, ...]:
        """What was asked differently, in words."""
        return tuple(str(each) for each in self.settings)

    @property
    def obstacles(self) -> tuple[str, ...]:
        """Why the one run cannot be held against the other."""
        return tuple(self._obstacles())

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the figures should know of the two runs."""
        return tuple(self._warnings())

    @property
    def verdict(self) -> str:
        """What it comes to: no regression, regression, unclear or no verdict."""
        if self.obstacles:
            return NO_VERDICT
        if self.regressed:
            return REGRESSION
        if self._lengths_matter or any(change.may_be_worse for change in self.changes):
            return UNCLEAR
        return NO_REGRESSION if any(change.verdict != NONE for change in self.changes[:-1]) else UNCLEAR

    @property
    def exit_status(self) -> int:
        """0: nothing is worse, and that is sure; 1: something is, or may be; 2: the runs cannot be compared."""
        return 0 if self.verdict == UNCLEAR and self.allows_unclear else EXIT_STATUS[self.verdict]

    @property
    def regressed(self) -> bool:
        """Whether any figure is worse."""
        return any(change.verdict == WORSE for change in self.changes)

    def text(self) -> str:
        """The comparison as a table of text."""
        lines = [f"{which:8}{run.title}" for which, run in (("first", self.first), ("second", self.second))]
        lines += ["", f"{'':22}{'first':>10}{'second':>10}{'change':>9}   {100 * self.confidence:g} % interval"]
        lines += [_row(change) for change in self.changes]
        lines += [f"! {warning}" for warning in self.warnings]
        return "\n".join([*lines, self.conclusion()]) + "\n"

    def conclusion(self) -> str:
        """The verdict with its reason, in a line."""
        beyond = f" by more than {100 * self.tolerance:g} %" if self.tolerance else ""
        if self.verdict == NO_VERDICT:
            return f"{NO_VERDICT}: {'; '.join(self.obstacles)}"
        if self.verdict == REGRESSION:
            return f"{REGRESSION}: {_names(self.changes, WORSE)} worse{beyond}"
        if self.verdict == NO_REGRESSION:
            return f"{NO_REGRESSION}{beyond}{self._reservations()}"
        if self._lengths_matter:
            return f"{UNCLEAR}: {'; '.join(map(str, self.lengths))}: another workload, and no faster or slower server"
        may = ", ".join(change.name for change in self.changes if change.may_be_worse)
        return f"{UNCLEAR}: {may} may be worse{beyond}" if may else f"{UNCLEAR}: no figure of both runs was measured"

    def _obstacles(self) -> Iterator[str]:
        for which, run in (("first", self.first), ("second", self.second)):
            validity = run.summary["validity"]
            if run.summary["window"]["interrupted"]:
                yield f"the {which} run was interrupted"
            if validity["verdict"] == INVALID:
                yield f"the {which} run is INVALID: {_reasons(validity, INVALID)}"
        unlike = [each for each in self.settings if each.is_decisive and each.setting not in self.may_differ]
        if unlike:
            names = ",".join(each.setting for each in unlike)
            told = ", ".join(map(str, unlike))
            yield f"the runs were not asked alike: {told} (--may-differ {names} compares them all the same)"

    def _warnings(self) -> Iterator[str]:
        yield from (f"not asked alike: {each}" for each in self.settings)
        yield from (f"other lengths: {each}" for each in self.lengths)
        for which, run in (("first", self.first), ("second", self.second)):
            validity = run.summary["validity"]
            if validity["verdict"] != "VALID":
                yield f"the {which} run is {validity['verdict']}: {_reasons(validity, validity['verdict'])}"
            if run.summary["failure"] is not None:
                yield f"the {which} run failed: {run.summary['failure']}"

    @property
    def _lengths_matter(self) -> bool:
        return bool(self.lengths) and LENGTHS not in self.may_differ

    def _reservations(self) -> str:
        """What takes a part of "no regression" back."""
        doubted = [run.summary["validity"]["verdict"] == SUSPECT for run in (self.first, self.second)]
        parts = ["a run is SUSPECT"] if any(doubted) else []
        missing = _names(self.changes, NONE)
        if missing:
            parts.append(f"not measured: {missing}")
        failed = self.changes[-1]
        if failed.verdict == UNCLEAR and (failed.second or 0) > (failed.first or 0):
            parts.append("unclear: failed")
        return f" ({'; '.join(parts)})" if parts else ""


def compare(
    first: RunFolder,
    second: RunFolder,
    *,
    tolerance: float,
    confidence: float = CONFIDENCE,
    may_differ: AbstractSet[str] = frozenset(),
    allows_unclear: bool = False,
) -> Comparison:
    """The comparison of two runs; `tolerance` is the relative change that is still no regression.

    A figure that neither run has a sample of is left out. `may_differ` are the settings in which the runs are unlike
    and compared all the same; `allows_unclear` gives what is unclear the exit status 0.
    """
    lengths = length_changes(first, second)
    wanted = [figure for figure in FIGURES if figure.is_known_of(first) or figure.is_known_of(second)]
    changes = [_change(figure, first, second, tolerance, confidence) for figure in wanted]
    if lengths:
        changes = [_of_other_lengths(change) for change in changes]
    changes.append(_failures(first, second, confidence))
    settings = differences(first, second)
    return Comparison(
        first, second, tolerance, confidence, settings, lengths, tuple(changes), may_differ, allows_unclear
    )


def _row(change: Change) -> str:
    cells = f"{change.name:22}{shown(change.first):>10}{shown(change.second):>10}"
    if change.ratio is None:
        return f"{cells}{'':9}   {'':20}{change.verdict}"
    ratio, low, high = change.ratio
    span = f"{100 * (low - 1):+.1f} … {100 * (high - 1):+.1f} %"
    return f"{cells}{100 * (ratio - 1):>+8.1f}%   {span:20}{change.verdict}"


def shown(value: float | None) -> str:
    """The value in a table; a dash for none."""
    return "–" if value is None else f"{value:.4g}"


def _names(changes: tuple[Change, ...], verdict: str) -> str:
    return ", ".join(change.name for change in changes if change.verdict == verdict)


def _reasons(validity: Mapping[str, Any], severity: str) -> str:
    return "; ".join(reason["text"] for reason in validity["reasons"] if reason["severity"] == severity)


def _of_other_lengths(change: Change) -> Change:
    if change.verdict != BETTER:
        return change
    return Change(change.name, change.unit, change.first, change.second, change.ratio, OTHER_LENGTHS)


def _failures(first: RunFolder, second: RunFolder, confidence: float) -> Change:
    """The share of failed requests; it has no ratio, for the first is mostly 0.

    It may be worse where it is above what the run itself allows (`--max-error-share`).
    """
    counted = [_failed(run) for run in (first, second)]
    shares = [100 * failed / ended if ended else None for failed, ended in counted]
    before, after = (wilson(failed, ended, confidence) for failed, ended in counted)
    if None in shares:
        verdict = NONE
    elif after[0] > before[1]:
        verdict = WORSE
    elif after[1] < before[0]:
        verdict = BETTER
    else:
        verdict = SAME if shares[0] == shares[1] else UNCLEAR
    allowed = 100 * second.summary["run"]["max_error_share"]
    grew = verdict == UNCLEAR and (shares[1] or 0) > max(shares[0] or 0, allowed)
    return Change("failed", "%", shares[0], shares[1], None, verdict, may_be_worse=grew or verdict == NONE)


def _failed(run: RunFolder) -> tuple[int, int]:
    failed = sum(error["count"] for error in run.summary["errors"])
    return failed, failed + run.summary["outcomes"]["ok"]


def _change(figure: Figure, first: RunFolder, second: RunFolder, tolerance: float, confidence: float) -> Change:
    values = figure.value(first), figure.value(second)
    chance = random.Random(figure.name)  # noqa: S311 -- repeatable on purpose
    draws = [figure.draw(run, chance) for run in (first, second)]
    if draws[0] is None or draws[1] is None or values[0] is None or values[1] is None:
        # too few samples are too few for a word; none at all of what the other run has is a change
        vanished = figure.is_known_of(first) != figure.is_known_of(second)
        return Change(figure.name, figure.unit, *values, None, NONE, may_be_worse=vanished)
    ratios = [after / before for before, after in zip(*draws, strict=True) if before]
    if not ratios or not values[0]:
        same = values[0] == values[1]
        worse = not same and (values[1] > values[0]) == figure.lower_is_better
        return Change(figure.name, figure.unit, *values, None, SAME if same else UNCLEAR, may_be_worse=worse)
    low, high = interval(ratios, confidence)
    ratio = values[1] / values[0]
    # the interval of the draws is that of the estimate: it holds it but for the coarseness of drawing
    ends = min(low, ratio), max(high, ratio)
    verdict = _verdict(ends, tolerance, lower_is_better=figure.lower_is_better)
    if verdict != SAME and abs(values[1] - values[0]) <= max(map(figure.least_told, (first, second))):
        verdict = UNCLEAR
    reaches = ends[1] > 1 + tolerance if figure.lower_is_better else ends[0] < 1 - tolerance
    return Change(
        figure.name, figure.unit, *values, (ratio, *ends), verdict, may_be_worse=verdict == UNCLEAR and reaches
    )


def _verdict(ends: tuple[float, float], tolerance: float, *, lower_is_better: bool) -> str:
    low, high = ends
    above, below = low > 1 + tolerance, high < 1 - tolerance
    if above or below:
        return WORSE if above == lower_is_better else BETTER
    inside = 1 - tolerance <= low and high <= 1 + tolerance
    return SAME if inside else UNCLEAR
