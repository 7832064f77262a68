from __future__ import annotations

import pytest

from mixtral_contract.suite.http.exchange import Exchange, Request, is_completion

POST = Request("POST", "http://127.0.0.1:1/v1/chat/completions", body=b"{}")


@pytest.mark.parametrize(
    ("status", "body", "whole"),
    [
        (200, b'{"choices": []}', True),
        (400, b'{"choices": []}', False),
        (200, b'{"error": "x"}', False),
        (200, b"", False),
    ],
)
def test_completion__is_told_from_an_error_behind_a_200(
    status: int,
    body: bytes,
    whole: bool,  # noqa: FBT001  a case's outcome
) -> None:
    """What is proven by an answer is proven by a completion."""
    assert is_completion(Exchange(POST, status, received=((1, body),))) is whole
