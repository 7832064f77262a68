"""Schemas that others wrote, compiled and asked whether a value keeps them, with no more work than is known beforehand.

The validator is Rust and holds the interpreter while it works, so neither compiling nor validating may take long,
whatever the schema is. Patterns run in an engine of linear time; look-around and back-references, which it does not
know, in one that goes back and forth under a limit so low that it is as quick. How large a compiled pattern may be, how
many patterns there may be and how long the values that they are held against are chosen together (`_ENGINES`). And a
value is validated only when following all of the schema's rules through it takes few steps: twenty nested alternatives
of two ask for a million.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jsonschema_rs

from mixtral_contract.mock.completions.json_values.subschemas import Node, UnsatisfiableError, json_bytes, target

LARGEST_SCHEMA = 256 * 1024
_MOST_VALUES = 20_000
_DEEPEST = 200
"""Rules within each other that a value is held against."""


class _Engine(NamedTuple):
    """What runs patterns, how many different ones, and the length of the value that they are held against, in bytes."""

    options: jsonschema_rs.RegexOptions | jsonschema_rs.FancyRegexOptions
    most_patterns: int
    most_bytes: int


_KB = 1024
_ENGINES = (
    _Engine(jsonschema_rs.RegexOptions(size_limit=8 * _KB), 100, 32 * _KB),
    _Engine(jsonschema_rs.RegexOptions(size_limit=48 * _KB), 16, 10 * _KB),
    _Engine(jsonschema_rs.RegexOptions(size_limit=256 * _KB), 3, 1536),
    _Engine(jsonschema_rs.FancyRegexOptions(backtrack_limit=500, size_limit=16 * _KB), 8, 256),
)
"""The first that takes all patterns of a schema: each holds a value of its greatest length within about 30 ms."""

_ONE = ("not", "if", "then", "else")
_EVERY_ITEM = ("items", "additionalItems", "contains", "unevaluatedItems")
_EVERY_PROPERTY = ("additionalProperties", "unevaluatedProperties")
_LISTS = ("allOf", "anyOf", "oneOf")
_DYNAMIC = ("$dynamicRef", "$recursiveRef")


class BoundedValidator:
    """One compiled schema.

    Raises: UnsatisfiableError when it is no JSON Schema, refers to another document, or is too large.
    """

    def __init__(self, schema: Any) -> None:
        size = len(json_bytes(schema))
        if size > LARGEST_SCHEMA:
            raise UnsatisfiableError(f"expected a schema of at most {LARGEST_SCHEMA} bytes, got {size}")
        self._schema = schema
        patterns = _patterns(schema)
        self._validator, self._most_bytes = _compiled(schema, patterns, size)
        if not patterns:
            self._most_bytes = LARGEST_SCHEMA

    def is_valid(self, value: Any, step: Callable[[], None]) -> bool:
        """Whether the value keeps the schema; `step` is called for each rule that it is held against.

        Raises: UnsatisfiableError when that is too much work, and what `step` raises.
        """
        size = len(json_bytes(value))
        if size > self._most_bytes:
            raise UnsatisfiableError(
                f"expected a value of at most {self._most_bytes} bytes beside patterns, got {size}"
            )
        self._count(self._schema, value, 0, step)
        return self._validator.is_valid(value)

    def _count(self, schema: Any, value: Any, depth: int, step: Callable[[], None]) -> None:
        step()
        if not isinstance(schema, dict):
            return
        if depth > _DEEPEST:
            raise UnsatisfiableError(f"expected at most {_DEEPEST} rules within each other, got more")
        for part in self._in_place(schema):
            self._count(part, value, depth + 1, step)
        if isinstance(value, dict):
            self._count_properties(schema, value, depth + 1, step)
        elif isinstance(value, list):
            first = schema.get("prefixItems", ())
            rules = [schema[name] for name in _EVERY_ITEM if name in schema]
            lists = [rule for rule in rules if isinstance(rule, list)]
            for index, item in enumerate(value):
                own = [each for rule in (first, *lists) for each in rule[index : index + 1]]
                for rule in (*own, *(rule for rule in rules if not isinstance(rule, list))):
                    self._count(rule, item, depth + 1, step)

    def _in_place(self, schema: Node) -> Iterator[Any]:
        """The rules that the same value is held against."""
        if "$ref" in schema:
            yield target(self._schema, schema["$ref"])
        for name in _ONE:
            if name in schema:
                yield schema[name]
        for name in _LISTS:
            yield from schema.get(name, ())
        for name in ("dependentSchemas", "dependencies"):
            yield from schema.get(name, {}).values()

    def _count_properties(self, schema: Node, value: Mapping[str, Any], depth: int, step: Callable[[], None]) -> None:
        properties = schema.get("properties", {})
        rules = [schema[name] for name in _EVERY_PROPERTY if name in schema]
        rules += schema.get("patternProperties", {}).values()
        for name, item in value.items():
            if name in properties:
                self._count(properties[name], item, depth, step)
            for rule in rules:
                self._count(rule, item, depth, step)
            if "propertyNames" in schema:
                self._count(schema["propertyNames"], name, depth, step)


def _patterns(schema: Any) -> set[str]:
    """All patterns in a schema, and whatever looks like one.

    Raises: UnsatisfiableError when it has too many values, or a reference that is found out only while validating.
    """
    patterns: set[str] = set()
    waiting, count = [schema], 0
    while waiting:
        node = waiting.pop()
        count += 1
        if count > _MOST_VALUES:
            raise UnsatisfiableError(f"expected a schema of at most {_MOST_VALUES} values, got more")
        if isinstance(node, dict):
            if isinstance(node.get("pattern"), str):
                patterns.add(node["pattern"])
            if isinstance(node.get("patternProperties"), dict):
                patterns.update(node["patternProperties"])
            for name in _DYNAMIC:
                if name in node:
                    raise UnsatisfiableError(f"{name}: expected $ref, got a reference that depends on the value")
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node
    return patterns


def _compiled(schema: Any, patterns: set[str], size: int) -> tuple[jsonschema_rs.Validator, int]:
    first: Exception | None = None
    for engine in _ENGINES:
        is_wanted = len(patterns) <= engine.most_patterns
        if isinstance(engine.options, jsonschema_rs.FancyRegexOptions):
            # names in the schema, too, are held against its patterns
            is_wanted = is_wanted and size <= 2 * _KB
        if not is_wanted:
            continue
        try:
            validator = jsonschema_rs.validator_for(
                schema, validate_formats=True, retriever=_elsewhere, pattern_options=engine.options
            )
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
            first = first or error
            if not patterns or not _is_of_a_pattern(error):
                break
        else:
            return validator, engine.most_bytes
    if first is None:
        most = _ENGINES[0].most_patterns
        raise UnsatisfiableError(f"expected a schema of at most {most} patterns, got {len(patterns)}")
    # a validation error also tells where in the schema of schemas it happened, over several lines
    message = getattr(first, "message", str(first))
    raise UnsatisfiableError(f"expected a JSON Schema, got one of which: {message[:200]}") from first


def _is_of_a_pattern(error: Exception) -> bool:
    return "regex" in str(getattr(error, "message", error))


def _elsewhere(uri: str) -> Any:
    raise ValueError(f"{uri} is another document")
