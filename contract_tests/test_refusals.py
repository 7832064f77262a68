"""NEG: what must be refused, as the client's fault."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from contract_tests import strategies
from contract_tests.endpoint import Endpoint
from contract_tests.exchange import Exchange
from contract_tests.verdict import Inconclusive, Unsupported, Violation, require

_UNKNOWN_MODEL = "no-such/model-anywhere"


def _refuses(endpoint: Endpoint, data: st.DataObject, *names: str) -> None:
    """One refused value of each named field, one field at a time."""
    for name in names:
        field = endpoint.operation.request.field(name)
        endpoint.refuse(endpoint.body(**{name: data.draw(strategies.refused(field), label=name)}))


def _message(endpoint: Endpoint, **changes: Any) -> dict[str, Any]:
    message = {"role": "user", "content": "hello", **changes}
    return endpoint.body(messages=[{name: value for name, value in message.items() if value is not ...}])


@pytest.mark.clause("NEG-01")
def test_missing_required_field__is_refused(endpoint: Endpoint) -> None:
    """Each required field of the contract is missed on its own."""
    for name in endpoint.operation.request.required:
        endpoint.refuse(endpoint.body(**{name: ...}))


@pytest.mark.clause("NEG-02")
@given(value=strategies.json_values().filter(lambda value: not isinstance(value, list)))
@example(value="hello")
@example(value={"role": "user", "content": "hello"})
@example(value=None)
def test_messages_that_is_no_array__is_refused(endpoint: Endpoint, value: Any) -> None:
    """A list is a list."""
    endpoint.refuse(endpoint.body(messages=value))


@pytest.mark.clause("NEG-03")
def test_no_messages__is_refused(endpoint: Endpoint) -> None:
    """There is nothing to complete."""
    endpoint.refuse(endpoint.body(messages=[]))


@pytest.mark.clause("NEG-04")
def test_incomplete_message__is_refused(endpoint: Endpoint) -> None:
    """A message has a role and a content."""
    endpoint.refuse(_message(endpoint, role=...))
    endpoint.refuse(_message(endpoint, content=...))


@pytest.mark.clause("NEG-05")
@given(role=st.text("abcdefgrstuvxyz-", min_size=1, max_size=9))
@example(role="robot")
@example(role="User")
@example(role="")
def test_unknown_role__is_refused(endpoint: Endpoint, role: str) -> None:
    """Only documented roles, and those that OpenAI's own format adds, which are not tried."""
    assume(role not in ("system", "user", "assistant", "tool", "function", "developer"))
    endpoint.refuse(_message(endpoint, role=role))


@pytest.mark.clause("NEG-06")
@given(content=st.integers() | st.booleans() | st.dictionaries(st.text("ab", max_size=2), st.integers(), max_size=2))
@example(content=42)
@example(content={"text": "hello"})
def test_content_of_another_type__is_refused(endpoint: Endpoint, content: Any) -> None:
    """Content is a string or a list of parts; null is not tried, since OpenAI's format has it beside tool calls."""
    endpoint.refuse(_message(endpoint, content=content))


@pytest.mark.clause("NEG-07")
@given(data=st.data())
def test_temperature_out_of_bounds__is_refused(endpoint: Endpoint, data: st.DataObject) -> None:
    """Below the minimum, above the maximum, of another type."""
    _refuses(endpoint, data, "temperature")


@pytest.mark.clause("NEG-08")
@given(data=st.data())
def test_top_p_out_of_bounds__is_refused(endpoint: Endpoint, data: st.DataObject) -> None:
    """Below the minimum, above the maximum, of another type."""
    _refuses(endpoint, data, "top_p")


@pytest.mark.clause("NEG-09")
@given(data=st.data())
def test_penalty_out_of_bounds__is_refused(endpoint: Endpoint, data: st.DataObject) -> None:
    """Below the minimum, above the maximum, of another type; both penalties."""
    _refuses(endpoint, data, "frequency_penalty", "presence_penalty")


@pytest.mark.clause("NEG-10")
@given(data=st.data())
def test_max_tokens_out_of_bounds__is_refused(endpoint: Endpoint, data: st.DataObject) -> None:
    """Below the minimum, a fraction, of another type."""
    _refuses(endpoint, data, "max_tokens")


@pytest.mark.clause("NEG-11")
@given(data=st.data())
def test_stream_of_another_type__is_refused(endpoint: Endpoint, data: st.DataObject) -> None:
    """A boolean is true or false."""
    _refuses(endpoint, data, "stream")


@pytest.mark.clause("NEG-12")
@given(data=st.data())
def test_stop_or_seed_of_another_type__is_refused(endpoint: Endpoint, data: st.DataObject) -> None:
    """Stop is text, seed is an integer."""
    _refuses(endpoint, data, "stop", "seed")


@pytest.mark.clause("NEG-13")
def test_unknown_model__is_refused(endpoint: Endpoint) -> None:
    """The documented status, or another 4xx that says so."""
    exchange = endpoint.ask(endpoint.body(model=_UNKNOWN_MODEL))
    endpoint.settle(exchange, fault_is_answer=True)
    if exchange.status == 410:
        return
    endpoint.expect_condition("unknown-model", exchange)


@pytest.mark.clause("NEG-15")
def test_same_refusal_twice__is_the_same(endpoint: Endpoint) -> None:
    """Status and the keys of the body repeat."""
    first, second = (endpoint.ask(_message(endpoint, role=...)) for _ in range(2))
    if first.status == 200:
        raise Unsupported(f"no refusal to repeat: {first.summary}", exchange=first)
    require(_form(first) == _form(second), expected=f"{_form(first)}", got=f"{_form(second)}", exchange=second)


@pytest.mark.clause("NEG-16")
@given(value=strategies.json_values())
@example(value=[])
@example(value="hello")
@example(value={"messages": {"role": 1}})
@example(value={"messages": [{"content": "hello"}]})
@example(value={"messages": [{"role": "user", "content": 7}]})
@example(value={"messages": [{"role": "user", "content": "hello"}], "max_tokens": "many", "stop": {}})
@example(value={"messages": [[[[[[]]]]]]})
def test_malformed_request__never_makes_it_fail(endpoint: Endpoint, value: Any) -> None:
    """Whatever JSON is sent, the answer is not a 5xx."""
    assume(not endpoint.operation.request.is_valid(value))
    exchange = endpoint.ask(value)
    if exchange.status in (502, 503, 504):
        raise Inconclusive(exchange.summary, exchange=exchange)
    if (exchange.status or 0) >= 500:
        raise Violation(f"{exchange.summary} for {value!r}", expected="no 5xx", exchange=exchange)


@pytest.mark.clause("NEG-17")
def test_refusal__names_the_field(endpoint: Endpoint) -> None:
    """The last part of the field's path stands somewhere in the body."""
    probes = {"role": _message(endpoint, role="robot"), "messages": endpoint.body(messages=7)}
    if "temperature" in endpoint.operation.request.properties:
        probes["temperature"] = endpoint.body(temperature="hot")
    refusals = {name: endpoint.ask(body) for name, body in probes.items()}
    for exchange in refusals.values():
        endpoint.settle(exchange, fault_is_answer=True)
    judged = {name: each for name, each in refusals.items() if 400 <= (each.status or 0) < 500 and each.body}
    if not judged:
        raise Unsupported("no refusal with a body to look at")
    for name, exchange in judged.items():
        require(name.encode() in exchange.body, expected=f"{name} in the body", got=exchange.summary, exchange=exchange)


def _form(exchange: Exchange) -> tuple[int | None, list[str]]:
    body = exchange.json
    return exchange.status, sorted(body) if isinstance(body, dict) else []
