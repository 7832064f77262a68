"""What a page tells its reader to type works: every command is run or named with its test, programs run, files read."""

from __future__ import annotations

import ast
import datetime as dt
import json
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from mixtral_contract.contract import clauses
from mixtral_contract.contract.openapi import Contract
from mixtral_contract.mock.accounts import accounts_file as accounts
from mixtral_contract.mock.fixtures import fixture_file
from mixtral_contract.suite.verdicts import baseline
from tests.docs import walk
from tests.docs.commands import BEFORE, COMMANDS, Elsewhere, Ends
from tests.docs.page import REPOSITORY, Block, Page, pages
from tests.docs.reader import Reader

PAGES = pages()
WALKED = walk.PAGE.relative_to(REPOSITORY).as_posix()
"""A page with a test of its own, which makes its changes."""

TYPED = [
    page
    for page in PAGES
    if any(not isinstance(COMMANDS.get(command), Elsewhere) for command in page.commands)
    or any(block.language == "python" for block in page.blocks)
]
"""Pages of which something is run here."""

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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_command__is_run_or_named_with_its_test(page: Page) -> None:
    """Each one that a reader is told to type."""
    unknown = [command for command in page.commands if command not in COMMANDS]
    assert not unknown, f"{page.name}: expected an entry in tests/docs/commands.py, got none for {unknown}"


def test_table_of_commands__has_none_that_no_page_has() -> None:
    """Nor a test that is not there."""
    printed = {command for page in PAGES for command in page.commands}
    assert [command for command in COMMANDS if command not in printed] == []
    assert [how.test for how in COMMANDS.values() if isinstance(how, Elsewhere) and not _is_there(how.test)] == []


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl: apt-get install curl")
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
