from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.suite.target.target import choose, running
from mixtral_contract.suite.verdicts.baseline import Baseline, BaselineError, Deviation, drawn_from, load
from mixtral_contract.suite.verdicts.verdict import Verdict
from tests.support.repository import ROOT
from tests.support.suite_run import run_suite, verdicts

DAY = dt.date(2026, 5, 1)
ENTRY = "- {clause: SSE-08, target: mock, date: 2026-01-01, reason: asked for, expires: 2026-06-30}\n"


def _deviation(*, target: str = "mock", dialect: str | None = None, expires: dt.date = DAY) -> Deviation:
    return Deviation("SSE-08", target, dialect, dt.date(2026, 1, 1), "asked for", expires)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A file to write a baseline to."""
    return tmp_path / "known.yaml"


def test_file__is_read_with_its_dates(written: Path) -> None:
    """Whether YAML takes them for dates or they are quoted."""
    written.write_text(ENTRY + ENTRY.replace("SSE-08", "SSE-07").replace("2026-06-30", '"2026-06-30"'), "utf-8")
    found = load(written, ["SSE-07", "SSE-08"], DAY)
    assert [each.expires for each in found.deviations] == [dt.date(2026, 6, 30)] * 2


def test_empty_file__accepts_nothing(written: Path) -> None:
    """It is a baseline all the same."""
    written.write_text("# nothing is known\n", "utf-8")
    assert load(written, [], DAY).deviations == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ENTRY.replace("SSE-08", "SSE-99"), "expected the id of a clause, got 'SSE-99'"),
        (ENTRY.replace("2026-06-30", "soon"), "SSE-08: expires: expected YYYY-MM-DD, got 'soon'"),
        (ENTRY.replace("2026-01-01", "2026-13-01"), "month must be in 1..12"),
        (ENTRY.replace("2026-06-30", "2025-06-30"), "expires: expected 2026-01-01 or later"),
        (ENTRY.replace("reason: asked for, ", ""), '"reason" is a required property'),
        (ENTRY.replace("asked for", '""'), "reason: "),
        (ENTRY.replace("}", ", why: not}"), "entry 1: "),
        (ENTRY + ENTRY, "expected one entry for SSE-08 on mock, got two"),
        ("clause: SSE-08\n", "array"),
        ("- [", "expected YAML"),
        ("- 7\n", "entry 1: 7 is not of type"),
    ],
)
def test_bad_file__is_refused_in_one_line(written: Path, text: str, said: str) -> None:
    """With the file's name and what is wrong in it."""
    written.write_text(text, "utf-8")
    with pytest.raises(BaselineError) as caught:
        load(written, ["SSE-08"], DAY)
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"{written}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("deviation", "target", "dialect", "accepts"),
    [
        (_deviation(), "mock", "nvidia", True),
        (_deviation(), "nvidia", "nvidia", False),
        (_deviation(dialect="nvidia"), "mock", "nvidia", True),
        (_deviation(dialect="nvidia"), "mock", "segmind", False),
        (_deviation(expires=DAY - dt.timedelta(days=1)), "mock", "nvidia", False),
    ],
)
def test_deviation__is_accepted_where_it_is_named_until_it_expires(
    deviation: Deviation,
    target: str,
    dialect: str,
    accepts: bool,  # noqa: FBT001  a case's outcome
) -> None:
    """The last day counts."""
    assert (Baseline([deviation], DAY).accepted("SSE-08", target, dialect) is not None) is accepts


@pytest.mark.parametrize(
    ("expires", "verdict", "said"),
    [
        (DAY, Verdict.KNOWN, []),
        (DAY, Verdict.PASS, ["no longer needed: SSE-08 on mock passes"]),
        (DAY, Verdict.INCONCLUSIVE, []),
        (DAY - dt.timedelta(days=1), Verdict.FAIL, ["expired on 2026-04-30: SSE-08 on mock: asked for"]),
        (DAY - dt.timedelta(days=1), Verdict.PASS, ["no longer needed: SSE-08 on mock passes"]),
    ],
)
def test_remarks__say_what_to_do(expires: dt.date, verdict: Verdict, said: list[str]) -> None:
    """A verdict that judged nothing is no reason to remove an entry."""
    assert Baseline([_deviation(expires=expires)], DAY).remarks("mock", {("SSE-08", "nvidia"): verdict}) == said


def test_remarks__need_every_dialect_to_pass() -> None:
    """An entry for all dialects is needed while one of them is broken."""
    found = {("SSE-08", "nvidia"): Verdict.PASS, ("SSE-08", "segmind"): Verdict.KNOWN}
    assert Baseline([_deviation()], DAY).remarks("mock", found) == []


def test_run__accepts_what_is_known_and_tells_what_is_not_needed(written: Path, tmp_path: Path) -> None:
    """KNOWN is an expected failure to pytest, and fails no run; what is not in the file still does."""
    later = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=30)
    entry = ENTRY.replace("2026-06-30", later.isoformat())
    written.write_text(entry + entry.replace("SSE-08", "SSE-07"), "utf-8")
    with running(choose(Contract.load()), options=("--break", "SSE-08")) as mock:
        options = ["--target", "mock", "--base-url", mock.base_url or "", "--dialect", "nvidia"]
        options += ["-k", "SSE-07 or SSE-08"]
        known = run_suite(*options, "--baseline", str(written), folder=tmp_path / "known")
        strict = run_suite(*options, folder=tmp_path / "strict")
        drawn = subprocess.run(
            [sys.executable, "-m", "contract_tests", "baseline", "--from", str(tmp_path / "strict")],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
    assert (known.returncode, strict.returncode) == (0, 1)
    assert "1 xfailed" in known.stdout
    assert verdicts(tmp_path / "known") == {("SSE-07", "nvidia"): "PASS", ("SSE-08", "nvidia"): "KNOWN"}
    assert "baseline: no longer needed: SSE-07 on mock passes" in known.stdout
    written.write_text(drawn.stdout, "utf-8")
    assert [each.clause for each in load(written, ["SSE-08"], DAY).deviations] == ["SSE-08"]


@pytest.mark.parametrize("text", ["- {}", ENTRY.replace("SSE-08", "SSE-99")])
def test_run__with_a_bad_baseline_is_refused(written: Path, tmp_path: Path, text: str) -> None:
    """Exit status 2 and one line, before anything is sent."""
    written.write_text(text, "utf-8")
    done = run_suite("--baseline", str(written), folder=tmp_path / "report")
    assert done.returncode == 2
    assert len((done.stdout + done.stderr).strip().splitlines()) == 1


def test_drawn_baseline__holds_the_failures_of_a_run() -> None:
    """And no other verdict; the reason is there to be edited."""
    entry = {"clause": "SSE-08", "dialect": "nvidia", "verdict": "FAIL", "got": "at events []", "statement": "s"}
    run = {"target": {"name": "mock"}, "verdicts": [entry, {**entry, "clause": "SSE-07", "verdict": "PASS"}]}
    text = drawn_from(json.loads(json.dumps(run)), DAY)
    assert "clause: SSE-08" in text
    assert "SSE-07" not in text
    assert "expires: 2026-07-30" in text
