from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema_rs
import pytest

from mixtral_contract.contract import clauses
from mixtral_contract.contract.openapi import Contract
from mixtral_contract.suite.reporting.report import SCHEMA
from mixtral_contract.suite.target.target import choose, running
from tests.support.suite_run import run_suite, verdicts

CLAUSES = clauses.load()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The mock as it is."""
    with running(choose(Contract.load())) as mock:
        yield mock.base_url or ""


def _run(folder: Path) -> dict[str, dict[str, str]]:
    run = json.loads((folder / "verdicts.json").read_text(encoding="utf-8"))
    return {entry["clause"]: entry for entry in run["verdicts"]}


@pytest.mark.parametrize(("level", "levels"), [("must", {"must"}), ("should", {"must", "should"})])
def test_level__leaves_out_what_is_below_it(address: str, tmp_path: Path, level: str, levels: set[str]) -> None:
    """Down to info is everything."""
    options = ["--base-url", address, "--dialect", "nvidia", "--tier", "smoke"]
    run_suite(*options, "--level", level, folder=tmp_path)
    assert {CLAUSES[clause].level for clause, _ in verdicts(tmp_path)} == levels


@pytest.mark.parametrize(("share", "status"), [([], 3), (["--min-judged", "20%"], 0), (["--min-judged", "0.5"], 3)])
def test_wrong_key__is_not_kept(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: list[str], status: int
) -> None:
    """What a run could not judge it does not call kept, unless it was told that so little is enough."""
    monkeypatch.setenv("WRONG_KEY", "nobody-knows-it")
    options = ["--base-url", address, "--dialect", "nvidia", "--api-key-env", "WRONG_KEY", "--level", "must"]
    done = run_suite(*options, *share, folder=tmp_path)
    run = json.loads((tmp_path / "verdicts.json").read_text(encoding="utf-8"))
    assert run["spent"]["completions"] == 0
    assert done.returncode == status, run["judged"]
    assert run["judged"]["enough"] is (status == 0)
    assert ("too little could be judged" in done.stdout) is (status == 3)


@pytest.mark.parametrize("share", ["2", "-1", "much", "nan"])
def test_min_judged__is_a_share(tmp_path: Path, share: str) -> None:
    """Anything else ends with one line."""
    done = run_suite(f"--min-judged={share}", folder=tmp_path)
    assert done.returncode == 2
    assert f"--min-judged: expected a share from 0 to 1, or a percentage, got {share!r}" in done.stdout + done.stderr


@pytest.mark.parametrize(("strict", "verdict", "status"), [([], "NON-STRICT", 0), (["--strict"], "FAIL", 1)])
def test_strict__fails_a_broken_should(tmp_path: Path, strict: list[str], verdict: str, status: int) -> None:
    """And is written down with the verdicts."""
    with running(choose(Contract.load()), options=("--break", "SSE-04")) as mock:
        options = ["--target", "mock", "--base-url", mock.base_url or "", "--dialect", "nvidia", "-k", "SSE-04"]
        done = run_suite(*options, *strict, folder=tmp_path)
    assert verdicts(tmp_path) == {("SSE-04", "nvidia"): verdict}
    assert done.returncode == status
    assert json.loads((tmp_path / "verdicts.json").read_text(encoding="utf-8"))["strict"] is bool(strict)


def test_same_target__gets_the_same_verdicts(address: str, tmp_path: Path) -> None:
    """Run after run, on a server that goes on living."""
    found = []
    for name in ("first", "second"):
        run_suite("--target", "mock", "--base-url", address, "--dialect", "segmind-openai", folder=tmp_path / name)
        found.append(verdicts(tmp_path / name))
    assert found[0] == found[1]


def test_key_of_a_special_account__is_named_by_its_variable(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without one the clause is not run, and says how to name one."""
    monkeypatch.setenv("EMPTY_ACCOUNT", "mock-exhausted")
    options = ["--base-url", address, "--dialect", "nvidia", "-k", "ERR-05 or ERR-06"]
    run_suite(*options, folder=tmp_path / "without")
    run_suite(*options, "--exhausted-key-env", "EMPTY_ACCOUNT", folder=tmp_path / "with")
    assert _run(tmp_path / "without")["ERR-05"]["verdict"] == "NOT-RUN"
    assert "--exhausted-key-env names one" in _run(tmp_path / "without")["ERR-05"]["got"]
    assert verdicts(tmp_path / "with") == {("ERR-05", "nvidia"): "PASS", ("ERR-06", "nvidia"): "NOT-RUN"}
    assert "mock-exhausted" not in (tmp_path / "with" / "index.html").read_text(encoding="utf-8")


def test_junit__carries_clause_and_verdict(address: str, tmp_path: Path) -> None:
    """As properties of the test."""
    options = ["--base-url", address, "--dialect", "nvidia", "-k", "SSE-08", "--junitxml", str(tmp_path / "j.xml")]
    run_suite(*options, folder=tmp_path)
    properties = ET.parse(tmp_path / "j.xml").iter("property")  # noqa: S314  written by pytest
    assert {each.attrib["name"]: each.attrib["value"] for each in properties} == {
        "clause": "SSE-08",
        "dialect": "nvidia",
        "level": "must",
        "verdict": "PASS",
    }


def test_written_verdicts__keep_the_schema_and_show_their_evidence(address: str, tmp_path: Path) -> None:
    """What is kept is shown as well as what is broken."""
    run_suite("--base-url", address, "--dialect", "nvidia", "--tier", "smoke", folder=tmp_path)
    run = json.loads((tmp_path / "verdicts.json").read_text(encoding="utf-8"))
    validator = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert [error.message for error in validator.iter_errors(run)] == []
    assert all(entry["exchange"] for entry in run["verdicts"])
    assert run["spent"] == {"requests": 9, "completions": 3}
    assert (tmp_path / "badge.svg").exists()


def test_processes__judge_as_one_does(address: str, tmp_path: Path) -> None:
    """Verdicts travel from the workers of xdist."""
    options = ["--target", "mock", "--base-url", address, "--dialect", "nvidia", "-k", "SSE or HTTP-0"]
    run_suite(*options, folder=tmp_path / "one")
    run_suite("-p", "xdist", "-n", "2", *options, folder=tmp_path / "two")
    assert verdicts(tmp_path / "one") == verdicts(tmp_path / "two")


def test_processes__leave_the_state_of_an_account_alone(address: str, tmp_path: Path) -> None:
    """What one of them used up would be blamed on what another one asked."""
    options = ["--target", "mock", "--base-url", address, "--dialect", "segmind", "-k", "CRD-06 or CRD-02"]
    run_suite("-p", "xdist", "-n", "2", *options, folder=tmp_path)
    assert verdicts(tmp_path) == {("CRD-02", "segmind"): "PASS", ("CRD-06", "segmind"): "NOT-RUN"}


def test_live_endpoint__is_known_for_what_it_was_seen_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record is shown for every target, and accepts a break of the endpoint itself."""
    monkeypatch.setenv("MY_KEY", "mock-valid")
    with running(choose(Contract.load()), options=("--as", "observed")) as mock:
        options = ["--base-url", mock.base_url or "", "--api-key-env", "MY_KEY", "-k", "AUT-02"]
        live = run_suite("--target", "nvidia", *options, folder=tmp_path / "live")
        run_suite("--dialect", "nvidia", *options, folder=tmp_path / "other")
    assert live.returncode == 0
    assert _run(tmp_path / "live")["AUT-02"]["verdict"] == "KNOWN"
    assert _run(tmp_path / "other")["AUT-02"]["verdict"] == "NON-STRICT"
    for name in ("live", "other"):
        assert "A wrong key is answered 403" in _run(tmp_path / name)["AUT-02"]["observed"]
