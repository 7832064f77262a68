"""JSON as RFC 8259 writes it, with what parsers usually forgive refused: a name that stands twice in one object."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

DEEPEST = 100
"""Levels of nesting; RFC 8259 section 9 lets an implementation set a limit."""

MOST_VALUES = 100_000
"""Names, and items of lists and objects; told by their commas, colons and brackets, those in texts included."""

_BEFORE_VALUES = (b",", b":", b"[", b"{")
_SPACED = (b'" ', b'"\t', b'"\r', b'"\n')
_SPACE_BEFORE_COLON = re.compile(rb'"[ \t\r\n]+:')


def loads(received: bytes) -> Any:
    """The value that the bytes are.

    Raises: ValueError when they are no JSON (NaN, bad UTF-8, ...), repeat a name, nest deeper than `DEEPEST` or have
    more than `MOST_VALUES`.
    """
    # the parser lets nothing else run meanwhile, and takes the longer the more values there are
    if len(received) > MOST_VALUES and sum(map(received.count, _BEFORE_VALUES)) > MOST_VALUES:
        raise ValueError(f"expected at most {MOST_VALUES} values and names, got more")
    value = orjson.loads(received)
    # every name of compact JSON is followed by `":`; as many of these as names left means that none was repeated
    is_spaced = any(sign in received for sign in _SPACED) and _SPACE_BEFORE_COLON.search(received)
    if received.count(b'":') != _names(value) or is_spaced:
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
    names: set[str] = set()
    for name, _ in pairs:
        if name in names:
            raise ValueError(f"expected each name once, got {name[:50]!r} twice")
        names.add(name)
