from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.suite.target.target import choose, running
from tests.support.scripted_server import serving
from tests.support.suite_run import run_suite, verdicts

CONTRACT = Contract.load()


def _bill(folder: Path, *options: str) -> dict[str, list[str]]:
    done = run_suite("--dry-run", *options, folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = re.findall(r"^(--tier smoke|--level must|--level should|everything) +(.+)$", done.stdout, re.MULTILINE)
    return {name: text.split() for name, text in rows}


@pytest.mark.parametrize(("target", "most"), [("nvidia", 29), ("segmind", 7), ("segmind-openai", 6)])
def test_live_run__is_cheap(tmp_path: Path, target: str, most: int) -> None:
    """A smoke run costs three completions at most, all musts no more than this."""
    rows = _bill(tmp_path, "--target", target)
    smoke, must = (int(rows[name][2]) for name in ("--tier smoke", "--level must"))
    assert 0 < smoke <= 3
    assert int(rows["--tier smoke"][3]) <= 3
    assert smoke <= must <= most


@pytest.mark.parametrize("dialect", ["nvidia", "segmind", "segmind-openai"])
@pytest.mark.parametrize(("row", "options"), [("--level must", ["--level", "must"]), ("everything", [])])
def test_bill__is_what_a_run_asks(tmp_path: Path, dialect: str, row: str, options: list[str]) -> None:
    """Of a server that keeps the contract and costs money; each request and each completion."""
    with running(choose(CONTRACT)) as mock:
        where = ["-p", "tests.support.billed_server", "--base-url", mock.base_url or "", "--dialect", dialect]
        done = run_suite(*where, *options, folder=tmp_path)
        rows = _bill(tmp_path, *where)
    asked = re.search(r"^asked: (\d+) requests, (\d+) completions, as few as will do", done.stdout, re.MULTILINE)
    assert asked
    assert list(asked.groups()) == rows[row][1:3]


def test_smoke_run__judges_every_clause_of_its_tier(tmp_path: Path) -> None:
    """Within its three completions per dialect, also where they cost nothing and no two clauses share them."""
    run_suite("--tier", "smoke", folder=tmp_path)
    assert set(verdicts(tmp_path).values()) == {"PASS", "INFO"}


def test_dry_run__connects_to_nothing_and_needs_no_key(tmp_path: Path) -> None:
    """Neither to the target nor to a mock, and it writes no report."""
    with serving() as script:
        rows = _bill(tmp_path / "report", "--base-url", script.url, "--dialect", "nvidia", "--api-key-env", "NO_KEY")
    assert script.received == []
    assert len(rows) == 4
    assert not (tmp_path / "report").exists()


def test_dry_run__knows_the_price_where_one_is_published(tmp_path: Path) -> None:
    """With its date, as an estimate."""
    done = run_suite("--dry-run", "--target", "segmind", "--rpm", "5", folder=tmp_path)
    assert re.search(r"price +\$0\.00050564 per completion .*2026-08-27", done.stdout)
    assert re.search(r"everything .+ \$0\.\d+ +\d+\.\d min", done.stdout)


def test_dry_run__prints_numbers_that_can_be_read(tmp_path: Path) -> None:
    """A clause asks for more tokens than there are; a target that is free is asked that too."""
    rows = _bill(tmp_path, "--base-url", "http://127.0.0.1:1", "--dialect", "nvidia", "-k", "REQ or NEG")
    for row in rows.values():
        tokens = " ".join(row[4:])
        assert tokens == "no bound" or (len(tokens) <= 15 and int(tokens.replace(",", "")) < 100_000_000), row


def test_dry_run__counts_what_it_is_narrowed_to(tmp_path: Path) -> None:
    """One clause is one clause."""
    rows = _bill(tmp_path, "--target", "nvidia", "-k", "SSE-08")
    assert rows["--level must"][:3] == rows["everything"][:3] == ["1", "1", "1"]


def test_dry_run__waits_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a clause waits as long as a 429 said."""
    sleepless = "import time\n\n\ndef stay_awake(seconds):\n    assert not seconds\n\n\ntime.sleep = stay_awake\n"
    (tmp_path / "sleepless.py").write_text(sleepless, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    rows = _bill(tmp_path, "-p", "sleepless", "-k", "ERR-18 and nvidia")
    # a server that goes on saying 429, as the stand-in does, is asked three times more
    assert rows["everything"][:2] == ["1", "6"]
