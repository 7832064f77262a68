from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mixtral_contract.contract import clauses
from mixtral_contract.contract.openapi import Contract
from mixtral_contract.suite.proof.proof import Difference, Proof, declared, dishonest, headline, proof
from mixtral_contract.suite.verdicts.verdict import Verdict
from tests.support.repository import ROOT

SAMPLE = ["HTTP-02", "NEG-07", "SSE-08", "CRD-03"]
"""One that moves another clause, one of three dialects, one of one, and one that falls with others."""
CLAUSES = clauses.load()
CONTRACT = Contract.load()


def test_declared__are_the_clause_and_those_that_fall_or_move_with_it() -> None:
    """On the dialects where the break acts; everything else stays."""
    places = [("HTTP-02", "nvidia"), ("HTTP-02", "segmind"), ("HTTP-03", "segmind"), ("HTTP-04", "segmind")]
    expected = declared("HTTP-02", dict.fromkeys(places, "PASS"), CLAUSES, CONTRACT)
    assert expected["HTTP-02", "segmind"] == {"FAIL", "NON-STRICT"}
    assert expected["HTTP-03", "segmind"] == {"UNSUPPORTED"}
    assert expected["HTTP-04", "segmind"] == {"PASS"}


def test_declared__of_a_break_elsewhere_is_no_change() -> None:
    """A break acts where its own clause applies: x-api-key is nothing to NVIDIA's dialect."""
    expected = declared("AUT-04", {("RSP-01", "nvidia"): "PASS", ("RSP-01", "segmind"): "PASS"}, CLAUSES, CONTRACT)
    assert expected == {("RSP-01", "nvidia"): {"PASS"}, ("RSP-01", "segmind"): {"PASS", "INCONCLUSIVE"}}


def test_declared_move__is_free_where_the_break_has_no_clause() -> None:
    """The mock refuses parts in every dialect; that they are accepted is a clause of two of them."""
    expected = declared("REQ-04", {("REQ-05", "nvidia"): "PASS", ("REQ-05", "segmind"): "PASS"}, CLAUSES, CONTRACT)
    assert expected == {("REQ-05", "nvidia"): {"PASS", "UNSUPPORTED"}, ("REQ-05", "segmind"): {"UNSUPPORTED"}}


FALLEN = frozenset(("FAIL", "NON-STRICT"))


@pytest.mark.parametrize(
    ("found", "differences"),
    [
        ({("A-01", "n"): "FAIL", ("B-01", "n"): "PASS"}, ()),
        ({("A-01", "n"): "PASS", ("B-01", "n"): "PASS"}, ("A-01",)),
        ({("A-01", "n"): "FAIL", ("B-01", "n"): "INCONCLUSIVE"}, ("B-01",)),
        ({("A-01", "n"): "FAIL"}, ("B-01",)),
        ({("A-01", "n"): "FAIL", ("B-01", "n"): "PASS", ("C-01", "n"): "PASS"}, ("C-01",)),
        ({}, ("A-01", "B-01")),
    ],
)
def test_proof__compares_every_verdict(found: dict[tuple[str, str], str], differences: tuple[str, ...]) -> None:
    """A verdict that is missing, that moved without leave or that is new is a difference too."""
    standard = {("A-01", "n"): "PASS", ("B-01", "n"): "PASS"}
    expected = {("A-01", "n"): FALLEN, ("B-01", "n"): frozenset(("PASS",))}
    made = proof("A-01", honest=standard, expected=expected, found=found)
    assert tuple(each.clause for each in made.differences) == differences
    assert made.killed is (differences == ())


def test_proof__tells_what_is_missing_and_what_is_too_much() -> None:
    """In one line, and in JSON."""
    missed = Difference("A-01", "nvidia", ("FAIL", "NON-STRICT"), "PASS")
    made = Proof("A-01", (), (missed, Difference("B-01", "nvidia", ("PASS",), None)))
    assert made.text() == (
        "SURVIVED  A-01: A-01 on nvidia: expected FAIL or NON-STRICT, got PASS; B-01 on nvidia: expected PASS, got none"
    )
    assert made.as_dict()["differences"][0]["expected"] == ["FAIL", "NON-STRICT"]
    assert headline([made, Proof("C-01", (), ())]) == "1 of 2 breaks were found, the others: A-01"


def test_moves__are_to_verdicts_that_exist() -> None:
    """The clauses' file knows no verdicts; a misspelt one would let a break survive for ever."""
    moved = {verdict for clause in CLAUSES.values() for verdict, _ in clause.moves_with.values()}
    assert moved <= set(Verdict) - {Verdict.PASS, Verdict.FAIL, Verdict.NON_STRICT}


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["prove", "XX-01"],
        ["prove", "REQ-06"],
        ["prove", "--jobs", "0"],
        ["prove", "--jobs", "many"],
        ["prove", "--out", "."],
        ["prove", "--out", "pyproject.toml/proof.json"],
        ["prove", "--report", "pyproject.toml"],
        ["report", "nowhere", "--out", "x"],
        ["report", "pyproject.toml", "--out", "x"],
        ["report", "x"],
        ["baseline"],
        ["baseline", "--from", "nowhere"],
    ],
)
def test_bad_command_line__gets_one_line(arguments: list[str]) -> None:
    """Exit status 2; an info clause has no break."""
    done = subprocess.run(
        [sys.executable, "-m", "contract_tests", *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1


def test_prove__finds_what_is_declared_and_writes_it(tmp_path: Path) -> None:
    """Against every verdict there is, as JSON, and for the report beside it."""
    command = [sys.executable, "-m", "contract_tests", "prove", *SAMPLE, "--out", str(tmp_path / "sample.json")]
    done = subprocess.run(
        [*command, "--report", str(tmp_path / "report")], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "sample.json").read_text(encoding="utf-8"))
    assert (result["killed"], result["total"]) == (len(SAMPLE), len(SAMPLE))
    moved = {proof["clause"]: {move["clause"] for move in proof["moved"]} for proof in result["proofs"]}
    assert moved["SSE-08"] == {"SSE-08"}
    assert moved["HTTP-02"] == {"HTTP-02", "HTTP-03", "HTTP-23"}
    assert json.loads((tmp_path / "report" / "proof.json").read_text(encoding="utf-8")) == result
    assert "killed    SSE-08" in done.stdout


def test_prove_that_is_ended__ends_what_it_started() -> None:
    """SIGTERM: no mock and no process that judges is left."""
    command = [sys.executable, "-m", "contract_tests", "prove", *SAMPLE, "--jobs", "2"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "killed" in process.stdout.readline()
        started = _descendants(process.pid)
        process.terminate()
        status = process.wait(30)
    assert status == 128 + signal.SIGTERM
    assert len(started) > 2
    until_s = time.monotonic() + 10
    # multiprocessing's own helper ends when it notices that the process which started it has
    while _running().keys() & set(started) and time.monotonic() < until_s:
        time.sleep(0.05)
    assert not _running().keys() & set(started)


def _descendants(pid: int) -> list[int]:
    """The processes that a process started, and theirs."""
    parents = _running()
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found[1:]


def _running() -> dict[int, int]:
    """The processes that have not ended, with those that started them."""
    listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in listed.splitlines()]
    return {int(pid): int(parent) for pid, parent, status in rows if not status.startswith("Z")}


def test_honest_mock__is_a_standard() -> None:
    """A verdict that is no PASS and no record would make every proof blind there."""
    assert dishonest({("A-01", "n"): "PASS", ("B-01", "n"): "INFO"}) == []
    assert dishonest({("A-01", "n"): "FAIL"}) == ["A-01 on n is FAIL"]
