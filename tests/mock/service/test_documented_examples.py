"""The documents' own examples, as printed but for the host and the key."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from mixtral_contract.contract.openapi import Contract

PRINTED_ANSWER: dict[str, Any] = {
    "id": "chat_abc123",
    "object": "chat.completion",
    "created": 1677652288,
    "model": "mixtral-8x7b-instruct",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "I can see a beautiful sunset over the ocean with vibrant orange and pink hues in the sky.",
            },
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 56, "completion_tokens": 31, "total_tokens": 87},
}


def _form(value: Any) -> Any:
    """The keys and types of a JSON value."""
    if isinstance(value, dict):
        return {name: _form(item) for name, item in value.items()}
    return [_form(item) for item in value] if isinstance(value, list) else type(value)


def test_segmind_8x22b_example__is_answered(server: str) -> None:
    """The object goes as JSON and the key in x-api-key, as axios sends them."""
    api_key = "mock-valid"
    url = f"{server}/v1/mixtral-8x22b-instruct"
    data = (
        '{"messages":[{"role":"user","content":"tell me a joke on cats"},'
        '{"role":"assistant","content":"here is a joke about cats..."},'
        '{"role":"user","content":"now a joke on dogs"}]}'
    )
    headers = {"x-api-key": api_key, "Accept": "application/json, text/plain, */*", "Content-Type": "application/json"}
    response = requests.post(url, data=data, headers=headers, timeout=20)
    assert response.status_code == 200
    assert float(response.headers["x-remaining-credits"]) > 0
    assert "dogs" in response.json()["choices"][0]["message"]["content"]


def test_segmind_8x7b_example__is_answered_as_printed(server: str) -> None:
    """The answer has exactly the printed keys and types, and the printed number of prompt tokens."""
    url = f"{server}/v1/mixtral-8x22b-instruct"

    headers = {
        "Authorization": "Bearer mock-valid",
        "Content-Type": "application/json",
    }

    data: Any = {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What's in this image?"},
                    {"type": "image_url", "image_url": {"url": "https://example.com/image.jpg"}},
                ],
            }
        ]
    }

    response = requests.post(url, json=data, headers=headers, timeout=20)
    answer = response.json()
    assert _form(answer) == _form(PRINTED_ANSWER)
    assert answer["usage"]["prompt_tokens"] == 56
    assert answer["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("dialect", ["segmind", "segmind-openai", "nvidia"])
def test_examples_of_the_contract__are_answered(server: str, contract: Contract, dialect: str) -> None:
    """Each with its key in the first documented header, streams among them."""
    operation = contract.operations[dialect]
    credential = operation.credentials[0]
    for body in operation.examples.values():
        headers = {credential.header: credential.value("mock-valid")}
        response = requests.post(f"{server}{operation.path}", json=body, headers=headers, timeout=20)
        assert response.status_code == 200
        if body.get("stream"):
            assert response.content.endswith(b"data: [DONE]\n\n")
        else:
            assert json.loads(response.content)["object"] == "chat.completion"
