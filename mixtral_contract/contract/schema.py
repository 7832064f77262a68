"""One JSON Schema of the contract: its properties, a compiled validator, what an instance violates.

Knows JSON Schema 2020-12 through jsonschema-rs; knows nothing of HTTP.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema_rs

_SHOWN = 200
"""Longest part of a message, in characters: a refusal does not echo a whole prompt."""

_PLACEHOLDERS: Mapping[str, Any] = {
    "string": "text",
    "integer": 1,
    "number": 1,
    "boolean": True,
    "array": [],
    "object": {},
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One departure of an instance from its schema: the field's dotted path and what is wrong with it."""

    field: str
    message: str


def resolve(document: Mapping[str, Any], node: Any) -> Any:
    """The node itself, or what its `$ref` (within the document) points to.

    Raises: KeyError when the reference points nowhere.
    """
    while isinstance(node, Mapping) and "$ref" in node:
        target: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


class Schema:
    """A schema inside the document that it refers to."""

    def __init__(self, document: Mapping[str, Any], node: Any) -> None:
        self.document = document
        self.raw: Any = resolve(document, node)
        self._fields: dict[str, Schema] = {}

    @functools.cached_property
    def validator(self) -> jsonschema_rs.Draft202012Validator:
        """The compiled validator; `is_valid` costs microseconds."""
        return jsonschema_rs.Draft202012Validator(
            {"components": self.document.get("components", {}), "allOf": [self.raw]}
        )

    @functools.cached_property
    def properties(self) -> Mapping[str, Mapping[str, Any]]:
        """Each property's schema, references followed; empty when the schema is no object."""
        properties = self.raw.get("properties", {}) if isinstance(self.raw, Mapping) else {}
        return {name: resolve(self.document, node) for name, node in properties.items()}

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the required properties."""
        return tuple(self.raw.get("required", ())) if isinstance(self.raw, Mapping) else ()

    def field(self, name: str) -> Schema:
        """The schema of one property, the same object each time: its validator is compiled once.

        Raises: KeyError when there is no such property.
        """
        if name not in self._fields:
            self._fields[name] = Schema(self.document, self.properties[name])
        return self._fields[name]

    @property
    def items(self) -> Schema:
        """The schema of an array's items; any item when there is none."""
        return Schema(self.document, self.raw.get("items", True))

    def is_valid(self, instance: Any) -> bool:
        """Whether the instance keeps the schema."""
        return self.validator.is_valid(instance)

    def violations(self, instance: Any) -> Iterator[Violation]:
        """What the instance violates, in the schema's order; of alternatives, the one that it comes nearest to."""
        for error in self.validator.iter_errors(instance):
            yield _violation(error)

    def minimal(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """The given properties and a plausible value for each further required one."""
        return {name: given[name] if name in given else self._plausible(name) for name in self.required}

    def _plausible(self, name: str) -> Any:
        field = self.properties.get(name, {})
        for keyword in ("default", "const"):
            if keyword in field:
                return field[keyword]
        for keyword in ("examples", "enum"):
            if field.get(keyword):
                return field[keyword][0]
        kind = field.get("type", "string")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind in ("integer", "number") and ("minimum" in field or "maximum" in field):
            return field.get("minimum", field.get("maximum"))
        return _PLACEHOLDERS.get(kind)


def _violation(error: jsonschema_rs.ValidationError) -> Violation:
    kind = error.kind
    path = [str(part) for part in error.instance_path]
    message = error.message
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.Required):
        path.append(str(kind.property))
    elif isinstance(kind, (jsonschema_rs.ValidationErrorKind.AnyOf, jsonschema_rs.ValidationErrorKind.OneOfNotValid)):
        nearest = _nearest(error, kind.context)
        if nearest is not None:
            return nearest
        message = " or ".join(dict.fromkeys(branch[0].message for branch in kind.context if branch))
    return Violation(".".join(path) or "body", message if len(message) <= _SHOWN else message[:_SHOWN] + "...")


def _nearest(
    error: jsonschema_rs.ValidationError, branches: list[list[jsonschema_rs.ValidationError]]
) -> Violation | None:
    """The violation inside the alternative that the instance was meant to be; None when it resembles none of them."""
    own = len(error.instance_path)
    inside = [branch for branch in branches if branch and all(len(each.instance_path) > own for each in branch)]
    if not inside:
        return None
    return _violation(min(inside, key=len)[0])
