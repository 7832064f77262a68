"""A file of fixtures: read, held to its schema, and read again when it changes."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from mock_server.fixtures import ANY, Fixture, Fixtures, Line, Wanted, WantedMessage
from spec import yaml_text
from spec.contract import Contract
from spec.schema import Schema

SCHEMA = Path(__file__).with_name("fixtures.schema.yaml")

_LOOK_AGAIN_NS = 200_000_000
"""The file is looked at no more often than this."""


class FixtureError(ValueError):
    """The file holds no fixtures; the message says where and why in one line."""


class FixtureFile:
    """The fixtures of a file, those of its last version that could be read; `tell` hears of every version.

    Raises: FixtureError when it cannot be read the first time.
    """

    def __init__(self, path: Path, contract: Contract, tell: Callable[[str], None]) -> None:
        self._path = path
        self._contract = contract
        self._tell = tell
        self._version = _version(path)
        self._looked_ns = 0
        self._fixtures = read(path, contract)

    def current(self, now_ns: int) -> Fixtures:
        """The fixtures, read anew if the file changed; a version that cannot be read leaves those before."""
        if now_ns - self._looked_ns < _LOOK_AGAIN_NS:
            return self._fixtures
        self._looked_ns = now_ns
        version = _version(self._path)
        if version != self._version:
            self._version = version
            self._reload()
        return self._fixtures

    def reset(self) -> None:
        """Lets every fixture begin with its first line again."""
        self._fixtures.restart()

    def _reload(self) -> None:
        try:
            fixtures = read(self._path, self._contract)
        except FixtureError as error:
            self._tell(f"{error}; the fixtures before stay in use")
            return
        fixtures.succeed(self._fixtures)
        self._fixtures = fixtures
        self._tell(f"{self._path}: {len(fixtures.fixtures)} fixtures read again")


def read(path: Path, contract: Contract) -> Fixtures:
    """The fixtures of a file.

    Raises: FixtureError when it is no YAML, does not keep the schema, repeats a name or names an unknown dialect.
    """
    try:
        document = yaml_text.parse(path.read_text(encoding="utf-8"), yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "bytes that are no UTF-8"
        raise FixtureError(f"{path}: expected a file of fixtures, got {reason}") from error
    except yaml.YAMLError as error:
        raise FixtureError(f"{path}: expected YAML, got {' '.join(str(error).split())}") from error
    try:
        violation = next(_schema().violations(document), None)
    except ValueError as error:
        raise FixtureError(f"{path}: expected what JSON knows, got {error}") from error
    if violation is not None:
        raise FixtureError(f"{path}: {violation.field}: {violation.message}")
    fixtures = [
        _fixture(f"{path}: fixtures.{index}", node, contract) for index, node in enumerate(document["fixtures"])
    ]
    names = [fixture.name for fixture in fixtures]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise FixtureError(f"{path}: fixtures.{index}.name: expected each name once, got {name!r} again")
    return Fixtures(fixtures, refuse_unmatched=document.get("unmatched", "refuse") == "refuse")


@functools.cache
def _schema() -> Schema:
    document = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    return Schema(document, document)


def _version(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _fixture(where: str, node: Mapping[str, Any], contract: Contract) -> Fixture:
    if ("says" in node) == ("turns" in node):
        raise FixtureError(f"{where}: expected either says or turns, got {'both' if 'says' in node else 'neither'}")
    when = node["when"]
    dialects = _several(when["dialect"])
    for dialect in dialects:
        if dialect not in (ANY, *contract.operations):
            known = ", ".join((*contract.operations, ANY))
            raise FixtureError(f"{where}.when.dialect: expected one of {known}, got {dialect!r}")
    messages = when.get("messages")
    return Fixture(
        name=node["name"],
        dialects=frozenset(dialects),
        model=when.get("model"),
        messages=None
        if messages is None
        else tuple(_message(f"{where}.when.messages.{index}", each) for index, each in enumerate(messages)),
        last=_message(f"{where}.when.last", when["last"]) if "last" in when else None,
        fields=when.get("fields", {}),
        says=tuple(_line(line) for line in _several(node.get("says", []))),
        turns=tuple(Line(text) for text in node.get("turns", [])),
    )


def _message(where: str, node: Mapping[str, Any]) -> WantedMessage:
    content = node["content"]
    kind, text = ("equals", content) if isinstance(content, str) else next(iter(content.items()))
    if kind == "matches":
        try:
            re.compile(text)
        except re.error as error:
            raise FixtureError(
                f"{where}.content.matches: expected a regular expression, got {text!r} ({error})"
            ) from error
    return WantedMessage(node.get("role", "user"), Wanted(kind, "" if kind == ANY else text), node.get("images", 0))


def _line(node: str | Mapping[str, Any]) -> Line:
    return Line(node) if isinstance(node, str) else Line(**node)


def _several(node: Any) -> Sequence[Any]:
    return node if isinstance(node, list) else [node]
