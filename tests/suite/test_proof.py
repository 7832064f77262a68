from __future__ import annotations

import subprocess
import sys

import pytest

from contract_tests.prove import Proof, prove_one
from tests.suite.running import ROOT

SAMPLE = ["HTTP-10", "AUT-03", "REQ-09", "NEG-07", "RSP-10", "SSE-08", "STR-02", "ERR-03", "CRD-03"]


@pytest.mark.parametrize("clause", SAMPLE)
def test_break__brings_down_its_clause_and_nothing_else(clause: str) -> None:
    """One of each group; `python -m contract_tests prove` does it for all."""
    proof = prove_one(clause)
    assert proof.killed, proof.text()


def test_proof__tells_what_is_missing_and_what_is_too_much() -> None:
    """A break that is not found, or found beside others, is no proof."""
    proof = Proof("A-01", frozenset({("A-01", "nvidia")}), frozenset({("B-01", "nvidia")}))
    assert not proof.killed
    assert proof.text() == "SURVIVED  A-01: not found A-01 on nvidia; found beside it B-01 on nvidia"


@pytest.mark.parametrize(
    "arguments", [[], ["prove", "XX-01"], ["prove", "REQ-06"], ["prove", "--jobs", "0"], ["prove", "--jobs", "many"]]
)
def test_bad_command_line__gets_one_line(arguments: list[str]) -> None:
    """Exit status 2; an info clause has no break."""
    done = subprocess.run(
        [sys.executable, "-m", "contract_tests", *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
