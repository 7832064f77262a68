"""Schemas that would take the validator hours, or overflow its stack, are refused after little work."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from mixtral_contract.mock.completions.json_values.generator import JsonValueGenerator
from mixtral_contract.mock.completions.json_values.subschemas import UnsatisfiableError
from mixtral_contract.mock.completions.json_values.validation import BoundedValidator
from mixtral_contract.primitives.bounded.work import TooMuchWorkError, Work

_TWICE = {"properties": {"x": {"$ref": "#/$defs/a"}}}


def _doubling(keyword: str, levels: int = 28) -> dict[str, Any]:
    return {str(n): {keyword: [{"$ref": f"#/$defs/{n + 1}"}] * 2} for n in range(levels)} | {str(levels): True}


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"x": value}
    return value


def _never() -> None:
    """Counts nothing."""


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"not": {"$ref": "#"}}, "rules within each other"),
        ({"type": "integer", "not": {"$ref": "#/$defs/0"}, "$defs": _doubling("anyOf")}, "100000 steps"),
        ({"$ref": "#/$defs/0", "$defs": _doubling("allOf")}, "100000 steps"),
        ({"const": _nested(40), "$ref": "#/$defs/a", "$defs": {"a": {"allOf": [_TWICE, _TWICE]}}}, "100000 steps"),
        ({"patternProperties": {f"^{n}": {} for n in range(1500)}}, "at most 100 patterns, got 1500"),
        ({"type": "string", "pattern": "[a-z]{9000}(?=b)c"}, "regex"),
        ({"type": "string", "pattern": "(?:[a-z]{1,50}){1,50}x", "minLength": 9000}, "regex"),
        ({"type": "string", "pattern": "^(?:a(?=a*$))*b", "minLength": 2000}, "256 bytes beside patterns"),
        ({"not": {"$dynamicRef": "#a"}}, r"\$dynamicRef: expected \$ref"),
        ({"enum": list(range(30_000))}, "at most 20000 values"),
        ({"enum": ["x" * 300_000]}, "at most 262144 bytes"),
    ],
)
def test_expensive_schema__is_refused_soon(schema: Any, said: str) -> None:
    """The message says why."""
    began = time.process_time()
    with pytest.raises(UnsatisfiableError, match=said):
        JsonValueGenerator(random.Random(0), lambda: "cats", Work(60)).make(schema)  # noqa: S311
    assert time.process_time() - began < 20


@pytest.mark.parametrize("pattern", ["^(a+)+$", r"^(a+)+\1$", "^(a|a)*b(?!c)$"])
def test_exponential_pattern__costs_no_more_than_others(pattern: str) -> None:
    """Of a property's name, as of a text."""
    began = time.process_time()
    schema = {"type": "object", "patternProperties": {pattern: {}}, "required": ["a" * 28 + "!"]}
    made = JsonValueGenerator(random.Random(0), lambda: "cats", Work(60)).make(schema)  # noqa: S311
    assert "a" * 28 + "!" in made
    assert time.process_time() - began < 5


def test_validator__counts_what_it_validates() -> None:
    """Rules for values that are not there cost nothing."""
    validator = BoundedValidator({"properties": {"a": {"type": "integer"}}, "additionalProperties": {"minimum": 3}})
    steps: list[None] = []
    assert validator.is_valid({"a": 1, "b": 4}, lambda: steps.append(None))
    assert not validator.is_valid({"a": "x"}, _never)
    assert len(steps) == 4


def test_time_that_is_over__ends_the_making() -> None:
    """With an error of its own, whatever is left of the steps."""
    work = Work(-1.0)
    with pytest.raises(TooMuchWorkError):
        JsonValueGenerator(random.Random(0), lambda: "cats", work).make(  # noqa: S311
            {"type": "array", "minItems": 900, "items": {"type": "integer"}}
        )
