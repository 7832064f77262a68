from __future__ import annotations

import copy
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from mixtral_contract.contract import observations
from mixtral_contract.contract.cli import main
from mixtral_contract.contract.lint import checks
from mixtral_contract.contract.openapi import DOCUMENT, Contract

Change = Callable[[dict[str, Any]], object]


def _problems(document: dict[str, Any], sources: Path | None = None) -> str:
    contract = Contract(document)
    return "\n".join(problem for check in checks(sources) for problem in check.find(contract))


@pytest.fixture
def document() -> dict[str, Any]:
    """A copy of the contract, to be changed."""
    return copy.deepcopy(dict(yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))))


def _schemas(document: dict[str, Any]) -> Any:
    return document["components"]["schemas"]


def _nvidia(document: dict[str, Any]) -> Any:
    return document["paths"]["/v1/chat/completions"]["post"]


def test_contract__keeps_its_rules(document: dict[str, Any]) -> None:
    """As shipped, nothing falls short."""
    assert _problems(document) == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["info"].pop("title"), '"title" is a required property'),
        (lambda d: _schemas(d)["TextPart"]["properties"]["text"].pop("x-source"), "TextPart/properties/text: type has"),
        (lambda d: _schemas(d)["TextPart"]["properties"].update(new={"enum": [1]}), "new: enum has neither"),
        (lambda d: _nvidia(d)["responses"]["404"].pop("x-inferred"), "nvidia: status 404 has neither"),
        (
            lambda d: _schemas(d)["Message"]["properties"]["role"].update(enum=["user", "assistant"]),
            "does not admit 'system'",
        ),
        (
            lambda d: _schemas(d)["Message"]["properties"]["role"]["x-contradiction"][0]["sides"].pop(),
            "expected two sides, got 1",
        ),
        (
            lambda d: _schemas(d)["NvidiaRequest"]["properties"]["temperature"].update(default=7),
            "default 7 is not valid",
        ),
        (
            lambda d: d["paths"]["/v1/mixtral-8x7b-instruct"]["post"]["requestBody"]["content"]["application/json"][
                "examples"
            ]["documented"]["value"].pop("messages"),
            "example documented: messages",
        ),
        (lambda d: _schemas(d)["Usage"].update({"required": ["prompt_tokens", "images"]}), "example documented"),
        (lambda d: _schemas(d)["SegmindError"].update({"x-error": {"error": "{massage}"}}), "got {massage}"),
        (
            lambda d: _schemas(d)["SegmindError"].update({"x-error": {"error": "{status}"}}),
            "x-error: error: 400 is not",
        ),
        (
            lambda d: _schemas(d)["SegmindError"].update({"x-error": {"error": "{param}"}}),
            "x-error: error: null is not",
        ),
    ],
)
def test_change__falls_short(document: dict[str, Any], change: Change, said: str) -> None:
    """Each check sees what it is there for."""
    change(document)
    assert re.search(said, _problems(document))


def test_changed_rule__is_no_shortcoming(document: dict[str, Any]) -> None:
    """Dropping a status or moving a bound breaks no rule of the contract."""
    del _nvidia(document)["responses"]["429"]
    _schemas(document)["NvidiaRequest"]["properties"]["temperature"]["maximum"] = 2
    assert _problems(document) == ""


def test_phrase__must_be_printed(document: dict[str, Any], tmp_path: Path) -> None:
    """White space is folded, nothing else."""
    phrases: dict[str, list[str]] = {}
    _collect(document, phrases)
    for clause in yaml.safe_load(DOCUMENT.with_name("clauses.yaml").read_text(encoding="utf-8")):
        _collect(clause, phrases)
    for name, found in phrases.items():
        (tmp_path / f"{name}.txt").write_text("\n\n".join(found).replace(" ", " \n "), encoding="utf-8")
    assert _problems(document, tmp_path) == ""
    _schemas(document)["Messages"]["x-source"][0]["phrase"] = "An array of objects containing the roll"
    assert "does not print 'An array of objects containing the roll'" in _problems(document, tmp_path)


def test_missing_document__falls_short(document: dict[str, Any], tmp_path: Path) -> None:
    """A phrase cannot be looked up in nothing."""
    assert "expected the document, got no readable file" in _problems(document, tmp_path)


def test_command__prints_and_exits(
    tmp_path: Path, document: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """0 when nothing falls short, 1 with what does."""
    assert main(["check"]) == 0
    assert "the contract keeps its rules" in capsys.readouterr().out
    _nvidia(document)["responses"]["404"].pop("x-inferred")
    path = tmp_path / "openapi.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    assert main(["check", "--spec", str(path)]) == 1
    assert "status 404 has neither" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "openapi: 3.2.0", "paths: {/x: {post: {x-dialect: x, requestBody: {$ref: '#/nowhere'}}}}"],
)
def test_document_that_is_no_contract__falls_short(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 1 and what is wrong with it."""
    path = tmp_path / "openapi.yaml"
    path.write_text(text, encoding="utf-8")
    assert main(["check", "--spec", str(path)]) == 1
    assert capsys.readouterr().out.startswith("short  the document is a contract")


@pytest.mark.parametrize(
    "arguments",
    [[], ["check", "--sources", "nowhere"], ["check", "--spec", "nowhere.yaml"], ["chekc"], ["check", "--colour"]],
)
def test_bad_command_line__gets_one_line(arguments: list[str]) -> None:
    """Exit status 2, one line on stderr, nothing on stdout."""
    done = subprocess.run([sys.executable, "-m", "spec", *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1, done.stderr


def _collect(node: Any, phrases: dict[str, list[str]]) -> None:
    if isinstance(node, dict):
        if {"document", "phrase"} <= node.keys():
            phrases.setdefault(node["document"], []).append(node["phrase"])
        for value in node.values():
            _collect(value, phrases)
    elif isinstance(node, list):
        for value in node:
            _collect(value, phrases)


def test_observation_of_a_clause_that_is_none__is_told(
    document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a target is known to break is a clause of the suite."""
    seen = observations.load()["NIM-01"]
    monkeypatch.setattr(observations, "load", lambda: {"NIM-01": replace(seen, departs=("AUT-99",))})
    assert _problems(document) == "NIM-01: expected clauses of clauses.yaml, got 'AUT-99'"
