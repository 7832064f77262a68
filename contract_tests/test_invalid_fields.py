"""NEG: fields of a value that must be refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.contract.schema import Schema
from mixtral_contract.suite.generation import strategies
from mixtral_contract.suite.target.endpoint import Endpoint

Values = Callable[[Schema], st.SearchStrategy[Any]]


@pytest.mark.clause("NEG-07")
@given(data=st.data())
def test_temperature_out_of_bounds__is_refused(endpoint: Endpoint, data: st.DataObject) -> None:
    """Below the minimum, above the maximum."""
    _refuses(endpoint, data, strategies.out_of_bounds, "temperature")


@pytest.mark.clause("NEG-08")
@given(data=st.data())
def test_top_p_out_of_bounds__is_refused(endpoint: Endpoint, data: st.DataObject) -> None:
    """Below the minimum, above the maximum."""
    _refuses(endpoint, data, strategies.out_of_bounds, "top_p")


@pytest.mark.clause("NEG-09")
@given(data=st.data())
def test_penalty_out_of_bounds__is_refused(endpoint: Endpoint, data: st.DataObject) -> None:
    """Below the minimum, above the maximum; both penalties."""
    _refuses(endpoint, data, strategies.out_of_bounds, "frequency_penalty", "presence_penalty")


@pytest.mark.clause("NEG-10")
@given(data=st.data())
def test_max_tokens_out_of_bounds__is_refused(endpoint: Endpoint, data: st.DataObject) -> None:
    """Below the minimum, a fraction."""
    _refuses(endpoint, data, strategies.out_of_bounds, "max_tokens")


@pytest.mark.clause("NEG-11")
@given(data=st.data())
def test_stream_of_another_type__is_refused(endpoint: Endpoint, data: st.DataObject) -> None:
    """A boolean is true or false."""
    _refuses(endpoint, data, strategies.refused, "stream")


@pytest.mark.clause("NEG-12")
@given(data=st.data())
def test_stop_or_seed_of_another_type__is_refused(endpoint: Endpoint, data: st.DataObject) -> None:
    """Stop is text, seed is an integer and has no fraction."""
    _refuses(endpoint, data, strategies.refused, "stop")
    _refuses(endpoint, data, strategies.out_of_bounds, "seed")


@pytest.mark.clause("NEG-18")
@given(data=st.data())
def test_number_of_another_type__is_refused(endpoint: Endpoint, data: st.DataObject) -> None:
    """Text with digits is text: a server that reads it as a number hides the caller's fault."""
    for name in strategies.number_fields(endpoint.operation.request):
        _refuses(endpoint, data, strategies.no_number, name)


@pytest.mark.clause("NEG-19")
def test_boolean__is_no_number(endpoint: Endpoint) -> None:
    """True is not 1 in JSON."""
    for name in strategies.number_fields(endpoint.operation.request):
        endpoint.refuse(endpoint.body(**{name: True}))


@pytest.mark.clause("NEG-26")
def test_model_of_another_type__is_refused(endpoint: Endpoint) -> None:
    """A name is text; null is not tried, which many servers take for none."""
    others: tuple[Any, ...] = (7, True, ["x"], {})
    for model in others:
        endpoint.refuse(endpoint.body(model=model))


def _refuses(endpoint: Endpoint, data: st.DataObject, values: Values, *names: str) -> None:
    """One such value of each named field, one field at a time."""
    for name in names:
        field = endpoint.operation.request.field(name)
        value = data.draw(values(field), label=name)
        endpoint.refuse(endpoint.body(**{name: value}))
        if values is not strategies.no_number and not endpoint.target.paid:
            _refuses_neighbours(endpoint, name)


def _refuses_neighbours(endpoint: Endpoint, name: str) -> None:
    """What lies next to the field's values, each asked for once: a server that is generous is so by a little."""
    for value in strategies.neighbours(endpoint.operation.request.field(name)):
        body = endpoint.body(**{name: value})
        endpoint.refused(endpoint.once(f"{name} {value}", partial(endpoint.ask, body)), body)
