"""What the service makes of a body: its fields, its media type, its length."""

from __future__ import annotations

from typing import Any

import pytest

from mixtral_contract.contract.openapi import Contract, Operation
from tests.mock.service.test_service import _answer
from tests.support.mock_requests import NOW_NS, message_of, request, service


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": "a"}, {"role": "robot", "content": "b"}]}, "messages.1.role"),
    ],
)
def test_malformed_field__is_named(contract: Contract, operation: Operation, body: Any, field: str) -> None:
    """By its dotted path, in the message and, where the envelope has one, as param."""
    reply = _answer(contract, request(operation, body))
    assert reply.status == 400
    assert message_of(reply).startswith(f"{field}: ")
    if isinstance(reply.content["error"], dict):
        assert reply.content["error"]["param"] == field


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b"[" * 500 + b"]" * 500,
        b'{"messages": NaN}',
        b'{"messages": [{"role": "user", "content": "\xff"}]}',
        b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
        b'{"messages": [{"role": "user", "content": "a", "content": "b"}]}',
        b'{"messages" : 1, "messages": [{"role": "user", "content": "a"}]}',
        b'{"seed": 123456789012345678901234567890, "messages": [{"role": "user", "content": "a"}]}',
        b'{"seed": ' + b"9" * 5000 + b', "messages": [{"role": "user", "content": "a"}]}',
        b"null",
        b"[]",
        b'"messages"',
        "\ufeff{}".encode(),
    ],
)
def test_unusable_body__is_refused_with_400(contract: Contract, body: bytes) -> None:
    """Whatever is sent, the client is told; the server never fails."""
    assert _answer(contract, request(contract.operations["nvidia"], body)).status == 400


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("Application/JSON; charset=utf-8", 200),
        ("application/json ;charset=utf-8", 200),
        ("text/plain", 400),
        ("application/x-www-form-urlencoded", 400),
        ("", 400),
    ],
)
def test_content_type__must_be_json(contract: Contract, operation: Operation, content_type: str, status: int) -> None:
    """Case and parameters do not matter."""
    assert _answer(contract, request(operation, fields={"content-type": content_type})).status == status


@pytest.mark.parametrize(("coding", "status"), [("gzip", 400), ("Identity", 200), ("br, gzip", 400)])
def test_coded_body__is_refused_as_such(contract: Contract, operation: Operation, coding: str, status: int) -> None:
    """Not as one that is no JSON, and also where the same bytes were read before."""
    asked = service(contract)
    assert asked.answer(request(operation), NOW_NS).status == 200
    answer = asked.answer(request(operation, fields={"content-encoding": coding}), NOW_NS)
    assert answer.status == status
    assert (f"content-encoding: expected none, got {coding}" in str(answer.content)) == (status == 400)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"temperature": 1}, 200),
        ({"temperature": 1.01}, 400),
        ({"temperature": None, "max_tokens": None, "stop": None, "stream": None, "seed": None}, 200),
        ({"max_tokens": 5.0}, 200),
        ({"max_tokens": 5.5}, 400),
        ({"max_tokens": 0}, 400),
        ({"stream": "yes"}, 400),
        ({"stop": ["a", "b"]}, 200),
        ({"stop": 1}, 400),
        ({"user": "me", "logit_bias": {"1": 2}}, 200),
        ({"model": "mixtral"}, 404),
        ({"model": ""}, 404),
        ({"model": None}, 400),
    ],
)
def test_field__is_judged_by_the_contract(contract: Contract, fields: dict[str, Any], status: int) -> None:
    """Bounds, types, null for a default, unknown fields ignored."""
    operation = contract.operations["nvidia"]
    assert _answer(contract, request(operation, {**operation.minimal_request, **fields})).status == status


@pytest.mark.parametrize("dialect", ["segmind", "segmind-openai"])
def test_field_of_another_dialect__is_ignored(contract: Contract, dialect: str) -> None:
    """No document of Segmind's names a model, a stream or a temperature."""
    operation = contract.operations[dialect]
    body = {**operation.minimal_request, "stream": True, "model": "another", "temperature": 99}
    reply = _answer(contract, request(operation, body))
    assert reply.status == 200
    assert reply.frames is None


def test_prompt_beyond_the_window__is_refused(contract: Contract) -> None:
    """64K tokens are documented; this prompt has more."""
    operation = contract.operations["nvidia"]
    reply = _answer(contract, request(operation, {"messages": [{"role": "user", "content": "cat " * 66_000}]}))
    assert reply.status == 400
    assert reply.content["error"]["code"] == "context_length_exceeded"


def test_undocumented_window__refuses_nothing(contract: Contract) -> None:
    """No document states one for 8x7b."""
    operation = contract.operations["segmind-openai"]
    assert (
        _answer(contract, request(operation, {"messages": [{"role": "user", "content": "cat " * 66_000}]})).status
        == 200
    )
