"""Near misses of a JSON value: copies in which one place, however deep, holds something of another type, or is missing.

Generators draw what is wrong at the top a thousand times before they draw a good message with a bad part; real clients
make the second mistake.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

OTHERS: tuple[Any, ...] = (None, True, 7, 0.5, "something", [], {}, [7], {"something": 7})
"""What a place gets instead: one of each type, empty and not."""


def near_misses(value: Any) -> Iterator[Any]:
    """The near misses of a value, the outermost first."""
    yield from (other for other in OTHERS if other != value or type(other) is not type(value))
    if isinstance(value, dict):
        for name, member in value.items():
            yield {each: value[each] for each in value if each != name}
            yield from ({**value, name: changed} for changed in near_misses(member))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield [*value[:index], *value[index + 1 :]]
            yield from ([*value[:index], changed, *value[index + 1 :]] for changed in near_misses(item))
