"""JSON as RFC 8259 writes it, with what parsers usually forgive refused: a name that stands twice in one object."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

DEEPEST = 100
"""Levels of nesting; RFC 8259 section 9 lets an implementation set a limit."""

_SPACE_BEFORE_COLON = re.compile(rb'"[ \t\r\n]+:')


def loads(received: bytes) -> Any:
    """The value that the bytes are.

    Raises: ValueError when they are no JSON (NaN, bad UTF-8, ...), repeat a name or nest deeper than `DEEPEST`.
    """
    value = orjson.loads(received)
    # every name of compact JSON is followed by `":`; as many of these as names left means that none was repeated
    if received.count(b'":') != _names(value) or _SPACE_BEFORE_COLON.search(received):
        json.loads(received, object_pairs_hook=_unique)
    return value


def _names(value: Any) -> int:
    """How many names the objects in a value have."""
    names = 0
    level = [value]
    for _ in range(DEEPEST + 1):
        inner: list[Any] = []
        for item in level:
            if type(item) is dict:
                names += len(item)
                inner += item.values()
            elif type(item) is list:
                inner += item
        if not inner:
            return names
        level = inner
    raise ValueError(f"expected at most {DEEPEST} levels, got more")


def _unique(pairs: list[tuple[str, Any]]) -> None:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"expected each name once, got {repeated[:50]!r} twice")
