"""A file of recorded exchanges, and its reader.

A cassette is a YAML stream made to be read and compared by people: the head, then a document per exchange, written by
`spec.cassette_writer` and described by `cassette.schema.yaml`. A piece of an answer is text where it is UTF-8, which
YAML shows line by line, and base64 where it is not, so that every byte and every cut comes back as it was. `ending` is
the last key of an exchange: a document without it was not written to its end.
"""

from __future__ import annotations

import base64
import binascii
import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixtral_contract.cassettes.exchange import Answer, Headers, Piece, Recorded, Request
from mixtral_contract.contract.openapi import read_yaml
from mixtral_contract.contract.schema import Schema
from mixtral_contract.primitives.bounded import safe_yaml

SCHEMA = Path(__file__).with_name("cassette.schema.yaml")
VERSION = 1

_MS_NS = 1_000_000
_SEPARATOR = re.compile(rb"^(?:---[ \t]*\r?\n|-{1,3}\Z)", re.MULTILINE)
"""Between two documents; nothing inside of one stands at the beginning of a line like this."""
_ENDING = re.compile(rb"^ +ending: (?:complete|cut|left)\s*(?:\.\.\.\s*)?\Z", re.MULTILINE)


class _Loader(safe_yaml.Loader):
    """Reads what JSON knows: a date is a text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in safe_yaml.Loader.yaml_implicit_resolvers.items()
}


class CassetteError(ValueError):
    """The file is no cassette; the message says where and why in one line."""


@dataclass(frozen=True, slots=True)
class Cassette:
    """What one file holds.

    `torn` says that a last exchange was not written to its end, and is not here; `whole_bytes` is how long the file is
    without it.
    """

    upstream: str
    recorded: str
    exchanges: tuple[Recorded, ...]
    torn: bool = False
    whole_bytes: int = 0

    @classmethod
    def load(cls, path: Path) -> Cassette:
        """The cassette in a file.

        Raises: CassetteError when it cannot be read, is no YAML or does not keep the schema.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise CassetteError(f"{path}: expected a cassette, got {error.strerror}") from error
        return cls.parse(content, str(path))

    @classmethod
    def parse(cls, content: bytes, where: str = "cassette") -> Cassette:
        """The cassette that these bytes are; `where` begins what is said about them.

        Raises: CassetteError as `load` does.
        """
        (_, first), *others = _documents(content)
        head = _checked(first, "head", f"{where}: head")
        exchanges: list[Recorded] = []
        whole_bytes = len(content)
        for number, (start, document) in enumerate(others, 1):
            at = f"{where}: exchange {number}"
            try:
                exchanges.append(_recorded(_checked(document, "exchange", at), at))
            except CassetteError:
                if number < len(others) or _ENDING.search(document):
                    raise
                whole_bytes = start
        torn = whole_bytes < len(content)
        return cls(head["upstream"], head["recorded"], tuple(exchanges), torn=torn, whole_bytes=whole_bytes)

    def find(self, request: Request) -> tuple[Recorded, ...]:
        """The exchanges that ask the same as the request, in their order."""
        return tuple(each for each in self.exchanges if each.request.key == request.key)


def _documents(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Where each document begins, its separator included, and its bytes; a torn separator begins one too."""
    begin, start = 0, 0
    for separator in _SEPARATOR.finditer(content):
        yield begin, content[start : separator.start()]
        begin, start = separator.span()
    yield begin, content[start:]


def _checked(document: bytes, kind: str, where: str) -> Mapping[str, Any]:
    try:
        read = safe_yaml.parse(document, _Loader)
    except safe_yaml.YamlError as error:
        raise CassetteError(f"{where}: {error}") from error
    try:
        violation = next(_schema(kind).violations(read), None)
    except ValueError as error:
        raise CassetteError(f"{where}: expected what JSON knows, got {error}") from error
    if violation is not None:
        raise CassetteError(f"{where}: {violation.field}: {violation.message}")
    checked: Mapping[str, Any] = read
    return checked


@functools.cache
def _schema(kind: str) -> Schema:
    written = read_yaml(SCHEMA)
    return Schema(written, written["components"]["schemas"][kind])


def _recorded(read: Mapping[str, Any], where: str) -> Recorded:
    asked, said = read["request"], read["answer"]
    request = Request(
        asked["method"], asked["path"], asked.get("query", ""), _headers(asked), _body(asked, f"{where}: request")
    )
    answer = Answer(
        status=said["status"],
        headers=_headers(said),
        head_ns=_ns(said["head_ms"]),
        pieces=tuple(
            Piece(_ns(piece["at_ms"]), _body(piece, f"{where}: answer.pieces.{index}"))
            for index, piece in enumerate(said["pieces"])
        ),
        end_ns=_ns(said["end_ms"]),
        ending=said["ending"],
    )
    return Recorded(read["at"], request, answer)


def _headers(read: Mapping[str, Any]) -> Headers:
    return tuple((name, value) for name, value in read["headers"])


def _body(read: Mapping[str, Any], where: str) -> bytes:
    bodies = [name for name in ("json", "text", "base64") if name in read]
    if len(bodies) > 1:
        raise CassetteError(f"{where}: expected one of json, text and base64, got {' and '.join(bodies)}")
    if "json" in read:
        try:
            return json.dumps(read["json"], ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise CassetteError(f"{where}.json: expected a JSON value, got {error}") from error
    if "text" in read:
        return str(read["text"]).encode()
    try:
        return base64.b64decode(read.get("base64", ""), validate=True)
    except binascii.Error as error:
        raise CassetteError(f"{where}.base64: expected base64, got {error}") from error


def _ns(ms: float) -> int:
    return round(ms * _MS_NS)
