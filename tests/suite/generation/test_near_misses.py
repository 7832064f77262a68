from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.suite.generation.near_misses import OTHERS, near_misses

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(value=JSON)
def test_mutant__is_another_value(value: Any) -> None:
    """None is the value itself, and the value stays as it was."""
    before = json.dumps(value)
    assert before not in [json.dumps(each) for each in near_misses(value)]
    assert json.dumps(value) == before


def test_mutants__reach_every_place() -> None:
    """However deep, and each with every type; each member and each item is missing once."""
    found = [json.dumps(each) for each in near_misses({"a": [{"b": "text"}], "c": "kept"})]
    deep = [json.dumps({"a": [{"b": other}], "c": "kept"}) for other in OTHERS]
    missing = [json.dumps(each) for each in ({"c": "kept"}, {"a": [], "c": "kept"}, {"a": [{}], "c": "kept"})]
    assert set(deep + missing) <= set(found)
