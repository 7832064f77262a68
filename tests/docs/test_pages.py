"""The documentation holds: every command, program and file on it is run or read, and every link leads somewhere."""

from __future__ import annotations

import ast
import datetime as dt
import json
import re
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from contract_tests import baseline
from mock_server import accounts, fixture_file
from spec import clauses
from spec.contract import Contract
from tests.docs import walk
from tests.docs.commands import BEFORE, COMMANDS, Elsewhere, Ends
from tests.docs.page import REPOSITORY, Block, Page, pages
from tests.docs.reader import Reader

PAGES = pages()
OTHERS = [REPOSITORY / name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md")]
EVERYWHERE = [*PAGES, *map(Page.read, OTHERS)]
WALKED = walk.PAGE.relative_to(REPOSITORY).as_posix()
"""A page with a test of its own, which makes its changes."""

TYPED = [
    page
    for page in PAGES
    if page.name != WALKED and any(block.language in ("console", "python") for block in page.blocks)
]
"""Pages whose reader types."""

DONE = {
    page.name: {
        command for earlier in PAGES[:number] for command in earlier.commands if isinstance(COMMANDS.get(command), Ends)
    }
    for number, page in enumerate(PAGES)
}
"""What a page need not run, because an earlier one does: commands that leave nothing running."""

_CONTRACT = Contract.load()
LOADERS: dict[str, Callable[[Path], object]] = {
    "my-fixtures.yaml": lambda path: fixture_file.read(path, _CONTRACT),
    "my-accounts.yaml": lambda path: accounts.load(path, _CONTRACT),
    "my-baseline.yaml": lambda path: baseline.load(path, clauses.load(), dt.date.min),
}

LANGUAGES = {"console", "python", "yaml", "json", "text"}

FOREIGN_OPTIONS = {
    *("--headless", "--host", "--help", "--master", "--worker", "--processes"),  # Locust's
    *("--junitxml", "--pyargs", "--strict"),  # pytest's
}
_PACKAGES = ("spec", "mock_server", "contract_tests", "load")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_command__is_run_or_named_with_its_test(page: Page) -> None:
    """Each one that a reader is told to type."""
    assert [command for command in page.commands if command not in COMMANDS] == []


def test_table_of_commands__has_none_that_no_page_has() -> None:
    """Nor a test that is not there."""
    printed = {command for page in PAGES for command in page.commands}
    assert [command for command in COMMANDS if command not in printed] == []
    assert [how.test for how in COMMANDS.values() if isinstance(how, Elsewhere) and not _is_there(how.test)] == []


@pytest.mark.skipif(shutil.which("curl") is None, reason="pages ask with the curl command")
@pytest.mark.parametrize("page", TYPED, ids=lambda page: page.name)
def test_page__does_what_it_says(page: Page, tmp_path: Path) -> None:
    """From its first block to its last, as somebody who types it all."""
    walk.copy_to(tmp_path)
    shutil.copytree(REPOSITORY / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("node_modules"))
    with ExitStack() as closing:
        reader = Reader(tmp_path, closing)
        for command in BEFORE.get(page.name, ()):
            _type(reader, command)
        for block in page.blocks:
            _follow(reader, block, DONE[page.name])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files__are_read_by_what_they_are_for(page: Page, tmp_path: Path) -> None:
    """By the loader of each; on the page with a walk of its own, the walk reads them."""
    for block in page.blocks:
        assert block.language in LANGUAGES, block.place
        if block.language == "json":
            json.loads(block.text)
        if block.language == "yaml" and page.name != WALKED:
            assert block.file in LOADERS, f"{block.place}: expected a file of {', '.join(LOADERS)}, got {block.file!r}"
            path = tmp_path / block.file
            path.write_text(block.text, encoding="utf-8")
            assert LOADERS[block.file](path), block.place


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
        assert not anchor or anchor in anchors[name], f"{page.name}: {link}: expected one of {sorted(anchors[name])}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths__are_there(page: Page) -> None:
    """Files and folders of the repository that sentences name."""
    folders = "|".join(path.name for path in REPOSITORY.iterdir() if path.is_dir() and path.name != "reports")
    for span in page.spans:
        if re.fullmatch(rf"({folders})/[\w./*-]*", span):
            assert list(REPOSITORY.glob(span.rstrip("/"))), f"{page.name}: {span}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options__are_there(page: Page) -> None:
    """Each that a sentence names is an option of ours, by the code, or one of those of Locust and pytest."""
    ours = "|".join(re.sub(r"{\w+}", "[a-z]+", option) for option in re.findall(r'"(--[a-z{][a-z{}-]+)"', _code()))
    named = {option for span in page.spans for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", span)}
    assert {option for option in named - FOREIGN_OPTIONS if not re.fullmatch(ours, option)} == set()


def test_sentences__are_told_from_commands_and_links() -> None:
    """What this file relies on, seen on a page of three lines."""
    page = Page("docs/x.md", "# A `b`, c\n\n# A b c\n\n[d](e.md#f) `g --h`\n\n```console\n$ i  # j\nk\n$ l #m\n```\n")
    assert page.commands == ["i", "l #m"]
    assert page.links == ["e.md#f"]
    assert page.spans == ["b", "g --h"]
    assert page.anchors == {"a-b-c", "a-b-c-1"}


def _follow(reader: Reader, block: Block, done: set[str]) -> None:
    for command in block.commands:
        if command not in done:
            _type(reader, command)
    if block.language == "python" and block.file:
        reader.keeps(block.file, block.text)
    elif block.language == "python":
        assert reader.runs(block.text).strip(), f"{block.place}: expected it to print something, got nothing"


def _type(reader: Reader, command: str) -> None:
    how = COMMANDS[command]
    if not isinstance(how, Elsewhere):
        reader.types(command, how)


def _is_there(test: str) -> bool:
    file, _, name = test.partition("::")
    path = REPOSITORY / file
    tree = ast.parse(path.read_text(encoding="utf-8") if path.exists() else "")
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name for node in tree.body)


def _code() -> str:
    files = (path for package in _PACKAGES for path in (REPOSITORY / package).glob("*.py"))
    return "\n".join(path.read_text(encoding="utf-8") for path in files)
