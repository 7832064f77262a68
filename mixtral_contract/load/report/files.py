"""Writes what a run found: summary.json, requests.jsonl, report.html, and a short table for the terminal."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mixtral_contract.load.estimators.percentiles import FLOORS
from mixtral_contract.load.report.html_report import render
from mixtral_contract.load.results.formatting import cell
from mixtral_contract.load.run import request_log
from mixtral_contract.load.units.metric import Place
from mixtral_contract.load.units.metrics import keys_in
from mixtral_contract.load.units.numbers import number

SUMMARY = "summary.json"
REPORT = "report.html"

_MOST_FAILURES = 3

_COLUMNS = ("n", "p50", "p90", "p95", "p99", "mean", "max")


def write_results(summary: Mapping[str, Any], folder: Path, parts: Path | None = None) -> tuple[bool, list[OSError]]:
    """Writes the three files, each whole or not at all; whether the page was written, and what went wrong.

    `parts` is where processes wrote what they sent, if not into the folder.
    """
    failures: list[OSError] = []
    text = json.dumps(summary, indent=1, allow_nan=False, ensure_ascii=False)
    writers: tuple[Callable[[], object], ...] = (
        lambda: write_whole(folder / SUMMARY, text + "\n"),
        lambda: write_whole(folder / REPORT, render(summary)),
        lambda: request_log.join(parts or folder, summary["run"]["id"], folder),
    )
    has_written = [_tries(write, failures) for write in writers]
    return has_written[1], failures


def _tries(write: Callable[[], object], failures: list[OSError]) -> bool:
    try:
        write()
    except OSError as error:
        failures.append(error)
        return False
    return True


def write_whole(path: Path, text: str) -> None:
    """Writes a file, or leaves the one that there was.

    Raises: OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    try:
        new.write_text(text, encoding="utf-8")
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def table(summary: Mapping[str, Any], folder: Path, *, has_report: bool = True) -> str:
    """The run in a few lines of text; `has_report` tells whether the page could be written into the folder."""
    window, run = summary["window"], summary["run"]
    rows = [_row(name, summary[name]) for name in keys_in(Place.TERMINAL) if summary[name]["n"]]
    lines = [
        f"{run['dialect']} at {run['target']}: {window['duration_s']:.4g} s after {window['start_s']:.3g} s of warm-up",
        _validity(summary["validity"]),
        summary["headline"],
        "",
        *([f"{'':20}" + "".join(f"{column:>9}" for column in _COLUMNS), *rows] if rows else []),
        *_legend(rows),
        *_instrument(summary["instrument"]["calibration"]),
        "",
        _rates(summary),
        _outcomes(summary["outcomes"]),
        *_failures(summary["errors"]),
        *_contract(summary["contract"]),
        *_objectives(summary["slo"]),
        *_cost(summary["cost"]),
        *(f"! {note}" for note in summary["notes"]),
        "passed" if summary["failure"] is None else f"failed: {summary['failure']}",
        f"report: {folder / REPORT}" if has_report else "no report: it could not be written",
    ]
    return "\n".join(lines) + "\n"


def _row(name: str, spread: Mapping[str, Any]) -> str:
    return f"{name:20}" + "".join(f"{cell(spread, column):>9}" for column in _COLUMNS)


def _contract(contract: Mapping[str, Any]) -> Iterator[str]:
    if contract["broken"]:
        broken = ", ".join(f"{each['clause']} {each['count']}x" for each in contract["broken"])
        share = f"{contract['answers_broken']} of {contract['answers_judged']}"
        yield f"200, but broke: {broken} ({share} answers; python -m pytest contract_tests says more)"


def _instrument(calibration: Mapping[str, Any] | None) -> Iterator[str]:
    if calibration is None or calibration["at_events_per_s"] is None:
        return
    ttft, gaps = calibration["ttft_error_ms"], calibration["gap_error_ms"]
    yield (
        f"instrument: ttft ±{ttft['p50']:.1f} ms at p50, ±{ttft['p99']:.1f} at p99; gaps ±{gaps['p50']:.1f} and "
        f"±{gaps['p99']:.1f} (calibrated {calibration['date'][:10]} at {calibration['at_events_per_s']:,.0f} events/s)"
    )


def _legend(rows: list[str]) -> Iterator[str]:
    if any("too few" in row for row in rows):
        needs = ", ".join(f"p{percent:g} {floor}" for percent, floor in FLOORS.items() if f"p{percent:g}" in _COLUMNS)
        yield f"too few: for 99 % confidence {needs} samples are needed"
    if any("≥" in row for row in rows):
        yield "≥: requests that timed out, or were cut off at the end, would have made it no less"


def _rates(summary: Mapping[str, Any]) -> str:
    tokens, requests = summary["output_tokens_per_s"], summary["requests_per_s"]
    if tokens is None:
        return "no rates: nothing was measured"
    return (
        f"{number(tokens)} output tokens/s, {number(requests)} requests/s (tokens: {summary['tokens_are'] or 'none'})"
    )


def _validity(validity: Mapping[str, Any]) -> str:
    reasons = "; ".join(reason["text"] for reason in validity["reasons"])
    return f"{validity['verdict']}: {reasons}" if reasons else str(validity["verdict"])


def _objectives(slo: Mapping[str, Any] | None) -> Iterator[str]:
    if slo is None:
        return
    for term in slo["terms"]:
        share = "–" if term["share"] is None else f"{100 * term['share']:.2f} %"
        yield f"slo: {term['term']:28} {term['verdict']:10} kept by {share} of {term['kept'] + term['missed']}"
    if slo["goodput_per_s"] is None:
        yield "goodput: not known, no request was judged"
        return
    low, high = slo["goodput_interval_per_s"]
    yield f"goodput: {number(slo['goodput_per_s'])} requests/s ({number(low)} to {number(high)})"


def _cost(cost: Mapping[str, Any]) -> Iterator[str]:
    if cost["by_usage"] is not None:
        at_most = cost["estimate"]["at_most"]
        estimated = "" if at_most is None else f"; estimated at most {at_most:.4g}"
        unit, source = cost["price"]["unit"], cost["price"]["source"]
        yield f"cost: {cost['by_usage']:.4g} {unit} by usage (priced by {source}){estimated}"
    if cost["credits_fell_by"] is not None:
        yield f"credits: x-remaining-credits fell by {cost['credits_fell_by']:.6g} from the first answer to the last"


def _failures(errors: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The commonest kinds of failure, each with what one of them said."""
    for error in errors[:_MOST_FAILURES]:
        status = "" if error["status"] is None else f" {error['status']}"
        yield f"{error['count']}x {error['outcome']}{status}: {_printable(error['example']) or 'nothing was said'}"
    more = len(errors) - _MOST_FAILURES
    if more > 0:
        yield f"and {more} other {'kind' if more == 1 else 'kinds'} of failure, in the report"


def _printable(text: str) -> str:
    """A server's words without what would steer a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _outcomes(outcomes: Mapping[str, int]) -> str:
    return "requests: " + ", ".join(f"{count} {name}" for name, count in outcomes.items() if count or name == "ok")
