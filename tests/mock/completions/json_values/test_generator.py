from __future__ import annotations

import contextlib
import random
import time
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mixtral_contract.mock.completions.json_values.budget import MOST_STEPS
from mixtral_contract.mock.completions.json_values.generator import JsonValueGenerator
from mixtral_contract.mock.completions.json_values.subschemas import UnsatisfiableError
from mixtral_contract.primitives.bounded.work import TooMuchWorkError

DRAFT_2019 = "https://json-schema.org/draft/2019-09/schema"
NAMES = st.sampled_from(["a", "b", "city", "x y", "naïve"])
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.integers()
    | st.sampled_from([0.5, "", "text", "é", [], {}, [1], {"a": 1}])
)
SCALARS = st.one_of(
    st.booleans(),
    st.just({}),
    st.fixed_dictionaries({"const": VALUES}),
    st.fixed_dictionaries({"enum": st.lists(VALUES, min_size=1, max_size=4)}),
    st.fixed_dictionaries(
        {"type": st.just("string")},
        optional={
            "minLength": st.integers(0, 30),
            "maxLength": st.integers(0, 40),
            "format": st.sampled_from(["date", "date-time", "email", "uuid", "ipv4", "uri", "unheard-of"]),
            "pattern": st.sampled_from(
                ["^[a-z]+$", r"^\d{3}-\d{4}$", "(foo|bar)?x", "^[^abc]{2,5}$", r"^\p{L}$", "a.c"]
            ),
        },
    ),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["integer", "number", ["integer", "null"]])},
        optional={
            "minimum": st.integers(-50, 50) | st.integers(),
            "maximum": st.integers(-50, 50) | st.integers(),
            "exclusiveMinimum": st.integers(-50, 50),
            "exclusiveMaximum": st.floats(-50, 50),
            "multipleOf": st.sampled_from([1, 3, 0.1, 0.25, 7.5]),
        },
    ),
    st.fixed_dictionaries({"type": st.sampled_from(["boolean", "null", "object", "array"])}),
    st.sampled_from([{"$ref": "#"}, {"$ref": "#/$defs/one"}, {"$ref": "#/$defs/nowhere"}, {"$ref": "elsewhere.json"}]),
)


def _composed(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(NAMES, inner, max_size=3)},
            optional={
                "required": st.lists(NAMES, max_size=3, unique=True),
                "additionalProperties": st.booleans() | inner,
                "minProperties": st.integers(0, 4),
                "maxProperties": st.integers(0, 4),
                "patternProperties": st.dictionaries(st.sampled_from(["^a", "^x"]), inner, max_size=1),
                "propertyNames": st.just({"maxLength": 4}),
                "dependentRequired": st.dictionaries(NAMES, st.lists(NAMES, max_size=2, unique=True), max_size=1),
            },
        ),
        st.fixed_dictionaries(
            {"type": st.just("array")},
            optional={
                "items": inner | several,
                "additionalItems": inner,
                "prefixItems": several,
                "contains": inner,
                "minItems": st.integers(0, 4),
                "maxItems": st.integers(0, 4),
                "uniqueItems": st.booleans(),
            },
        ),
        st.fixed_dictionaries({"anyOf": several}),
        st.fixed_dictionaries({"oneOf": several}),
        st.fixed_dictionaries({"allOf": several}),
        st.fixed_dictionaries({"not": inner, "type": st.sampled_from(["string", "integer", "object"])}),
        st.fixed_dictionaries({"if": inner, "then": inner, "else": inner}),
    )


SCHEMAS = st.builds(
    lambda draft, root, one: {**draft, **root, "$defs": {"one": one}} if isinstance(root, dict) else root,
    st.sampled_from([{}, {}, {"$schema": DRAFT_2019}, {"$schema": "http://json-schema.org/draft-07/schema#"}]),
    st.recursive(SCALARS, _composed, max_leaves=8),
    st.recursive(SCALARS, _composed, max_leaves=3),
)


def _made(schema: Any, seed: int = 0) -> Any:
    chance = random.Random(seed)  # noqa: S311  same seed, same value
    return JsonValueGenerator(chance, lambda: chance.choice(["cats", "a plan", "Köln"])).make(schema)


@settings(derandomize=True, deadline=None, max_examples=400)
@given(schema=SCHEMAS, seed=st.integers(0, 9))
@example(schema={"$ref": "#"}, seed=0)
@example(schema={"anyOf": [{"$ref": "#"}, {"type": "null"}]}, seed=0)
@example(schema={"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}}, seed=0)
def test_value__is_valid_or_refused(schema: Any, seed: int) -> None:
    """Whatever the schema: a value that a validator of others finds valid, or one error, and never another.

    On a busy machine the time of a request may run out: that is refused too, with an error of its own.
    """
    with contextlib.suppress(UnsatisfiableError, TooMuchWorkError):
        value = _made(schema, seed)
        assert jsonschema_rs.validator_for(schema, validate_formats=True).is_valid(value)


@pytest.mark.parametrize(
    "schema",
    [
        {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
        {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 3},
        {
            "type": "object",
            "patternProperties": {"^x[0-9]{3}$": True},
            "additionalProperties": False,
            "minProperties": 5,
        },
        {
            "$ref": "#/$defs/n",
            "$defs": {"n": {"properties": {"n": {"anyOf": [{"$ref": "#/$defs/n"}, {"type": "null"}]}}}},
        },
        {
            "$ref": "#/definitions/tree",
            "definitions": {"tree": {"type": "array", "items": {"$ref": "#/definitions/tree"}}},
        },
        {
            "allOf": [
                {"properties": {"a": {"type": "integer"}}, "required": ["a"]},
                {"properties": {"a": {"minimum": 50}}},
            ]
        },
        {"oneOf": [{"type": "integer", "multipleOf": 3}, {"type": "integer", "multipleOf": 5}]},
        {"if": {"properties": {"k": {"const": 1}}}, "then": {"required": ["z"]}, "properties": {"k": {"const": 1}}},
        {"type": "array", "contains": {"const": 7}, "items": {"type": "integer"}, "minItems": 3},
        {"type": "array", "uniqueItems": True, "minItems": 4, "items": {"enum": [1, 2, 3, 4]}},
        {"type": "array", "items": [{"const": 1}, {"const": 2}], "$schema": "http://json-schema.org/draft-07/schema#"},
        {"type": "number", "multipleOf": 0.1, "minimum": 0.25},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001},
        {"type": "integer", "minimum": 2**53 - 1},
        {"not": {"type": "string"}},
        {"type": "string", "pattern": "^(?=.*x)[a-z]{3}$"},
        {"type": "string", "minLength": 5, "maxLength": 5},
        {"type": ["string", "null"], "maxLength": 0},
        {"type": "object", "properties": {"a": {"type": "string"}}, "unevaluatedProperties": False},
        {"dependentSchemas": {"a": {"required": ["b"]}}, "properties": {"a": {"const": 1}}, "required": ["a"]},
        # a list of rules for items, in the draft that has them, joined with another one and with a rule for all
        *(
            {"$schema": DRAFT_2019, "items": one, "allOf": [{"items": other}]}
            for one, other in (
                ([{"type": "string"}], [True, {"type": "number"}]),
                ([True, {"type": "number"}], [{"type": "string"}]),
                ([{"minimum": 5}, True], {"type": "integer"}),
                ({"type": "integer"}, [{"minimum": 5}]),
            )
        ),
        {
            "type": "array",
            "prefixItems": [{"const": 1}],
            "minItems": 2,
            "allOf": [{"prefixItems": [True, {"const": 2}]}],
        },
    ],
)
def test_satisfiable_schema__gets_a_value(schema: Any) -> None:
    """With every seed."""
    assert all(jsonschema_rs.is_valid(schema, _made(schema, seed)) for seed in range(20))


@pytest.mark.parametrize("name", sorted({"date", "time", "date-time", "duration", "email", "idn-email", "hostname"}
    | {"idn-hostname", "ipv4", "ipv6", "uri", "uri-reference", "iri", "iri-reference", "uri-template", "uuid"}
    | {"json-pointer", "relative-json-pointer", "regex"}))  # fmt: skip
def test_format__is_kept_at_the_first_try(name: str) -> None:
    """Of all formats that JSON Schema knows."""
    schema = {"type": "string", "format": name}
    validator = jsonschema_rs.validator_for(schema, validate_formats=True)
    made = {_made(schema, seed) for seed in range(50)}
    assert all(map(validator.is_valid, made))
    assert not validator.is_valid("not of\nthat format: {") or name == "uri-template"


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": 5}, "expected a JSON Schema"),
        ({"$ref": "http://example.com/x"}, "another document"),
        ({"$ref": "#/nowhere"}, "nowhere"),
        ({"$schema": "http://example.com/x"}, "example.com"),
        (False, "never end"),
        ({"type": "object", "required": ["n"], "properties": {"n": {"$ref": "#"}}}, "never end"),
        ({"type": "object", "minProperties": 2, "additionalProperties": {"$ref": "#"}}, "levels"),
        ({"type": "array", "contains": {"$ref": "#"}}, "levels"),
        ({"type": "integer", "minimum": 5, "maximum": 4}, "between 5 and 4"),
        ({"type": "array", "minItems": 10**9}, "minItems"),
        ({"type": "string", "minLength": 10**9}, "minLength"),
        ({"type": "string", "pattern": r"^\p{L}+$"}, "pattern"),
        ({"type": "string", "pattern": "("}, "regex"),
        ({"enum": [1], "const": 2}, "valid"),
        ({"minimum": -(2**64)}, "64-bit"),
        ({"enum": [2**70, 1]}, "64-bit"),
        ({"type": "integer", "minimum": 1e30}, "no number lies between"),
        ({"type": "array", "uniqueItems": True, "minItems": 3, "items": {"enum": [1, 2]}}, "uniqueItems"),
    ],
)
def test_unsatisfiable_schema__is_refused(schema: Any, said: str) -> None:
    """The message says why."""
    with pytest.raises(UnsatisfiableError, match=said):
        _made(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "minItems": 1000, "items": {"type": "string", "minLength": 10_000}},
        {"type": "array", "minItems": 1000, "items": {"const": "x" * 100_000}},
        {"type": "array", "minItems": 900, "items": {"type": "array", "minItems": 900}},
        {
            "$ref": "#/$defs/0",
            "$defs": {
                str(level): {"type": "array", "minItems": 2, "items": {"$ref": f"#/$defs/{level + 1}"}}
                for level in range(40)
            }
            | {"40": True},
        },
        {"type": "string", "pattern": "^(a|a)*(a|a)*(a|a)*(a|a)*(a|a)*b$", "not": {"pattern": "^(a|a|aa)*$"}},
        {"type": "string", "pattern": "(((a{99}){99}){99}){99}"},
    ],
)
def test_huge_value__is_bounded(schema: Any) -> None:
    """Refused, or short enough, long before anybody gives up waiting."""
    began = time.process_time()
    try:
        value = _made(schema)
    except UnsatisfiableError:
        value = ""
    assert len(str(value)) < 32 * MOST_STEPS
    assert time.process_time() - began < 20


def test_maker__has_one_budget_for_all_its_values() -> None:
    """A hundred schemas are no way around it."""
    chance = random.Random(0)  # noqa: S311
    maker = JsonValueGenerator(chance, lambda: "cats")
    schema = {"type": "array", "minItems": 900, "items": {"type": "integer"}}
    with pytest.raises(UnsatisfiableError, match="steps"):
        list(map(maker.make, [schema] * 100))


def test_same_chance__same_value() -> None:
    """And another one otherwise."""
    schema = {"type": "object", "properties": {name: {"type": "integer"} for name in "abcdef"}}
    assert _made(schema, 1) == _made(schema, 1)
    assert _made(schema, 1) != _made(schema, 2)
