"""The first thing that is wrong with a body, in a time that grows with the body and no faster.

A validator that explains itself lists every fault of every alternative, of a long list for minutes. So long lists are
cut down to one item that is at fault, found by asking only whether the rest is valid, before it is asked to explain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from mixtral_contract.contract.schema import Schema, Violation

_LONG = 32
"""How many items a list may have that is left as it is."""

_DEEP = 4
_MOST_LISTS = 16
_MOST_VALUES = 10_000
_UNEXPLAINED = "is not what the contract asks for, and too large to say where"

_Path = tuple[str | int, ...]


def first(schema: Schema, body: Any) -> Violation:
    """The first violation of a body that is not valid; its field names the item where it stands in the body."""
    skipped: dict[_Path, int] = {}
    for _ in range(_MOST_LISTS):
        path = next((path for path in _long_lists(body, ()) if path not in skipped), None)
        if path is None:
            break
        body, skipped[path] = _shortened(schema, body, path)
    if sum(1 for _ in islice(_values(body), _MOST_VALUES)) == _MOST_VALUES:
        return Violation("body", _UNEXPLAINED)
    violation = next(schema.violations(body))
    return Violation(_moved(violation.field, skipped), violation.message)


def _shortened(schema: Schema, body: Any, path: _Path) -> tuple[Any, int]:
    """The body with one item at fault in the place of a list, and how many stood before it."""
    items = _at(body, path)
    start, end = 0, len(items)
    while end - start > 1:
        middle = (start + end) // 2
        if schema.is_valid(_with(body, path, items[start:middle])):
            start = middle
        else:
            end = middle
    shortened = _with(body, path, items[start:end])
    # where no item is at fault it is how many there are, or what they are together
    return (body, 0) if schema.is_valid(shortened) else (shortened, start)


def _long_lists(value: Any, path: _Path) -> Iterator[_Path]:
    if isinstance(value, list) and len(value) > _LONG:
        yield path
    elif len(path) < _DEEP:
        for name, item in _children(value):
            yield from _long_lists(item, (*path, name))


def _values(value: Any, depth: int = 0) -> Iterator[Any]:
    yield value
    for _, item in _children(value):
        # below that nothing is looked at, for whoever nests a thousand times; it counts as one
        if depth < 4 * _DEEP:
            yield from _values(item, depth + 1)


def _children(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


def _at(value: Any, path: _Path) -> Any:
    for name in path:
        value = value[name]
    return value


def _with(value: Any, path: _Path, item: Any) -> Any:
    """A copy of the value with the item at the path."""
    if not path:
        return item
    name, *rest = path
    changed: Any = dict(value) if isinstance(value, Mapping) else list(value)
    changed[name] = _with(value[name], tuple(rest), item)
    return changed


def _moved(field: str, skipped: Mapping[_Path, int]) -> str:
    """The field with the indices that its items had before the lists were shortened."""
    names: list[str] = []
    path: _Path = ()
    for name in field.split("."):
        if path in skipped and name.isdigit():
            names.append(str(int(name) + skipped[path]))
            path = (*path, int(name))
        else:
            names.append(name)
            path = (*path, int(name) if name.isdigit() else name)
    return ".".join(names)
