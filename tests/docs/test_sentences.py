"""What a page says in passing holds: its links, and the paths, options and calls that its sentences name."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest

from mixtral_contract.contract import clauses
from mixtral_contract.contract.openapi import Contract
from mixtral_contract.mock.testing.mocks import MixtralApi
from tests.docs.page import REPOSITORY, Page, pages

PAGES = pages()
_OTHERS = ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "mock_server/README.md", "load/README.md")
EVERYWHERE = [*PAGES, *(Page.read(REPOSITORY / name) for name in _OTHERS)]

FOREIGN_OPTIONS = {
    *("--headless", "--host", "--help", "--master", "--worker", "--processes", "--otel"),  # Locust's
    *("--master-bind-host", "--web-host"),
    *("--junitxml", "--pyargs", "--strict"),  # pytest's
}
_FOLDERS = ("mixtral_contract", "spec", "mock_server", "contract_tests", "load", "benchmarks", "examples")


@pytest.mark.parametrize("page", EVERYWHERE, ids=lambda page: page.name)
def test_links__lead_somewhere(page: Page) -> None:
    """To a file of the repository, and to a heading where they name one; other sites are not asked."""
    anchors = {each.name: each.anchors for each in EVERYWHERE}
    for link in page.links:
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (REPOSITORY / page.name).parent / file if file else REPOSITORY / page.name
        assert target.exists(), f"{page.name}: {link}"
        name = target.resolve().relative_to(REPOSITORY).as_posix()
        known = anchors.get(name, set())
        assert not anchor or anchor in known, f"{page.name}: {link}: expected one of {sorted(known)}"


@pytest.mark.parametrize("page", EVERYWHERE, ids=lambda page: page.name)
def test_paths__are_there(page: Page) -> None:
    """Files and folders of the repository that sentences name."""
    names = {path.name for path in REPOSITORY.iterdir() if path.is_dir()} - {"reports"}
    folders = "|".join(map(re.escape, names))
    for span in page.spans:
        if re.fullmatch(rf"({folders})/[\w./*-]*", span):
            assert list(REPOSITORY.glob(span.rstrip("/"))), f"{page.name}: {span}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options__are_there(page: Page) -> None:
    """Each that a sentence names is an option of ours, by the code, or one of those of Locust and pytest."""
    ours = "|".join(re.sub(r"{\w+}", "[a-z]+", option) for option in re.findall(r'"(--[a-z{][a-z{}-]+)"', _code()))
    named = {option for span in page.spans for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", span)}
    unknown = {option for option in named - FOREIGN_OPTIONS if not re.fullmatch(ours, option)}
    assert not unknown, f"{page.name}: neither ours nor one of FOREIGN_OPTIONS: {', '.join(sorted(unknown))}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_calls__are_those_of_a_mock(page: Page) -> None:
    """What a sentence tells a test to say to its mock; what is asserted of requests has to be there only."""
    mock = MixtralApi()
    for span in page.spans:
        found = re.fullmatch(r"(?P<name>next|always|calm|reply|pace|assert_\w+)\(.*\)", span)
        if found:
            method = getattr(mock, found["name"])
            if not found["name"].startswith("assert_"):
                positional, named = _arguments(span)
                method(*positional, **named)


@pytest.mark.parametrize("page", EVERYWHERE, ids=lambda page: page.name)
def test_number_of_clauses__is_that_of_the_file(page: Page) -> None:
    """Wherever it is said."""
    said = re.findall(r"(?:^|are |\()(\d+) clauses[,)]", page.text, re.MULTILINE)
    assert set(said) <= {str(len(clauses.load()))}


def test_number_of_verdicts_on_the_mock__is_that_of_a_run() -> None:
    """Every clause on every dialect that it applies to, without the fuzz tier."""
    operations = Contract.load().operations.values()
    judged = [clause for clause in clauses.load().values() if clause.judged != "fuzz"]
    most = sum(clause.applies(operation) for clause in judged for operation in operations)
    said = {
        page.name: found
        for page in EVERYWHERE
        for found in re.findall(r"mock breaks no clause: \d+ of (\d+) verdicts", page.text)
    }
    assert said == dict.fromkeys(("README.md", "docs/verdicts.md"), str(most))


def test_page__is_told_apart() -> None:
    """Commands, links, what is set as code, and headings, of which two may be alike."""
    page = Page(
        "docs/x.md", "# A `b`, c\n\n# A b c\n\n[d](e.md#f) `g --h`\n\n```console\n$ i  # j\nk\n$ l \\\n    #m\n```\n"
    )
    assert page.commands == ["i", "l #m"]
    assert page.links == ["e.md#f"]
    assert page.spans == ["b", "g --h"]
    assert page.anchors == {"a-b-c", "a-b-c-1"}


def _arguments(call: str) -> tuple[list[Any], dict[str, Any]]:
    node = ast.parse(call, mode="eval").body
    assert isinstance(node, ast.Call)
    named = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in node.keywords}
    return [ast.literal_eval(argument) for argument in node.args], named


def _code() -> str:
    files = (path for folder in _FOLDERS for path in (REPOSITORY / folder).rglob("*.py"))
    return "\n".join(path.read_text(encoding="utf-8") for path in files)
