from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.suite.generation import strategies

REQUEST = Contract.load().operations["nvidia"].request
BOUNDED = ["temperature", "top_p", "frequency_penalty", "presence_penalty", "max_tokens"]


@pytest.mark.parametrize("name", [*BOUNDED, "stream", "stop", "seed"])
@given(data=st.data())
def test_refused__is_never_valid(name: str, data: st.DataObject) -> None:
    """What is drawn must be refused by the contract itself."""
    assert not REQUEST.field(name).is_valid(data.draw(strategies.refused(REQUEST.field(name))))


@pytest.mark.parametrize("name", BOUNDED)
@given(data=st.data())
def test_within__is_always_valid(name: str, data: st.DataObject) -> None:
    """What is drawn must be accepted by the contract itself."""
    assert REQUEST.field(name).is_valid(data.draw(strategies.within(REQUEST.field(name))))


@given(messages=strategies.conversations())
def test_conversation__alternates_and_ends_with_the_user(messages: list[dict[str, str]]) -> None:
    """The only order that every chat template takes."""
    roles = [message["role"] for message in messages]
    assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]
    assert REQUEST.is_valid({"messages": messages})


@pytest.mark.parametrize("name", [*BOUNDED, "seed"])
@given(data=st.data())
def test_out_of_bounds__is_a_number_that_is_not_valid(name: str, data: st.DataObject) -> None:
    """Nothing of another type, and no boolean."""
    field = REQUEST.field(name)
    value = data.draw(strategies.out_of_bounds(field))
    assert not field.is_valid(value)
    assert isinstance(value, int | float)
    assert not isinstance(value, bool)


@pytest.mark.parametrize("name", [*BOUNDED, "seed"])
@given(data=st.data())
def test_no_number__is_text_list_or_object(name: str, data: st.DataObject) -> None:
    """What a lax reader might take for a number all the same."""
    value = data.draw(strategies.no_number(REQUEST.field(name)))
    assert isinstance(value, str | list | dict)


def test_is_number__tells_the_fields_apart() -> None:
    """A field that may be text too is none."""
    found = {name for name in REQUEST.properties if strategies.is_number(REQUEST.field(name))}
    assert found == {*BOUNDED, "seed", "n", "top_logprobs"}
