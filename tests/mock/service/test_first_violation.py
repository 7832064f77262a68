from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.contract.schema import Schema
from mixtral_contract.mock.service import first_violation as violation

GOOD = {"role": "user", "content": "hello"}
PART = {"type": "text", "text": "hello"}


def _parts(*parts: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(parts)}]}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"messages": [GOOD] * 1000 + [1] + [GOOD] * 1000}, "messages.1000"),
        ({"messages": [1] * 1000}, "messages.0"),
        ({"messages": [GOOD] * 777 + [{"role": "robot", "content": "x"}]}, "messages.777.role"),
        ({"messages": [GOOD] * 1000, "temperature": 9}, "temperature"),
        ([1] * 1000, "body"),
    ],
)
def test_first_violation__is_where_it_is_in_the_body(contract: Contract, body: Any, field: str) -> None:
    """Though the validator got to see a shorter one."""
    assert violation.first(contract.operations["nvidia"].request, body).field == field


@pytest.mark.parametrize(
    "rule", [{"maxItems": 100}, {"maxItems": 20}, {"uniqueItems": True}, {"contains": {"const": 2}}]
)
def test_first_violation__is_of_the_list_where_no_item_is_at_fault(rule: dict[str, Any]) -> None:
    """How many there are, or what they are together."""
    schema = Schema({}, {"properties": {"a": {"type": "array", "items": {"const": 1}, **rule}}})
    assert violation.first(schema, {"a": [1] * 1000}).field == "a"


def test_first_violation__is_found_in_nested_lists(contract: Contract) -> None:
    """Of the 500th message the 300th part."""
    request = contract.operations["segmind-openai"].request
    body = {"messages": [*_parts(PART)["messages"] * 500, *_parts(*[PART] * 300, {**PART, "text": 1})["messages"]]}
    assert violation.first(request, body).field.startswith("messages.500.content.300")


@given(
    items=st.lists(st.sampled_from([GOOD, 1, {"role": "robot", "content": "x"}, {"role": "user"}]), max_size=100),
    fields=st.dictionaries(st.sampled_from(["temperature", "stop", "max_tokens"]), st.integers(-5, 5), max_size=2),
)
def test_first_violation__is_one_that_the_validator_finds(
    contract: Contract, items: list[Any], fields: dict[str, int]
) -> None:
    """Whatever the body, long or short."""
    request = contract.operations["nvidia"].request
    body = {"messages": items, **fields}
    if not request.is_valid(body):
        assert violation.first(request, body) in list(request.violations(body))


def test_first_violation__is_found_in_time(contract: Contract) -> None:
    """Fifty thousand faults within an alternative took half a minute and a gigabyte to explain."""
    request = contract.operations["segmind-openai"].request
    body = _parts(*[{**PART, "text": 1}] * 50_000)
    since = time.monotonic()
    assert violation.first(request, body).field.startswith("messages.0.content.0")
    assert time.monotonic() - since < 10


def test_body_that_stays_too_large__is_not_explained(contract: Contract) -> None:
    """More long lists than are shortened: it is said that it is wrong, not where."""
    body = {"messages": [1], **{f"field{number}": [1] * 1000 for number in range(100)}}
    found = violation.first(contract.operations["nvidia"].request, body)
    assert (found.field, "too large" in found.message) == ("body", True)
