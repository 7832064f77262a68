"""The page of scripted replies says of each member what the schemas say, which the mock reads replies by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mixtral_contract.contract.schema import resolve
from mixtral_contract.mock.fixtures import fixture_reader
from mixtral_contract.mock.replies import parts, reader
from mixtral_contract.primitives.bounded import safe_yaml
from tests.docs.page import REPOSITORY, Page

PAGE = Page.read(REPOSITORY / "docs" / "replies.md")


def rows(document: Mapping[str, Any], name: str) -> Iterator[str]:
    """A row for each member of a schema: its name and its description."""
    node = resolve(document, document["components"]["schemas"][name])
    for member, given in node["properties"].items():
        yield f"| `{member}` | {' '.join(_description(document, given).split())} |"


def _description(document: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    said: str = node.get("description") or resolve(document, node)["description"]
    return said


def test_tables__are_those_of_the_schemas() -> None:
    """Every member of a reply, of its parts, of its oddities and of conditions, in their order."""
    replies, fixtures = safe_yaml.read(reader.SCHEMA), safe_yaml.read(fixture_reader.SCHEMA)
    for document, name in ((replies, "reply"), (replies, "part"), (replies, "oddities"), (fixtures, "when")):
        table = "\n".join(rows(document, name))
        assert table in PAGE.text, f"docs/replies.md: expected the rows of {name}:\n{table}"


def test_functions__are_named() -> None:
    """Each that a reply in Python is written with."""
    public = [name for name, value in vars(parts).items() if callable(value) and value.__module__ == parts.__name__]
    assert public
    assert [name for name in public if f"`{name}(" not in PAGE.text] == []
