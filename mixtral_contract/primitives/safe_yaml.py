"""YAML as values, with one kind of error for whatever is wrong with it.

PyYAML says `YAMLError` of what is no YAML; of a value that its tag or its form promises and that there is not
(`2020-13-45`, `!!int x`), it lets out whatever its constructors raise. And a few lines of aliases can stand for more
values than fit into any memory, or for a list within itself, which what walks through them would never leave.
"""

from __future__ import annotations

from typing import Any

import yaml

FAST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The loader by libyaml where it is there: ten times faster, which a start feels."""

MOST_VALUES = 1_000_000


def parse(text: str | bytes, loader: Any = FAST) -> Any:
    """What the text says, by a loader that must be a safe one; nothing within itself.

    Raises: yaml.YAMLError when it is no YAML, has a value that is none of its kind, or more than MOST_VALUES once its
    aliases are written out.
    """
    try:
        value = yaml.load(text, Loader=loader)  # noqa: S506  the caller's is a safe one
        values = _count(value, {})
    except RecursionError as error:
        raise yaml.YAMLError("too many lists and mappings within each other") from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise yaml.YAMLError(f"a value that is none of its kind ({error})") from error
    if values > MOST_VALUES:
        raise yaml.YAMLError(f"more than {MOST_VALUES} values, with its aliases written out")
    return value


def _count(value: Any, known: dict[int, int]) -> int:
    """How many values there are in this one, itself included, with all that aliases repeat."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        known[id(value)] = MOST_VALUES  # met again before it is counted: it is within itself, and has no end
        parts = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_count(part, known) for part in parts)
    return known[id(value)]
