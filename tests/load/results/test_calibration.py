"""The instrument's own error, from hand-made records and journals; and the command that finds it."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.reading.record import Record
from mixtral_contract.load.report.files import table
from mixtral_contract.load.results.calibration import (
    Calibration,
    CalibrationError,
    Errors,
    Step,
    machine,
    make_step,
    read_calibration,
    usual_path,
    write_calibration,
)
from mixtral_contract.load.results.validity import SUSPECT, VALID
from tests.load.results.test_summary import completions, summary
from tests.support.load_records import MS, failed, record
from tests.support.repository import ROOT


def entry(completion_id: str, *sent_ms: float) -> dict[str, Any]:
    """What the mock wrote down: when it sent each token, after the request."""
    sent_ns = [round(each * MS) for each in sent_ms]
    return {"completion_id": completion_id, "first_after_ns": sent_ns[0], "sent_after_ns": sent_ns}


def step(events_per_s: float, *, error_ms: float = 1.2, held: bool = True) -> Step:
    """A step that is off by so much."""
    errors = Errors(100, error_ms, 2 * error_ms, 3 * error_ms)
    return Step(events_per_s, 10, 100, 0, errors, errors, 0.5, held)


def calibration(*steps: Step) -> Calibration:
    """A calibration of this machine."""
    return Calibration(machine(), "2026-11-22T12:00:00+00:00", 25.0, steps)


def made(*pairs: tuple[Record, dict[str, Any]], bound_ms: float = 25) -> Step:
    """The step in ten seconds of these."""
    records, entries = [each for each, _ in pairs], [each for _, each in pairs]
    return make_step(records, entries, seconds=10, cpu_share=0.25, bound_ms=bound_ms)


def test_step__is_off_by_what_the_journal_says() -> None:
    """First tokens seen 2 and 4 ms after they were sent; gaps of 20 and 23 ms that were 20 ms."""
    found = made(
        (record([(102, 1), (122, 1)], completion_id="a"), entry("a", 100, 120)),
        (record([(104, 1), (127, 1)], completion_id="b"), entry("b", 100, 120)),
    )
    assert (found.ttft_error_ms.n, found.ttft_error_ms.p50, found.ttft_error_ms.max) == (2, 4.0, 4.0)
    assert (found.gap_error_ms.n, found.gap_error_ms.max) == (2, 3.0)
    assert (found.events_per_s, found.requests, found.cpu_share, found.held) == (0.4, 2, 0.25, True)


def test_events_of_one_recv__are_off_by_what_was_between_them() -> None:
    """A gap of 0 where there was one of 20 ms is an error of 20 ms."""
    found = made((record([(120, 2)], completion_id="a"), entry("a", 100, 120)))
    assert found.gap_error_ms.max == 20.0


@pytest.mark.parametrize(
    ("pair", "bound_ms"),
    [
        ((record([(130, 1), (150, 1)], completion_id="a"), entry("a", 100, 120)), 25),
        ((record([(102, 1), (150, 1)], completion_id="a"), entry("a", 100, 120)), 25),
        ((record([(102, 1), (122, 1)], completion_id="a"), entry("a", 100, 120)), 1),
        ((record([(102, 1), (122, 1)], completion_id="another"), entry("a", 100, 120)), 25),
        ((failed(Outcome.TIMEOUT, completion_id="a"), entry("a", 100, 120)), 25),
        ((record([(102, 1), (122, 1)], outcome=Outcome.TRUNCATED, completion_id="a"), entry("a", 100, 120)), 25),
    ],
)
def test_rate__is_not_held(pair: tuple[Record, dict[str, Any]], bound_ms: float) -> None:
    """Where ttft or gaps are off by too much, a request is not in the journal, or failed."""
    assert not made(pair, bound_ms=bound_ms).held


def test_highest_rate__is_that_of_an_unbroken_row() -> None:
    """A rate that was held above one that was not is chance."""
    assert calibration(step(500), step(2000), step(5000, held=False), step(9000)).highest_events_per_s == 2000
    assert calibration(step(500, held=False)).highest_events_per_s == 0


def test_calibration_that_held_no_rate__says_nothing_of_lower_ones(tmp_path: Path) -> None:
    """From its lowest rate on a run is in doubt; below a note says that nothing is known."""
    busy = calibration(step(500, held=False))
    assert busy.limit_events_per_s == 500
    found = summary(tmp_path, *completions(200), calibration=busy)
    assert found["instrument"]["events_per_s"] < 500
    assert not any("calibrated" in each["text"] for each in found["validity"]["reasons"])
    assert any("its calibration held 0 events/s" in note for note in found["notes"])
    beyond = summary(tmp_path, *completions(200), calibration=calibration(step(1, held=False)))
    assert any("calibrated to hold less than 1" in each["text"] for each in beyond["validity"]["reasons"])


def test_file__is_read_as_written(tmp_path: Path) -> None:
    """In a folder that need not be there."""
    written = calibration(step(500), step(2000, held=False))
    path = usual_path({"XDG_STATE_HOME": str(tmp_path / "state")})
    write_calibration(written, path)
    assert read_calibration(path) == written
    assert path == tmp_path / "state" / "mixtral-contract" / "calibration.json"
    assert usual_path({"HOME": "/home/me"}) == Path("/home/me/.local/state/mixtral-contract/calibration.json")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": "load-summary/1"}, "expected the format load-calibration/1"),
        ({"machine": {"name": "another"}}, "expected one of this machine"),
        ({"machine": None}, "expected one of this machine"),
        ({"steps": [{}]}, "expected a calibration, got one without"),
        ({"date": "yesterday"}, "expected a calibration, got one without"),
    ],
)
def test_wrong_file__is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    """Above all that of another machine."""
    path = tmp_path / "calibration.json"
    write_calibration(calibration(step(500)), path)
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**content, **changes}), encoding="utf-8")
    with pytest.raises(CalibrationError, match=said):
        read_calibration(path)


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_no_file__is_refused(tmp_path: Path, content: str | None) -> None:
    """Or one that is none."""
    path = tmp_path / "calibration.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(CalibrationError, match=r"calibration\.json: expected"):
        read_calibration(path)


def test_results__carry_the_error(tmp_path: Path) -> None:
    """Of the next higher rate: in the summary, in the headline, and below the table."""
    found = summary(tmp_path, *completions(200), calibration=calibration(step(5), step(100, error_ms=2.5)))
    assert found["instrument"]["events_per_s"] == 60
    assert found["instrument"]["calibration"]["at_events_per_s"] == 100
    assert "came after 100 ms ±2.5 in the median" in found["headline"]
    assert "instrument: ttft ±2.5 ms at p50, ±5.0 at p99" in table(found, tmp_path)
    assert found["validity"]["verdict"] == VALID


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((step(5),), "60 events/s in a process, but the instrument was calibrated to hold no more than 5"),
        ((step(5, held=False),), "calibrated to hold less than 5"),
        ((step(100, error_ms=6),), "own error is 6 % of the median ttft"),
    ],
)
def test_run_beyond_the_calibration__is_suspect(tmp_path: Path, steps: tuple[Step, ...], said: str) -> None:
    """More events than it was held against, or an error that is no small part of what is measured."""
    found = summary(tmp_path, *completions(200), calibration=calibration(*steps))
    assert found["validity"]["verdict"] == SUSPECT
    assert any(said in reason["text"] for reason in found["validity"]["reasons"])


@pytest.mark.parametrize(
    ("steps", "verdict"),
    [
        ((step(5),), VALID),
        ((step(5), step(70, held=False)), VALID),
        ((step(5, held=False),), SUSPECT),
        ((step(5), step(30, held=False)), SUSPECT),
    ],
)
def test_quick_calibration__speaks_only_against_rates_that_it_tried(
    tmp_path: Path, steps: tuple[Step, ...], verdict: str
) -> None:
    """60 events/s are more than it held: beyond a rate that it did not hold they are SUSPECT, else there is a note."""
    quick = dataclasses.replace(calibration(*steps), is_quick=True)
    found = summary(tmp_path, *completions(200), calibration=quick)
    assert found["validity"]["verdict"] == verdict
    noted = any("its calibration held 5 events/s in a process, and this run had 60" in note for note in found["notes"])
    assert noted == (verdict == VALID)


def test_quick_calibration__is_read_as_one(tmp_path: Path) -> None:
    """As it was written."""
    written = dataclasses.replace(calibration(step(500)), is_quick=True)
    write_calibration(written, tmp_path / "calibration.json")
    assert read_calibration(tmp_path / "calibration.json") == written


def test_run_without_calibration__says_so(tmp_path: Path) -> None:
    """As a note: nothing speaks against the figures."""
    found = summary(tmp_path, *completions(200))
    assert found["validity"]["verdict"] == VALID
    assert any("python -m load calibrate" in note for note in found["notes"])
    calibrated = summary(tmp_path, *completions(200), calibration=calibration(step(100)))
    assert not any("python -m load calibrate" in note for note in calibrated["notes"])


def calibrate(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The command, as a user calls it."""
    return subprocess.run(
        [sys.executable, "-m", "load", "calibrate", *arguments],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_calibrate__finds_the_error_and_writes_it(tmp_path: Path) -> None:
    """Two rates; what a busy machine adds does not matter here, so the bound is wide."""
    path = tmp_path / "calibration.json"
    ended = calibrate("--rates", "100,300", "--seconds", "10", "--bound-ms", "5000", "--out", str(path))
    assert ended.returncode == 0, ended.stderr
    assert "step 2 of 2: 300 events/s" in ended.stderr
    assert f"written: {path}" in ended.stdout
    found = read_calibration(path)
    assert [each.failed for each in found.steps] == [0, 0]
    assert all(each.requests > 0 and each.gap_error_ms.n > each.ttft_error_ms.n > 0 for each in found.steps)
    assert found.highest_events_per_s == found.steps[1].events_per_s > 100


def test_calibration_that_held_no_rate__is_not_written(tmp_path: Path) -> None:
    """What was found before, on a machine that had less to do, stays."""
    path = tmp_path / "calibration.json"
    path.write_text("found before", encoding="utf-8")
    ended = calibrate("--rates", "100", "--seconds", "5", "--bound-ms", "0.000001", "--out", str(path))
    assert ended.returncode == 1
    assert "no rate was held" in ended.stdout
    assert ended.stderr.splitlines()[-1].startswith("calibrate: nothing is written")
    assert path.read_text(encoding="utf-8") == "found before"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--rates", "many"], "expected events per second"), (["--seconds", "1"], "--seconds: expected at least")],
)
def test_wrong_usage__is_exit_code_2(arguments: list[str], said: str) -> None:
    """In one line."""
    ended = calibrate(*arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in ended.stderr.splitlines()[-1]


def test_no_mock__is_one_line(tmp_path: Path) -> None:
    """Where it cannot start."""
    package = tmp_path / "mixtral_contract"
    (package / "mock").mkdir(parents=True)
    rest = str(ROOT / "mixtral_contract")
    (package / "__init__.py").write_text(f"__path__.append({rest!r})", encoding="utf-8")
    (package / "mock" / "__init__.py").touch()
    (package / "mock" / "__main__.py").write_text("raise SystemExit('not in this mock')", encoding="utf-8")
    ended = calibrate("--quick", PYTHONPATH=f"{tmp_path}:{ROOT}", PYTHONSAFEPATH="1")
    expected = "calibrate: expected python -m mixtral_contract.mock to start, got not in this mock"
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (1, expected)
    assert "Traceback" not in ended.stderr
