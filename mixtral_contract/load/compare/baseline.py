"""The baseline: a folder with the run that others are compared with, and who accepted it why."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mixtral_contract.load.compare.run_folder import RunFolder, RunFolderError, read_run_folder
from mixtral_contract.load.report.files import REPORT, SUMMARY
from mixtral_contract.load.results.validity import INVALID
from mixtral_contract.load.run.request_log import NAME as REQUESTS

ACCEPTED = "accepted.json"
_FILES = (SUMMARY, REQUESTS, REPORT)


def accept(run: RunFolder, baseline: Path, reason: str, now: dt.datetime) -> None:
    """Makes a copy of the run the baseline, in place of what was there; `accepted.json` says when, why and after which.

    Raises: RunFolderError when the run is none to compare with, or the folder holds something else; OSError.
    """
    for what in _objections(run):
        raise RunFolderError(f"{run.folder}: expected a run to compare with, got one that {what}")
    replaced = _replaced(baseline)
    baseline.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{baseline.name}-", dir=baseline.parent) as beside:
        made = Path(beside) / "new"
        made.mkdir()
        for name in _FILES:
            if (run.folder / name).exists():
                shutil.copyfile(run.folder / name, made / name)
        note = {
            "accepted_at": now.isoformat(timespec="seconds"),
            "reason": reason,
            "run": run.summary["run"]["id"],
            "label": run.summary["run"].get("label"),
            "replaces": replaced,
        }
        (made / ACCEPTED).write_text(json.dumps(note, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        if baseline.exists():
            baseline.rename(Path(beside) / "old")
        made.rename(baseline)


def _objections(run: RunFolder) -> Iterator[str]:
    validity: Any = run.summary["validity"]
    if run.summary["window"]["interrupted"]:
        yield "was interrupted"
    if validity["verdict"] == INVALID:
        yield f"is INVALID: {validity['reasons'][0]['text']}"
    if run.summary["failure"] is not None:
        yield f"failed: {run.summary['failure']}"


def _replaced(baseline: Path) -> str | None:
    """The id of the run that is the baseline now; None where there is none."""
    if not baseline.exists() or (baseline.is_dir() and not any(baseline.iterdir())):
        return None
    replaced: str = read_run_folder(baseline).summary["run"]["id"]
    return replaced
