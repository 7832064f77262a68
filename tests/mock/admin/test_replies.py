"""Scripted replies that are added over HTTP, and bodies in the journal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from mixtral_contract.mock.testing.mocks import MixtralServer

JOURNAL = "/_mock/journal?bodies=yes&tokens=no"


@pytest.fixture
def mock() -> Iterator[httpx.Client]:
    """A client of a mock of one's own."""
    with (
        MixtralServer(allow_unmatched=True, allow_unused=True) as server,
        httpx.Client(base_url=server.url, headers={"Authorization": "Bearer mock-valid"}) as client,
    ):
        yield client


def _ask(mock: httpx.Client, text: str = "hello", headers: Any = None, **fields: Any) -> Any:
    body = {"messages": [{"role": "user", "content": text}], **fields}
    return mock.post("/v1/chat/completions", json=body, headers=headers)


def _text(answer: httpx.Response) -> Any:
    return answer.raise_for_status().json()["choices"][0]["message"]["content"]


def test_replies__are_added_and_removed(mock: httpx.Client) -> None:
    """What is added speaks, one reply per call; then the mock makes up its own again."""
    added = mock.post("/_mock/replies", json={"says": ["One.", {"text": "Two.", "finish_reason": "length"}]})
    assert (added.status_code, added.json()) == (201, {"added": ["reply 1"]})
    assert [_text(_ask(mock)) for _ in range(3)] == ["One.", "Two.", "Two."]
    listed = mock.get("/_mock/replies").json()["replies"]
    assert listed == [{"name": "reply 1", "said": 3, "from": "here"}]
    assert mock.delete("/_mock/replies").json() == {"replies": []}
    assert _text(_ask(mock)) != "Two."
    mock.post("/_mock/replies", json={"says": "Three."})
    assert mock.post("/_mock/reset?what=all").status_code == 200
    assert mock.get("/_mock/replies").json() == {"replies": []}


def test_replies__are_added_together(mock: httpx.Client) -> None:
    """Asked in their order, as those of a file; one with a name that is there takes its place."""
    nodes: list[dict[str, Any]] = [
        {"when": {"prompt": {"contains": "weather"}}, "says": "Sunny.", "name": "weather"},
        {"says": "Else."},
    ]
    assert mock.post("/_mock/replies", json=nodes).json() == {"added": ["weather", "reply 2"]}
    assert [_text(_ask(mock, text)) for text in ("the weather", "the time")] == ["Sunny.", "Else."]
    mock.post("/_mock/replies", json={**nodes[0], "says": "Rain."})
    assert _text(_ask(mock, "the weather")) == "Rain."
    assert len(mock.get("/_mock/replies").json()["replies"]) == 2


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"says": {"tool_cals": []}}, "body.says: Additional properties are not allowed ('tool_cals' was unexpected)"),
        ([{"says": "a"}, {"says": ["a", 3]}], "body.1.says.1: expected a text, a list of parts or an object, got 3"),
        ({}, "body: expected either says or turns, got neither"),
        ({"says": "a", "when": {"dialect": "nvida"}}, "body.when.dialect: expected one of "),
        ({"says": "a", "when": {"prompt": {"matches": "("}}}, "body.when.prompt.matches: "),
        ("Sunny.", 'body: "Sunny." is not of type "object"'),
    ],
)
def test_wrong_reply__is_refused_and_nothing_is_added(mock: httpx.Client, body: Any, message: str) -> None:
    """Where it is, and what was expected there."""
    refused = mock.post("/_mock/replies", json=body)
    assert refused.status_code == 400
    assert refused.json()["error"]["fields"]["replies"].startswith(message)
    assert mock.get("/_mock/replies").json() == {"replies": []}


def test_header__says_the_reply_of_its_request(mock: httpx.Client) -> None:
    """A text, or a reply as JSON; what is no reply is refused, and the next request gets the mock's own."""
    assert _text(_ask(mock, headers={"X-Mock-Reply": "Sunny."})) == "Sunny."
    assert _text(_ask(mock, headers=[(b"x-mock-reply", "Grüße".encode())])) == "Grüße"
    asked = _ask(mock, headers={"X-Mock-Reply": '{"tool_calls": [{"name": "f", "arguments": {"x": "\\u00e9"}}]}'})
    (call,) = asked.json()["choices"][0]["message"]["tool_calls"]
    assert call["function"] == {"name": "f", "arguments": '{"x":"é"}'}
    refused = _ask(mock, headers={"X-Mock-Reply": '{"text": 3}'})
    assert (refused.status_code, refused.json()["error"]["message"]) == (
        400,
        'x-mock-reply.text: 3 is not of type "string"',
    )
    assert "expected a reply as JSON" in _ask(mock, headers={"X-Mock-Reply": "{"}).text
    assert _text(_ask(mock)) != "Sunny."


def test_conversations__do_not_take_each_others_lines(mock: httpx.Client) -> None:
    """Each header's value is served from the first line on."""
    mock.post("/_mock/replies", json={"says": ["One.", "Two."]})
    order = ["a", "b", "a", "b", None]
    said = [_text(_ask(mock, headers={"X-Mock-Conversation": name} if name else None)) for name in order]
    assert said == ["One.", "One.", "Two.", "Two.", "One."]


def test_journal__has_bodies_when_they_are_kept(mock: httpx.Client) -> None:
    """What was asked and answered, whole and as a stream, without keys."""
    assert mock.get(JOURNAL).status_code == 400
    _ask(mock, "before")
    assert mock.patch("/_mock/state", json={"journal_bodies": True}).json()["journal"]["keeps_bodies"]
    mock.post("/_mock/replies", json={"says": "Your key is mock-valid."})
    _ask(mock, "my key is mock-valid")
    _ask(mock, stream=True)
    before, whole, stream = mock.get(JOURNAL).json()["requests"]
    assert (before["request_body"], before["answer"]) == (None, None)
    assert whole["request_body"]["messages"][0]["content"] == "my key is [key]"
    assert whole["answer"]["choices"][0]["message"]["content"] == "Your key is [key]."
    assert stream["answer"].endswith("data: [DONE]\n\n")
    assert "request_body" not in mock.get("/_mock/journal").json()["requests"][0]
    assert '"answer"' in mock.get("/_mock/journal.jsonl?bodies=yes").text
    assert mock.get("/_mock/journal?bodies=maybe").json()["error"]["fields"] == {
        "bodies": "expected yes or no, got 'maybe'"
    }


def test_kept_bodies__count_in_the_journals_memory(mock: httpx.Client) -> None:
    """They push out older entries as all else does."""
    mock.patch("/_mock/state", json={"journal_bodies": True})
    _ask(mock, "x" * 5000)
    assert mock.get("/_mock/state").json()["journal"]["bytes"] > 5000
