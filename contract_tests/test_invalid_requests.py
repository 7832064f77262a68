"""NEG: what must be refused, as the client's fault."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from mixtral_contract.contract.schema import Schema
from mixtral_contract.suite.generation import strategies
from mixtral_contract.suite.http.exchange import Exchange
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.verdicts.verdict import Inconclusive, NotRun, Tolerable, Unsupported, Violation, require

_UNKNOWN_MODEL = "no-such/model-anywhere"
_DEEP = 10_000
_HUGE = ("1e400", "-1e400", "9" * 40, "-" + "9" * 40, "1" + "0" * 5000, "0." + "0" * 400 + "1", "-0")

Values = Callable[[Schema], st.SearchStrategy[Any]]


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


def _numbers(endpoint: Endpoint) -> list[str]:
    """The fields that a document says are numbers; of those that it does not print a server need know nothing."""
    request = endpoint.operation.request
    printed = [name for name, raw in request.properties.items() if "x-source" in raw]
    return [name for name in printed if strategies.is_number(request.field(name))]


def _message(endpoint: Endpoint, **changes: Any) -> dict[str, Any]:
    message = {"role": "user", "content": "hello", **changes}
    return endpoint.body(messages=[{name: value for name, value in message.items() if value is not ...}])


def _refuses_message(endpoint: Endpoint, **changes: Any) -> None:
    """Alone, and first and last in a conversation."""
    body = _message(endpoint, **changes)
    user, assistant = ({"role": role, "content": "hello"} for role in ("user", "assistant"))
    for before, after in (([], []), ([], [assistant, user]), ([user, assistant], [])):
        endpoint.refuse({**body, "messages": [*before, *body["messages"], *after]})


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
    _refuses_message(endpoint, role=...)
    _refuses_message(endpoint, content=...)


@pytest.mark.clause("NEG-05")
@given(role=st.text("abcdefgrstuvxyz-", min_size=1, max_size=9))
@example(role="robot")
@example(role="User")
@example(role="user ")
@example(role="bot")
@example(role="human")
@example(role="model")
@example(role="")
def test_unknown_role__is_refused(endpoint: Endpoint, role: str) -> None:
    """Only documented roles, and those that OpenAI's own format adds, which are not tried."""
    assume(role not in ("system", "user", "assistant", "tool", "function", "developer"))
    _refuses_message(endpoint, role=role)


@pytest.mark.clause("NEG-06")
@given(content=st.integers() | st.booleans() | st.dictionaries(st.text("ab", max_size=2), st.integers(), max_size=2))
@example(content=42)
@example(content={"text": "hello"})
def test_content_of_another_type__is_refused(endpoint: Endpoint, content: Any) -> None:
    """Content is a string or a list of parts; null is not tried, since OpenAI's format has it beside tool calls."""
    _refuses_message(endpoint, content=content)


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


@pytest.mark.clause("NEG-13")
def test_unknown_model__is_refused(endpoint: Endpoint) -> None:
    """The documented status, also for a name that begins like a known one.

    No document of this dialect prints the status, so that another 4xx is a departure of style.
    """
    exchanges = [endpoint.ask(endpoint.body(model=name)) for name in (_UNKNOWN_MODEL, f"{endpoint.body()['model']}-x")]
    for exchange in exchanges:
        endpoint.settle(exchange, fault_is_answer=True)
        if exchange.status not in (400, 410, 422):
            endpoint.expect_condition("unknown-model", exchange)
    for exchange in exchanges:
        if exchange.status in (400, 422):
            raise Tolerable(exchange.summary, expected="404", exchange=exchange)


@pytest.mark.clause("NEG-26")
def test_model_of_another_type__is_refused(endpoint: Endpoint) -> None:
    """A name is text; null is not tried, which many servers take for none."""
    others: tuple[Any, ...] = (7, True, ["x"], {})
    for model in others:
        endpoint.refuse(endpoint.body(model=model))


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


@pytest.mark.clause("NEG-18")
@given(data=st.data())
def test_number_of_another_type__is_refused(endpoint: Endpoint, data: st.DataObject) -> None:
    """Text with digits is text: a server that reads it as a number hides the caller's fault."""
    for name in _numbers(endpoint):
        _refuses(endpoint, data, strategies.no_number, name)


@pytest.mark.clause("NEG-19")
def test_boolean__is_no_number(endpoint: Endpoint) -> None:
    """True is not 1 in JSON."""
    for name in _numbers(endpoint):
        endpoint.refuse(endpoint.body(**{name: True}))


@pytest.mark.clause("NEG-20")
@given(value=st.sampled_from(["hello", 7, None, [], True, [{"role": "user", "content": "hello"}]]))
@example(value="hello")
def test_message_that_is_no_object__is_refused(endpoint: Endpoint, value: Any) -> None:
    """Alone, after a good message, and before one."""
    good = {"role": "user", "content": "hello"}
    for messages in ([value], [good, value], [value, good]):
        endpoint.refuse(endpoint.body(messages=messages))


@pytest.mark.clause("NEG-21")
def test_part_that_says_nothing__is_refused(endpoint: Endpoint) -> None:
    """A part has a known type, and what goes with it; no part at all says nothing either."""
    for part in ({"type": "smell", "smell": "tea"}, {"type": "text"}, {"text": "hello"}, "hello", {}):
        endpoint.refuse(_message(endpoint, content=[part]))
    endpoint.refuse(_message(endpoint, content=[]))


@pytest.mark.clause("NEG-22")
def test_image_that_is_no_url__is_refused(endpoint: Endpoint) -> None:
    """Neither an address nor a data URI."""
    for url in ("no address at all", "", 7, None):
        part = {"type": "image_url", "image_url": {"url": url}}
        endpoint.refuse(_message(endpoint, content=[{"type": "text", "text": "What is it?"}, part]))


@pytest.mark.clause("NEG-23")
def test_huge_number__never_makes_it_fail(endpoint: Endpoint) -> None:
    """Beyond 64 bits, beyond a double, with thousands of digits; in a field that is known, or in one that is not."""
    if endpoint.target.paid:
        raise NotRun("a number that large may be taken for the length of an answer, which would be billed")
    names = _numbers(endpoint) or ["no_document_names_this"]
    raws = [json.dumps(endpoint.body(**{name: 7})) for name in names[:2]]
    for raw in raws:
        for number in _HUGE:
            _survives(endpoint, re.sub(r'("\w+": )7(?=[,}])', rf"\g<1>{number}", raw).encode(), number[:20])


@pytest.mark.clause("NEG-24")
def test_deep_nesting__never_makes_it_fail(endpoint: Endpoint) -> None:
    """RFC 8259 section 9 allows a limit, which is no failure."""
    deep = b"[" * _DEEP + b"]" * _DEEP
    _survives(endpoint, deep, f"{_DEEP} brackets")
    _survives(endpoint, b'{"messages": ' + deep + b"}", f"{_DEEP} brackets")
    _survives(endpoint, b'{"a":' * _DEEP + b"1" + b"}" * _DEEP, f"{_DEEP} objects")


@pytest.mark.clause("NEG-25")
def test_null_content__is_refused(endpoint: Endpoint) -> None:
    """Null stands beside calls, which users make none of."""
    endpoint.refuse(_message(endpoint, content=None))


def _survives(endpoint: Endpoint, raw: bytes, shown: str) -> None:
    """Whatever the answer, it is none of a server that failed."""
    exchange = endpoint.ask(raw=raw)
    if exchange.status in (502, 503, 504):
        raise Inconclusive(exchange.summary, exchange=exchange)
    if (exchange.status or 0) >= 500:
        raise Violation(f"{exchange.summary} for {shown}", expected="no 5xx", exchange=exchange)


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
