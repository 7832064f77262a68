"""A run as Markdown, for the summary of a job or of a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mixtral_contract.primitives.markdown import plain
from mixtral_contract.suite.verdicts.result import ClauseResult, by_effect
from mixtral_contract.suite.verdicts.verdict import Verdict

_MOST_ROWS = 20
_MOST_TEXT = 160
_SHOWN = (Verdict.FAIL, Verdict.KNOWN, Verdict.NON_STRICT)


def render_markdown(run: Mapping[str, Any]) -> str:
    """The run of a verdicts.json: its headline, how often each verdict was given, a row for each break.

    A break that follows from another has no row of its own.
    """
    return "\n".join(_lines(run)) + "\n"


def _lines(run: Mapping[str, Any]) -> Iterator[str]:
    yield f"### Contract: {plain(run['headline'])}"
    yield ""
    yield ", ".join(f"{count} {verdict}" for verdict, count in run["counts"].items())
    yield from (f"- baseline: {plain(remark)}" for remark in run["baseline"])
    yield ""
    results = by_effect(ClauseResult.from_dict(entry) for entry in run["verdicts"])
    found = sorted((each for each in results if each.verdict in _SHOWN), key=lambda each: _SHOWN.index(each.verdict))
    leading = [each for each in found if each.follows is None]
    if not leading:
        return
    yield "| verdict | clause | what it does | required | got | follow from it |"
    yield "|---|---|---|---|---|---|"
    for each in leading[:_MOST_ROWS]:
        following = [other.clause for other in found if (other.follows, other.dialect) == (each.clause, each.dialect)]
        yield _row(each, following)
    if len(leading) > _MOST_ROWS:
        yield ""
        yield f"{len(leading) - _MOST_ROWS} more stand in the report."
    yield ""


def _row(result: ClauseResult, following: list[str]) -> str:
    cells = (
        f"**{result.verdict}**" if result.verdict is Verdict.FAIL else str(result.verdict),
        f"{result.clause}, {result.dialect}",
        f"{result.level}, {result.effect}",
        plain(result.statement),
        plain(result.known or result.got, _MOST_TEXT),
        ", ".join(following),
    )
    return f"| {' | '.join(cells)} |"
