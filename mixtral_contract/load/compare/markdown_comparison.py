"""Comparisons as Markdown, for the summary of a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mixtral_contract.load.compare.comparison import WORSE, Change, Comparison, shown
from mixtral_contract.primitives.markdown import plain


def render_markdown(comparisons: Sequence[Comparison]) -> str:
    """The comparisons, one after the other: the verdict as a heading, and a table of the figures."""
    return "\n".join(line for each in comparisons for line in _lines(each)) + "\n"


def _lines(comparison: Comparison) -> Iterator[str]:
    yield f"### Load: {plain(comparison.conclusion())}"
    yield ""
    for which, run in (("First", comparison.first), ("Second", comparison.second)):
        yield f"- {which}: {plain(run.title)}"
    yield from (f"- {plain(warning)}" for warning in comparison.warnings)
    yield ""
    yield f"| figure | first | second | change | {100 * comparison.confidence:g} % interval | verdict |"
    yield "|---|---:|---:|---:|---|---|"
    yield from (_row(change) for change in comparison.changes)
    yield ""


def _row(change: Change) -> str:
    moved = interval = ""
    if change.ratio is not None:
        ratio, low, high = change.ratio
        moved = f"{100 * (ratio - 1):+.1f} %"
        interval = f"{100 * (low - 1):+.1f} … {100 * (high - 1):+.1f} %"
    verdict = f"**{change.verdict}**" if change.verdict == WORSE else change.verdict
    name = f"{change.name} {change.unit}".rstrip()
    return f"| {name} | {shown(change.first)} | {shown(change.second)} | {moved} | {interval} | {verdict} |"
