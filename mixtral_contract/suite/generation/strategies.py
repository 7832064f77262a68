"""What hypothesis draws: conversations that a chat template accepts, and fields that the contract refuses.

Bounded in size, so that a run on a paid endpoint stays cheap, and role-aware: a random list of valid messages is
valid JSON but no conversation.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from mixtral_contract.contract.schema import Schema

Body = dict[str, Any]

_TEXT_LENGTH = 60
_FIELDS = 1024
"""So many fields have their strategies kept: making one takes longer than drawing from it."""


def texts() -> st.SearchStrategy[str]:
    """Any Unicode text that JSON can carry, not blank."""
    return st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=_TEXT_LENGTH).filter(str.strip)


def plain_texts() -> st.SearchStrategy[str]:
    """Short lines of English words."""
    words = ("hello", "what", "is", "a", "cat", "tell", "me", "about", "the", "moon", "please", "why", "and", "now")
    return st.lists(st.sampled_from(words), min_size=1, max_size=8).map(" ".join)


def conversations(*, max_turns: int = 4) -> st.SearchStrategy[list[Body]]:
    """Messages that alternate between user and assistant and end with the user."""

    def build(contents: list[str]) -> list[Body]:
        odd = contents if len(contents) % 2 else contents[:-1]
        return [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(odd)]

    return st.lists(plain_texts(), min_size=1, max_size=2 * max_turns - 1).map(build)


def json_values(*, max_leaves: int = 5) -> st.SearchStrategy[Any]:
    """Any small JSON value."""
    leaves = st.none() | st.booleans() | st.integers(-1000, 1000) | _floats() | st.text("abc é", max_size=6)
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
        max_leaves=max_leaves,
    )


def within(field: Schema) -> st.SearchStrategy[Any]:
    """Numbers within a field's bounds; an open side is bounded at a few, which costs little."""
    least, most = _bounds(field)
    low, high = -4 if least is None else least, (0 if least is None else least) + 4 if most is None else most
    if "integer" in _types(field):
        return st.integers(math.ceil(low), math.floor(high))
    return st.floats(low, high, allow_nan=False).map(lambda number: round(number, 4)).filter(field.is_valid)


def _bounds(field: Schema) -> tuple[float | None, float | None]:
    """The least and the most, whether they are admitted themselves or not; None on an open side."""
    raw = field.raw
    return raw.get("minimum", raw.get("exclusiveMinimum")), raw.get("maximum", raw.get("exclusiveMaximum"))


def is_number(field: Schema) -> bool:
    """Whether the field holds numbers and nothing else but null."""
    return bool({"integer", "number"} & _types(field)) and _types(field) <= {"integer", "number", "null"}


def number_fields(request: Schema) -> list[str]:
    """The fields that a document says are numbers; of those that it does not print a server need know nothing."""
    printed = [name for name, raw in request.properties.items() if "x-source" in raw]
    return [name for name in printed if is_number(request.field(name))]


@functools.lru_cache(_FIELDS)
def out_of_bounds(field: Schema) -> st.SearchStrategy[Any]:
    """Numbers that a field of numbers does not admit: just outside its bounds or a fraction first, then far out."""
    return st.sampled_from([value for value in _representatives(field) if _is_number(value)]) | _far(field)


def neighbours(field: Schema) -> list[Any]:
    """The numbers just outside a field's bounds, and what is taken for a value of its type.

    -1, by which many programs mean no limit, for a count; 0, 1 and words, for a boolean.
    """
    step = 1 if "integer" in _types(field) else 0.01
    least, most = _bounds(field)
    beside = (math.inf if least is None else least - step, -math.inf if most is None else most + step)
    taken: dict[str, list[Any]] = {"integer": [-1], "boolean": [0, 1, "true", "false"]}
    others = [value for kind in sorted(_types(field) & taken.keys()) for value in taken[kind]]
    return [*filter(math.isfinite, beside), *(value for value in others if not field.is_valid(value))]


@functools.lru_cache(_FIELDS)
def no_number(field: Schema) -> st.SearchStrategy[Any]:
    """Values that are no number, nor null or a boolean."""
    likely = [value for value in _representatives(field) if not _is_number(value)]
    others = json_values().filter(_not_valid(field)).filter(lambda value: isinstance(value, str | list | dict))
    return st.sampled_from(likely) | others


@functools.lru_cache(_FIELDS)
def refused(field: Schema) -> st.SearchStrategy[Any]:
    """Values that the field's schema does not admit: just outside its bounds first, then far out, then other types."""
    return st.sampled_from(list(_representatives(field))) | _far(field) | json_values().filter(_not_valid(field))


def _representatives(field: Schema) -> Iterable[Any]:
    step = 1 if "integer" in _types(field) else 0.01
    candidates: list[Any] = []
    least, most = _bounds(field)
    if most is not None:
        candidates.append(most + step)
    if least is not None:
        candidates.append(least - step)
    if "integer" in _types(field):
        candidates.append(1.5)
    candidates += ["1", "true", 7, [7], {}, [[]]]
    return filter(_not_valid(field), candidates)


def _far(field: Schema) -> st.SearchStrategy[Any]:
    if {"integer", "number"} & _types(field) and _bounds(field) != (None, None):
        numbers: st.SearchStrategy[Any] = st.integers(-(10**6), 10**6) if "integer" in _types(field) else _floats()
        return numbers.filter(_not_valid(field))
    return st.nothing()


def _floats() -> st.SearchStrategy[float]:
    return st.floats(-1e6, 1e6, allow_nan=False, allow_infinity=False).map(lambda number: round(number, 3))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _not_valid(field: Schema) -> Any:
    # an excluded bound itself is disputed: OpenAI's document admits a top_p of 0, which other servers refuse
    disputed = [field.raw[name] for name in ("exclusiveMinimum", "exclusiveMaximum") if name in field.raw]
    return lambda value: not field.is_valid(value) and not (_is_number(value) and value in disputed)


def _types(field: Schema) -> set[str]:
    kinds = field.raw.get("type", ())
    return {kinds} if isinstance(kinds, str) else set(kinds)
