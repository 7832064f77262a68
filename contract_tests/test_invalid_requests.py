"""NEG: requests that must be refused as the client's fault, and never make the server fail."""

from __future__ import annotations

import json
import math
import re
from functools import partial
from typing import Any

import pytest
from hypothesis import assume, example, given

from mixtral_contract.suite.generation import strategies
from mixtral_contract.suite.http.exchange import Exchange
from mixtral_contract.suite.target.endpoint import Endpoint, speaks_of_choices
from mixtral_contract.suite.verdicts.verdict import NotRun, Tolerable, Unsupported, Violation, require

_UNKNOWN_MODEL = "no-such/model-anywhere"
_DEEP = 10_000
_HUGE = ("1e400", "-1e400", "9" * 40, "-" + "9" * 40, "1" + "0" * 5000, "0." + "0" * 400 + "1", "-0")


@pytest.mark.clause("NEG-01")
def test_missing_required_field__is_refused(endpoint: Endpoint) -> None:
    """Each required field of the contract is missed on its own.

    A server of one model may fill in its name; where no vendor's page is the measure that is a departure of style.
    """
    filled = None
    for name in endpoint.operation.request.required:
        exchange = endpoint.ask(endpoint.body(**{name: ...}))
        if name == "model" and endpoint.operation.is_for_any_server and speaks_of_choices(exchange):
            filled = exchange
        else:
            endpoint.refused(exchange, endpoint.body(**{name: ...}))
    if filled is not None:
        raise Tolerable(f"{filled.summary} without a model", expected="a 4xx", exchange=filled)


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


@pytest.mark.clause("NEG-15")
def test_same_refusal_twice__is_the_same(endpoint: Endpoint) -> None:
    """Status and the keys of the body repeat."""
    first, second = (endpoint.ask(endpoint.body(messages=[{"content": "hello"}])) for _ in range(2))
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
    if (exchange.status or 0) >= 500:
        raise Violation(f"{exchange.summary} for {value!r}", expected="no 5xx", exchange=exchange)


@pytest.mark.clause("NEG-23")
def test_huge_number__never_makes_it_fail(endpoint: Endpoint) -> None:
    """Beyond 64 bits, beyond a double, with thousands of digits; in a field that is known, or in one that is not."""
    if endpoint.target.paid:
        raise NotRun("a number that large may be taken for the length of an answer, which would be billed")
    names = strategies.number_fields(endpoint.operation.request) or ["no_document_names_this"]
    raws = [json.dumps(endpoint.body(**{name: 7})) for name in names[:2]]
    for raw in raws:
        for number in _HUGE:
            _survives(endpoint, re.sub(r'("\w+": )7(?=[,}])', rf"\g<1>{number}", raw).encode(), number[:20])


@pytest.mark.clause("NEG-27")
def test_word_for_a_number__is_refused(endpoint: Endpoint) -> None:
    """RFC 8259 section 6 permits neither NaN nor Infinity, and section 9 lets a parser take what is no JSON."""
    names = strategies.number_fields(endpoint.operation.request) or ["no_document_names_this"]
    for name in names[: 1 if endpoint.target.paid else None]:
        for word in (math.nan, math.inf, -math.inf):
            raw = json.dumps(endpoint.body(**{name: word})).encode()
            endpoint.refused(endpoint.once(f"{name} {word}", partial(endpoint.ask, raw=raw)), raw)


@pytest.mark.clause("NEG-24")
def test_deep_nesting__never_makes_it_fail(endpoint: Endpoint) -> None:
    """RFC 8259 section 9 allows a limit, which is no failure."""
    deep = b"[" * _DEEP + b"]" * _DEEP
    _survives(endpoint, deep, f"{_DEEP} brackets")
    _survives(endpoint, b'{"messages": ' + deep + b"}", f"{_DEEP} brackets")
    _survives(endpoint, b'{"a":' * _DEEP + b"1" + b"}" * _DEEP, f"{_DEEP} objects")


@pytest.mark.clause("NEG-17")
def test_refusal__names_the_field(endpoint: Endpoint) -> None:
    """The last part of the field's path stands somewhere in the body."""
    probes = {
        "role": endpoint.body(messages=[{"role": "robot", "content": "hello"}]),
        "messages": endpoint.body(messages=7),
    }
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


def _survives(endpoint: Endpoint, raw: bytes, shown: str) -> None:
    """Whatever the answer, it is none of a server that failed."""
    exchange = endpoint.ask(raw=raw)
    if (exchange.status or 0) >= 500:
        raise Violation(f"{exchange.summary} for {shown}", expected="no 5xx", exchange=exchange)


def _form(exchange: Exchange) -> tuple[int | None, list[str]]:
    body = exchange.json
    return exchange.status, sorted(body) if isinstance(body, dict) else []
