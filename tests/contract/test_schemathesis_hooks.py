from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.contract.schemathesis_hooks import mended
from mixtral_contract.mock.completions.features import check, request_features

_IDS = st.sampled_from(["a", "b", "c"])
_CALL = st.builds(lambda name: {"id": name, "type": "function", "function": {"name": "f", "arguments": ""}}, _IDS)
_CALLS = st.lists(_CALL, min_size=1, max_size=3)
_TURNS = st.one_of(
    st.just({"role": "user", "content": "x"}),
    st.builds(lambda name: {"role": "tool", "content": "x", "tool_call_id": name}, _IDS),
    st.builds(
        lambda calls: {"role": "assistant", "tool_calls": calls}, st.none() | st.lists(_CALL, min_size=1, max_size=3)
    ),
)


@given(messages=st.lists(_TURNS, min_size=1, max_size=6), name=st.sampled_from(["f", "g", "h"]))
def test_mended_body__refers_to_what_is_there(messages: list[dict[str, Any]], name: str) -> None:
    """The mock, which reads references on its own, has nothing against it."""
    tools = [{"type": "function", "function": {"name": each}} for each in ("f", "g")]
    choice = {"type": "function", "function": {"name": name}}
    body = mended({"messages": messages, "tools": tools, "tool_choice": choice})
    check(body["messages"], request_features(body))
    assert body["messages"]


@pytest.mark.parametrize(
    "body", [{"messages": [{"role": "user", "content": "x"}], "tool_choice": "auto"}, {"messages": 7}, {}]
)
def test_body_without_references__stays_as_it_is(body: dict[str, Any]) -> None:
    """Whatever else it is."""
    assert mended(body) == body
