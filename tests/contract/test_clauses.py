from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

from mixtral_contract.contract import clauses
from mixtral_contract.contract.openapi import Contract, ContractError
from tests.support.repository import ROOT

SUITE = ROOT / "contract_tests"
GROUPS = {"HTTP", "AUT", "REQ", "NEG", "RSP", "SSE", "STR", "ERR", "CRD", "TOOL", "FMT", "LOGP", "CHC", "FUZZ"}


def _marked() -> list[str]:
    """The clause ids on the suite's tests."""
    return [
        ast.literal_eval(node.args[0])
        for path in SUITE.glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.clause"
    ]


def test_every_clause__has_one_test_and_every_test_a_clause() -> None:
    """Traceability both ways."""
    assert sorted(_marked()) == sorted(clauses.load())


def test_clauses__cover_every_group() -> None:
    """At least forty, over all groups."""
    loaded = clauses.load()
    assert {clause.group for clause in loaded.values()} == GROUPS
    assert len(loaded) >= 40


def test_stream_clause__applies_where_a_stream_is_documented() -> None:
    """What a clause needs is read from the contract."""
    contract = Contract.load()
    clause = clauses.load()["SSE-08"]
    assert [name for name, operation in contract.operations.items() if clause.applies(operation)] == [
        "nvidia",
        "openai",
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"level": "may"}, "known level"),
        ({"effect": "bad"}, "expected an effect of content, hang"),
        ({"needs": ["luck"]}, "known need"),
        ({"colour": "red"}, "keys of a clause"),
        ({"break": None}, "expected a break"),
        ({"source": {"document": "d", "phrase": "a", "b": None}}, "keys of a source"),
        ({"moves_with": {"X-02": "later"}}, "expected .VERDICT: reason."),
    ],
)
def test_malformed_clause__is_refused(tmp_path: Path, change: dict[str, object], said: str) -> None:
    """The message names the clause."""
    entry = {"id": "X-01", "level": "must", "effect": "form", "statement": "s", "source": {"practice": "p"}}
    path = tmp_path / "clauses.yaml"
    path.write_text(
        yaml.safe_dump([{**entry, "judged": "passive", "cost": 0, "break": "b", **change}]), encoding="utf-8"
    )
    with pytest.raises(ContractError, match=said) as caught:
        clauses.load(path)
    assert "X-01" in str(caught.value)


def test_level_that_the_sources_alone_do_not_give__has_its_reason() -> None:
    """What corrupts or holds back a text is no should."""
    loaded = clauses.load()
    for name in ("STR-04", "STR-30", "RSP-24", "RSP-30", "SSE-14", "STR-26", "TOOL-08", "CHC-01", "REQ-19"):
        assert (loaded[name].level, bool(loaded[name].reason)) == ("must", True), name


def test_effect__says_what_a_client_loses() -> None:
    """A must about content outweighs one about form."""
    loaded = clauses.load()
    found = [loaded[name].effect for name in ("STR-04", "SSE-08", "RSP-10", "REQ-02", "AUT-01", "HTTP-31", "RSP-15")]
    assert found == list(clauses.EFFECTS)


def test_same_id_twice__is_refused(tmp_path: Path) -> None:
    """An id is never reused."""
    entry = {"id": "X-01", "level": "must", "effect": "form", "statement": "s", "source": {"practice": "p"}}
    path = tmp_path / "clauses.yaml"
    path.write_text(yaml.safe_dump([{**entry, "judged": "passive", "cost": 0, "break": "b"}] * 2), encoding="utf-8")
    with pytest.raises(ContractError, match="X-01 twice"):
        clauses.load(path)
