"""One proposal of a value for a JSON Schema: the schema followed with a random generator, part by part.

Whether the value keeps the schema is for the maker to find out, who validates it and asks for another one.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

import orjson

from mixtral_contract.mock.completions.json_values.strings import formatted, text
from mixtral_contract.mock.completions.json_values.subschemas import (
    ENDLESS,
    Heights,
    Node,
    UnsatisfiableError,
    add,
    merged,
    property_of,
    target,
)

_SHALLOW = 3
"""Down to this depth optional parts are added by chance; below it, as little as possible."""
_DEEPEST = 50
_MOST_ITEMS = 1_000
_LARGEST = 2**53
_SPREAD = 100
_LATE = 12
"""The number of the first proposal that takes a schema which speaks of no type for one of any."""
_DECIDED = frozenset(("$ref", "allOf", "anyOf", "oneOf", "if", "then", "else"))


class Materials(Protocol):
    """What candidates of one request are made from."""

    @property
    def chance(self) -> random.Random:
        """What decides."""

    @property
    def words(self) -> Callable[[], str]:
        """Some words, others each time."""

    def matching(self, pattern: str, low: int, high: int | None) -> str:
        """A string of that many characters in which the pattern is found; raises UnmadeError when none was."""

    def step(self, size: int = 0) -> None:
        """Counts one subschema, and the bytes of a value that was ready; raises UnsatisfiableError for too many."""


class Candidate:
    """The proposal of that number, from 0: they differ in how much of what is optional they have."""

    def __init__(self, materials: Materials, root: Any, heights: Heights, number: int) -> None:
        self._materials = materials
        self._root = root
        self._heights = heights
        self._chance = materials.chance
        # by turns as chance has it, with as little and with as much as can be
        self._optional = (0.8, 0.0, 1.0)[number % 3]
        # a schema that speaks of no type gets text first
        self._default = "string" if number < _LATE else self._chance.choice(list(_MAKERS))

    def value(self, schema: Any, depth: int) -> Any:
        """A proposal for the schema."""
        if depth > _DEEPEST:
            raise UnsatisfiableError(f"expected values of at most {_DEEPEST} levels, got more")
        node = self._flat(schema, depth)
        if "const" in node or "enum" in node:
            return self._given(node)
        return _MAKERS[self._kind(node)](self, node, depth)

    def _given(self, node: Node) -> Any:
        values = [node["const"]] if "const" in node else node["enum"]
        if not values:
            raise UnsatisfiableError("no value is in every enum")
        value = self._chance.choice(values)
        self._materials.step(len(orjson.dumps(value)))
        return value

    def _flat(self, schema: Any, depth: int) -> dict[str, Any]:
        """The schema as one object without alternatives: each of them decided, all that apply merged."""
        node: dict[str, Any] = {}
        waiting = [schema]
        while waiting:
            self._materials.step()
            part = waiting.pop()
            if part is False:
                raise UnsatisfiableError("nothing is admitted")
            if part is True:
                continue
            node = merged(node, {name: rule for name, rule in part.items() if name not in _DECIDED})
            if "$ref" in part:
                waiting.append(target(self._root, part["$ref"]))
            waiting += part.get("allOf", ())
            waiting += [self._branch(part[name], depth) for name in ("anyOf", "oneOf") if name in part]
            if "if" in part:
                waiting += self._consequence(part)
        return node

    def _branch(self, branches: Sequence[Any], depth: int) -> Any:
        heights = [self._heights.of(branch) for branch in branches]
        possible = [height for height in heights if height < ENDLESS]
        if not possible:
            raise UnsatisfiableError("no alternative has a value")
        most = min(possible) if depth >= _SHALLOW else max(possible)
        return self._chance.choice([each for each, height in zip(branches, heights, strict=True) if height <= most])

    def _consequence(self, part: Node) -> list[Any]:
        kept = [part["if"], part.get("then", True)]
        possible = all(self._heights.of(each) < ENDLESS for each in kept)
        return kept if possible and self._chance.random() < 0.5 else [part.get("else", True)]

    def _kind(self, node: Node) -> str:
        kinds = node.get("type")
        if isinstance(kinds, str):
            return kinds
        if kinds is not None:
            if not kinds:
                raise UnsatisfiableError("no type is in every type")
            return str(self._chance.choice([kind for kind in kinds if kind != "null"] or kinds))
        return next((kind for kind, names in _TELLING.items() if not names.isdisjoint(node)), self._default)

    # ---- objects

    def object(self, node: Node, depth: int) -> dict[str, Any]:
        """An object with what is required, and some of what is not."""
        names = self._names(node, depth)
        for name, schema in node.get("dependentSchemas", {}).items():
            if name in names:
                node = self._flat({"allOf": [node, schema]}, depth)
                names |= dict.fromkeys(node.get("required", ()))
        return {name: self.value(property_of(node, name), depth + 1) for name in names}

    def _names(self, node: Node, depth: int) -> dict[str, None]:
        """The properties that the object gets, in the schema's order, invented ones last."""
        properties = node.get("properties", {})
        least, most = int(node.get("minProperties", 0)), int(node.get("maxProperties", _MOST_ITEMS))
        if least > min(most, _MOST_ITEMS):
            raise UnsatisfiableError(f"minProperties: expected at most {min(most, _MOST_ITEMS)}, got {least}")
        optional = 0.0 if depth >= _SHALLOW else self._optional
        chosen: set[str] = set()
        for name in node.get("required", ()):
            add(node, name, chosen)
        for share in (optional, 1.0 if len(chosen) < least else 0.0):
            for name in properties:
                room = len(chosen) < (most if share == optional else least)
                if room and self._heights.of(properties[name]) < ENDLESS and self._chance.random() < share:
                    add(node, name, chosen)
        names = dict.fromkeys([*(name for name in properties if name in chosen), *sorted(chosen - properties.keys())])
        is_map = isinstance(node.get("additionalProperties"), dict) and not properties
        wanted = max(least, min(2, most) if is_map and optional else 0)
        for _ in range(4 * wanted):
            if len(names) >= wanted:
                break
            names[self._invented(node, depth)] = None
        return names

    def _invented(self, node: Node, depth: int) -> str:
        rule, patterns = node.get("propertyNames"), list(node.get("patternProperties", ()))
        if rule is not None:
            return str(self.value({"allOf": [{"type": "string"}, rule]}, depth + 1))
        if patterns and node.get("additionalProperties") is False:
            return self._materials.matching(self._chance.choice(patterns), 0, None)
        return self._materials.words().replace(" ", "_")

    # ---- arrays

    def array(self, node: Node, depth: int) -> list[Any]:
        """An array of as many items as wanted, those that it has to contain last."""
        first, items = node.get("prefixItems", ()), node.get("items", True)
        if isinstance(items, list):  # until draft 2019-09 a list of schemas was called items
            first, items = items, node.get("additionalItems", True)
        contained = int(node.get("minContains", 1)) if "contains" in node else 0
        count = self._count(node, depth, len(first), contained, self._heights.of(items) < ENDLESS)
        unique = bool(node.get("uniqueItems"))
        made: dict[bytes, Any] = {}
        for number in range(4 * count if unique else count):
            position = len(made)
            if position == count:
                break
            schema = first[position] if position < len(first) else items
            if position >= count - contained:
                schema = {"allOf": [schema, node["contains"]]}
            value = self.value(schema, depth + 1)
            made.setdefault(orjson.dumps(value, option=orjson.OPT_SORT_KEYS) if unique else b"%d" % number, value)
        if len(made) < int(node.get("minItems", 0)):
            raise UnsatisfiableError(f"uniqueItems: expected {node['minItems']} different values, found {len(made)}")
        return list(made.values())

    def _count(self, node: Node, depth: int, first: int, contained: int, possible: bool) -> int:  # noqa: FBT001
        least, most = max(int(node.get("minItems", 0)), contained), int(node.get("maxItems", _MOST_ITEMS))
        if least > min(most, _MOST_ITEMS):
            raise UnsatisfiableError(f"minItems: expected at most {min(most, _MOST_ITEMS)}, got {least}")
        if depth >= _SHALLOW or not self._optional:
            return least
        more = self._chance.randint(1, 3) if possible else 0
        return min(most, max(least, first, more))

    # ---- scalars

    def string(self, node: Node, _depth: int) -> str:
        """A string with the pattern, of the format or of the length."""
        low = int(node.get("minLength", 0))
        high = int(node["maxLength"]) if "maxLength" in node else None
        if "pattern" in node:
            made = self._materials.matching(node["pattern"], low, high)
        else:
            made = formatted(self._chance, node.get("format")) or text(self._chance, self._materials.words, low, high)
        self._materials.step(len(made))
        return made

    def number(self, node: Node, _depth: int) -> float:
        """A number with two decimals where the bounds let it."""
        low, high = _bounds(node)
        if "multipleOf" in node:
            return float(self._multiple(low, high, node["multipleOf"]))
        value = round(self._chance.uniform(low, high), 2)
        inside = low <= value <= high and value not in (node.get("exclusiveMinimum"), node.get("exclusiveMaximum"))
        return value if inside else low + (high - low) / 2

    def integer(self, node: Node, _depth: int) -> int:
        """An integer, never far from its lower bound."""
        low, high = _bounds(node)
        low += low == node.get("exclusiveMinimum")
        high -= high == node.get("exclusiveMaximum")
        step = node.get("multipleOf", 1)
        # a multiple of 0.5 that is an integer is a multiple of 1
        return int(self._multiple(low, high, step if float(step).is_integer() else 1))

    def _multiple(self, low: float, high: float, step: float) -> Decimal:
        if max(abs(low), abs(high)) / step > _LARGEST:
            raise UnsatisfiableError(f"multipleOf: expected a larger one, got {step}")
        first, last = math.ceil(low / step), math.floor(high / step)
        if first > last:
            raise UnsatisfiableError(f"no multiple of {step} lies between {low} and {high}")
        return self._chance.randint(first, min(last, first + _SPREAD)) * Decimal(str(step))

    def boolean(self, _node: Node, _depth: int) -> bool:
        """True or false."""
        return self._chance.random() < 0.5

    def null(self, _node: Node, _depth: int) -> None:
        """The only value of its type."""


_MAKERS: Mapping[str, Callable[[Candidate, Node, int], Any]] = {
    "object": Candidate.object,
    "array": Candidate.array,
    "string": Candidate.string,
    "number": Candidate.number,
    "integer": Candidate.integer,
    "boolean": Candidate.boolean,
    "null": Candidate.null,
}

_TELLING: Mapping[str, frozenset[str]] = {
    "object": frozenset(
        ("properties", "required", "additionalProperties", "patternProperties", "minProperties", "propertyNames")
    ),
    "array": frozenset(("items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains")),
    "string": frozenset(("pattern", "format", "minLength", "maxLength")),
    "number": frozenset(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")),
}
"""Keywords that speak of one type; a schema without a type is taken for one of it."""


def _bounds(node: Node) -> tuple[float, float]:
    """The least and the greatest number, both within what every JSON parser keeps exactly."""
    lows = [node[name] for name in ("minimum", "exclusiveMinimum") if not isinstance(node.get(name, True), bool)]
    highs = [node[name] for name in ("maximum", "exclusiveMaximum") if not isinstance(node.get(name, True), bool)]
    low = max(lows) if lows else (min(highs) - _SPREAD if highs else 0)
    high = min(highs) if highs else low + _SPREAD
    low, high = max(low, -_LARGEST), min(high, _LARGEST)
    if low > high:
        raise UnsatisfiableError(f"no number lies between {low} and {high}")
    return low, high
