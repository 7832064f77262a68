"""`python -m load report`: the report of a run of which only the requests are left.

What is in no line is not known, and the report says so: it is SUSPECT, whatever its figures are.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mixtral_contract.load.counts.counts import RunCounts
from mixtral_contract.load.report.files import REPORT, SUMMARY, table
from mixtral_contract.load.report.html_report import render
from mixtral_contract.load.report.requests_file import Requests, RequestsFileError, read_requests
from mixtral_contract.load.results.headline import headline
from mixtral_contract.load.results.notes import notes
from mixtral_contract.load.results.summary import Facts, failure, summarize
from mixtral_contract.load.results.validity import INVALID, SUSPECT
from mixtral_contract.load.run.request_log import NAME
from mixtral_contract.load.settings.option_types import at_least_one
from mixtral_contract.load.settings.options import OPTIONS
from mixtral_contract.load.settings.settings import Settings, UsageError, read_settings
from mixtral_contract.load.units.duration import Duration
from mixtral_contract.load.units.window import Window
from mixtral_contract.primitives.command_line import as_typed

UNKNOWN = "not known"
_NOWHERE = "http://127.0.0.1"
_NS_PER_S = 1_000_000_000


def add_report_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `report`."""
    parser.add_argument("place", type=Path, metavar="DIR", help="the folder of the run, or a file with its requests")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the report is written (default: beside them)")
    parser.add_argument(
        "--warmup", type=Duration, default=Duration("0s"), metavar="DURATION", help="what was said then"
    )
    parser.add_argument("-u", "--users", type=at_least_one, metavar="N", help="what was said then (default: not known)")
    parser.add_argument("--slo", metavar="LIMITS", help="objectives to hold the requests against")
    parser.add_argument("--label", metavar="NAME", help="what the run is called")


def run_report(options: argparse.Namespace) -> int:
    """Writes and prints the report and returns the exit status: 0 when it is written."""
    folder = options.out or (options.place.parent if options.place.is_file() else options.place)
    try:
        requests = read_requests(options.place)
        _check_free(folder / SUMMARY)
        summary = _summary(requests, options, folder)
        _write(summary, requests, folder)
    except (RequestsFileError, UsageError) as error:
        print(as_typed(f"python -m load report: {error}"), file=sys.stderr)
        return 2
    except OSError as error:
        print(
            as_typed(f"python -m load report: {error.filename}: expected to write, got {error.strerror}"),
            file=sys.stderr,
        )
        return 2
    print(table(summary, folder), end="")
    return 0


def _check_free(path: Path) -> None:
    if path.exists():
        raise UsageError(f"{path}: expected no report there (--out says where else), got one")


def _summary(requests: Requests, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    records = requests.records
    settings = _settings(requests, options, folder)
    end_s = max(record.end_ns for record in records) / _NS_PER_S
    window = Window(round(settings.warmup_s * _NS_PER_S), round(end_s * _NS_PER_S))
    tally = RunCounts(settings.slo)
    for record in records:
        tally.add(record, window)
    written_s = max(path.stat().st_mtime for path in requests.files)
    facts = Facts(
        run_id=requests.run_id or UNKNOWN,
        started_at=dt.datetime.fromtimestamp(written_s - end_s, dt.UTC),
        users=options.users or 0,
        spawn_rate_per_s=0.0,
        run_time_s=None,
        workers=0,
        end_s=end_s,
        all_users_s=None,
    )
    summary = summarize(settings, facts, tally)
    _take_back(summary, is_open=settings.arrivals.is_open, lost=requests.lost, users=options.users)
    return summary


def _take_back(summary: dict[str, Any], *, is_open: bool, lost: int, users: int | None) -> None:
    """Says of what no line holds that it is not known, and makes the report SUSPECT."""
    run = summary["run"]
    run.update(dict.fromkeys(("dialect", "target", "path", "prompt_tokens", "max_tokens", "contract"), UNKNOWN))
    run.update(model=None, users=users, spawn_rate_users_per_s=None, all_users_s=None)
    run["arrivals"] = f"{UNKNOWN} (an open loop)" if is_open else f"{UNKNOWN} (a closed loop)"
    cut = f", and {lost} lines that were cut off" if lost else ""
    reason = (
        f"made of the requests alone{cut}: how the run ended, what was under way then or not sent, and what the "
        "instrument's own part was are not known"
    )
    validity = summary["validity"]
    validity["verdict"] = INVALID if validity["verdict"] == INVALID else SUSPECT
    validity["reasons"].append({"severity": SUSPECT, "text": reason})
    summary["failure"] = failure(summary)
    summary["exit_code"] = 0 if summary["failure"] is None else 1
    summary["notes"] = [note for note in notes(summary) if "users were" not in note]
    summary["headline"] = _headline(summary)


def _headline(summary: Mapping[str, Any]) -> str:
    said = headline(summary)
    if summary["run"]["users"] is not None or summary["offered_per_s"] is not None:
        return said
    return said.replace("0 requests/s on a schedule", "A number of users that is not known", 1)


def _settings(requests: Requests, options: argparse.Namespace, folder: Path) -> Settings:
    """Settings of which only what the requests tell, and the options, is believed."""
    parser = argparse.ArgumentParser()
    for option in OPTIONS:
        parser.add_argument(option.flag, **option.keywords)
    first = requests.records[0]
    arguments = ["--out", str(folder), "--dialect", "nvidia" if first.streamed else "segmind-openai"]
    if first.due_ns is not None:
        arguments += ["--arrivals", "constant:1"]
    asked = parser.parse_args(arguments)
    asked.warmup, asked.slo, asked.label = options.warmup, options.slo, options.label
    return read_settings(asked, _NOWHERE)


def _write(summary: Mapping[str, Any], requests: Requests, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if list(requests.files) != [folder / NAME]:
        texts = [path.read_text(encoding="utf-8") for path in requests.files]
        whole = "".join(text[: text.rfind("\n") + 1] for text in texts)
        (folder / NAME).write_text(whole, encoding="utf-8")
    text = json.dumps(summary, indent=1, allow_nan=False, ensure_ascii=False)
    (folder / SUMMARY).write_text(text + "\n", encoding="utf-8")
    (folder / REPORT).write_text(render(summary), encoding="utf-8")
