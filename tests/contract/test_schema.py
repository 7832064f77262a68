from __future__ import annotations

from typing import Any

import pytest

from mixtral_contract.contract.openapi import Contract


def _body(**changes: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "hello"}], **changes}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "messages"),
        ({"messages": 7}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [{"content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": "x"}, {"role": "robot", "content": "x"}]}, "messages.1.role"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages.0.content"),
        (_body(temperature=1.01), "temperature"),
        (_body(max_tokens=0), "max_tokens"),
        (_body(stop=[1]), "stop.0"),
        ([], "body"),
    ],
)
def test_violation__names_the_field(body: Any, field: str) -> None:
    """A dotted path from the root of the body."""
    violations = list(Contract.load().operations["nvidia"].request.violations(body))
    assert violations[0].field == field
    assert violations[0].message


@pytest.mark.parametrize(
    "body",
    [
        _body(),
        _body(temperature=0, top_p=1, frequency_penalty=-2, presence_penalty=2, max_tokens=1, seed=-5),
        _body(temperature=None, stop=None, stream=None, max_tokens=5.0),
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]},
        {
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]}
            ]
        },
    ],
)
def test_documented_body__has_no_violation(body: Any) -> None:
    """Bounds are inclusive, null is an absent value, 5.0 is an integer."""
    assert list(Contract.load().operations["nvidia"].request.violations(body)) == []


def test_long_violation__is_cut() -> None:
    """A refusal does not echo a whole prompt."""
    body = {"messages": [{"role": "user", "content": {"text": "x" * 10_000}}]}
    (violation,) = Contract.load().operations["nvidia"].request.violations(body)
    assert len(violation.message) < 300


@pytest.mark.parametrize(
    ("content", "field", "said"),
    [
        (5, "messages.0.content", 'not of type "string" or 5 is not of type "array"'),
        ([{"type": "text"}], "messages.0.content.0", ""),
        ([{"type": "text", "text": 7}], "messages.0.content.0.text", 'not of type "string"'),
        (
            [{"type": "image_url", "image_url": {"url": "ftp://x"}}],
            "messages.0.content.0.image_url.url",
            "does not match",
        ),
        ([7], "messages.0.content.0", 'not of type "object"'),
    ],
)
def test_alternatives__tell_which_one_was_meant(content: Any, field: str, said: str) -> None:
    """A part is judged as the part that it resembles, not refused as none of several."""
    body = {"messages": [{"role": "user", "content": content}]}
    (violation, *_) = Contract.load().operations["nvidia"].request.violations(body)
    assert violation.field.startswith(field)
    assert said in violation.message
