"""The parts of a JSON Schema: what refers to what, several of them as one, and how deep their values must be.

Knows the keywords of drafts 4 to 2020-12 that hold schemas; makes no values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

import orjson

Node = Mapping[str, Any]

ENDLESS = math.inf
"""The height of a schema whose every value would contain itself, or that admits nothing."""

MOST_NODES = 2_000
_ROUNDS = 100

_ONE = ("not", "if", "then", "else", "items", "additionalItems", "contains", "additionalProperties", "propertyNames")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
_MAPS = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions", "dependencies")


class UnsatisfiableError(ValueError):
    """No value was found; the message says what is wrong with the schema."""


def target(root: Any, reference: str) -> Any:
    """The subschema that a `$ref` within its own document points to.

    Raises: UnsatisfiableError when it points elsewhere or nowhere.
    """
    node = root
    pointer, separator, rest = reference.partition("#")
    if pointer or not separator or (rest and not rest.startswith("/")):
        raise UnsatisfiableError(f"$ref: expected a pointer such as #/$defs/name, got {reference[:80]!r}")
    for part in rest.split("/")[1:]:
        name = unquote(part).replace("~1", "/").replace("~0", "~")
        try:
            node = node[int(name)] if isinstance(node, list) else node[name]
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise UnsatisfiableError(f"$ref: expected something at {reference[:80]!r}, got nothing") from error
    if not isinstance(node, (dict, bool)):
        raise UnsatisfiableError(f"$ref: expected a schema at {reference[:80]!r}, got another value")
    return node


def merged(one: Node, other: Node) -> dict[str, Any]:
    """A schema that admits what both admit, as far as their keywords can be joined; neither has alternatives."""
    made = dict(one)
    for name, rule in other.items():
        made[name] = _JOINED.get(name, _keep)(made[name], rule) if name in made else rule
    return made


def property_of(node: Node, name: str, is_in: Callable[[str, str], bool]) -> Any:
    """What a schema says of the property of that name; `is_in` says whether a pattern is found in a text."""
    found = [node["properties"][name]] if name in node.get("properties", {}) else []
    found += [schema for pattern, schema in node.get("patternProperties", {}).items() if is_in(pattern, name)]
    if not found:
        return node.get("additionalProperties", True)
    return found[0] if len(found) == 1 else {"allOf": found}


def add(node: Node, name: str, names: set[str]) -> None:
    """Adds a property's name to those of an object, and all that have to be there because it is."""
    rules = node.get("dependentRequired") or node.get("dependencies") or {}
    waiting = [name]
    while waiting:
        each = waiting.pop()
        if each not in names:
            names.add(each)
            needed = rules.get(each, ())
            waiting += needed if isinstance(needed, list) else ()


class Heights:
    """How many levels the shallowest value of each subschema has below its own.

    The least solution is found by rounds: in each, a subschema's height follows from those known so far.
    """

    def __init__(self, root: Any, step: Callable[[], None], is_in: Callable[[str, str], bool]) -> None:
        self._root = root
        self._step = step
        self._is_in = is_in
        self._known: dict[int, float] = {}
        nodes = list(_nodes(root))
        for _ in range(_ROUNDS):
            changed = False
            for node in reversed(nodes):
                height = self._height(node)
                changed |= self._known.get(id(node), ENDLESS) != height
                self._known[id(node)] = height
            if not changed:
                break

    def of(self, schema: Any) -> float:
        """The height of a subschema, or of several merged ones."""
        if isinstance(schema, bool):
            return 0 if schema else ENDLESS
        # what is met while it is still being computed counts as endless, so that the heights come down round by round
        return self._known[id(schema)] if id(schema) in self._known else self._unknown(schema)

    def _unknown(self, schema: Node) -> float:
        return self._height(schema) if schema.keys() == {"allOf"} else ENDLESS

    def _height(self, node: Node) -> float:
        self._step()
        if "const" in node or "enum" in node:
            return 0
        heights = [self.of(part) for part in node.get("allOf", ())]
        if "$ref" in node:
            heights.append(self.of(target(self._root, node["$ref"])))
        heights += [min(map(self.of, node[name]), default=ENDLESS) for name in ("anyOf", "oneOf") if name in node]
        inner = [self.of(property_of(node, name, self._is_in)) for name in node.get("required", ())]
        items = node.get("items", True)
        if node.get("minItems", 0) > len(node.get("prefixItems", ())) and not isinstance(items, list):
            inner.append(self.of(items))
        heights += [1 + height for height in inner if not _is_of_another_type(node)]
        return max(heights, default=0)


def _is_of_another_type(node: Node) -> bool:
    """Whether some value is neither object nor array, so that what these need does not count."""
    kinds = node.get("type", "object")
    return not {"object", "array"} & ({kinds} if isinstance(kinds, str) else set(kinds))


def _nodes(root: Any) -> Iterator[Node]:
    """Every subschema that is an object, those that are only referred to included, outer ones first."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict) or id(node) in seen:
            continue
        seen.add(id(node))
        if len(seen) > MOST_NODES:
            raise UnsatisfiableError(f"expected at most {MOST_NODES} subschemas, got more")
        yield node
        waiting += [node[name] for name in _ONE if name in node]
        for name in _LISTS:
            if isinstance(node.get(name), list):
                waiting += node[name]
        for name in _MAPS:
            waiting += node.get(name, {}).values()
        if "$ref" in node:
            waiting.append(target(root, node["$ref"]))


# ---- how the same keyword of two schemas becomes one


def _keep(one: Any, _other: Any) -> Any:
    return one


def _both(one: Any, other: Any) -> Any:
    # side by side, however many they become: each level of nesting costs a call of the functions that follow it
    parts = one["allOf"] if isinstance(one, dict) and one.keys() == {"allOf"} else [one]
    return {"allOf": [*parts, other]}


def _items(one: Any, other: Any) -> Any:
    """Rules for items; a list of them has one for each place, and says nothing of those after it."""
    if isinstance(one, list) and isinstance(other, list):
        shorter, longer = sorted((one, other), key=len)
        return [*map(_both, shorter, longer), *longer[len(shorter) :]]
    if isinstance(one, list):
        return [_both(each, other) for each in one]
    return [_both(one, each) for each in other] if isinstance(other, list) else _both(one, other)


def _each(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    return {**one, **other, **{name: _both(one[name], other[name]) for name in one.keys() & other.keys()}}


def _names(one: list[str], other: list[str]) -> list[str]:
    return list(dict.fromkeys([*one, *other]))


def _common(one: list[Any], other: list[Any]) -> list[Any]:
    written = set(map(json_bytes, other))
    return [value for value in one if json_bytes(value) in written]


def _kinds(one: Any, other: Any) -> list[str]:
    first, second = ([kinds] if isinstance(kinds, str) else kinds for kinds in (one, other))
    found = [kind for kind in first if kind in second or (kind == "integer" and "number" in second)]
    return found + ["integer"] * ("integer" in second and "number" in first and "integer" not in found)


def _multiple(one: Any, other: Any) -> Any:
    whole = all(float(each).is_integer() for each in (one, other))
    return math.lcm(int(one), int(other)) if whole else max(one, other)


def json_bytes(value: Any) -> bytes:
    """The value as JSON.

    Raises: UnsatisfiableError for what JSON here does not write: integers beyond 64 bits, values nested too deep.
    """
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise UnsatisfiableError(f"expected values that JSON can write, got one of which: {error}") from error


_JOINED: Mapping[str, Callable[[Any, Any], Any]] = {
    "type": _kinds,
    "enum": _common,
    "required": _names,
    **dict.fromkeys(("properties", "patternProperties", "dependentSchemas"), _each),
    **dict.fromkeys(("items", "prefixItems"), _items),
    **dict.fromkeys(("additionalItems", "additionalProperties", "propertyNames", "contains", "not"), _both),
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains"), min),
    "uniqueItems": lambda one, other: one or other,
    "multipleOf": _multiple,
}
