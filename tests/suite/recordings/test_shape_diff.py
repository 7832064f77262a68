from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.suite.http.exchange import Exchange, Request
from mixtral_contract.suite.recordings.shape_diff import differences

ASKED = Request("POST", "http://h/v1/chat/completions")
CHOICE = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
WHOLE: dict[str, Any] = {"id": "1", "object": "chat.completion", "choices": [CHOICE], "usage": {"total_tokens": 3}}


def _answer(body: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Exchange:
    said = (("Content-Type", "application/json"), *headers)
    return Exchange(ASKED, status, said, ((1, json.dumps(body).encode()),))


def _stream(*events: Any, end: str = "data: [DONE]\n\n") -> Exchange:
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + end
    return Exchange(ASKED, 200, (("Content-Type", "text/event-stream"),), ((1, body.encode()),))


def _chunk(finish: str | None = None, /, **delta: Any) -> dict[str, Any]:
    return {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


@pytest.mark.parametrize(
    ("change", "moved"),
    [
        ({}, []),
        ({"id": "another", "usage": {"total_tokens": 999}}, []),
        ({"choices": [{**CHOICE, "message": {"role": "assistant", "content": "other words"}}, CHOICE]}, []),
        ({"id": 7}, ["id: was string, is integer"]),
        ({"object": "completion"}, ['object: was "chat.completion", is "completion"']),
        ({"created": 1}, ["created: new (integer)"]),
        ({"usage": {"total_tokens": 3, "details": {"cached": 0}}}, ["usage.details: new (object)"]),
        ({"usage": None}, ["usage: was object, is null"]),
        ({"usage": {}}, ["usage.total_tokens: gone (was integer)"]),
        ({"choices": []}, ["choices[]: was object, is empty"]),
        ({"choices": [{**CHOICE, "finish_reason": None}]}, ["choices[].finish_reason: was string, is null"]),
        ({"usage": {"total_tokens": 3.5}}, ["usage.total_tokens: was integer, is number"]),
    ],
)
def test_whole_answer__moves_by_keys_and_types(change: dict[str, Any], moved: list[str]) -> None:
    """Texts, numbers and how many there are of a kind are no shape."""
    assert differences(_answer(WHOLE), _answer({**WHOLE, **change})) == moved


def test_whole_number__stands_for_any_number() -> None:
    """A probability that happens to be one is written without a fraction; the other way round it is news."""
    assert differences(_answer({"p": 0.5}), _answer({"p": 1})) == []
    assert differences(_answer([0.5, 1]), _answer([0.5])) == []
    assert differences(_answer([1]), _answer([0.5, 1])) == ["[]: was integer, is integer or number"]


def test_key_that_is_gone__is_named_with_what_it_was() -> None:
    """At its place in the JSON."""
    after = {name: value for name, value in WHOLE.items() if name != "choices"}
    assert differences(_answer(WHOLE), _answer(after)) == ["choices: gone (was array)"]


def test_status__moves_alone() -> None:
    """What else differs between a completion and a refusal says nothing."""
    assert differences(_answer(WHOLE), _answer({"error": "no"}, 404)) == ['status: was 200, is 404 {"error": "no"}']


def test_header__is_new_or_gone_and_its_value_is_no_shape() -> None:
    """In any case of letters; what belongs to one connection is not looked at."""
    before = _answer(WHOLE, headers=(("X-A", "1"), ("x-b", "1"), ("Connection", "close")))
    after = _answer(WHOLE, headers=(("x-a", "2"), ("X-C", "1"), ("Transfer-Encoding", "chunked")))
    assert differences(before, after) == ["header x-b: gone", "header x-c: new"]


def test_error_envelope__moves_by_its_keys() -> None:
    """A refusal has a shape too."""
    before, after = _answer({"error": {"message": "a"}}, 400), _answer({"error": "a"}, 400)
    assert differences(before, after) == ["error: was object, is string"]


def test_stream__moves_by_the_order_of_its_kinds_of_events() -> None:
    """However many deltas there are of a kind."""
    role, text, end = _chunk(role="assistant", content=""), _chunk(content="a"), _chunk("stop")
    usage = {"object": "chat.completion.chunk", "choices": [], "usage": {"total_tokens": 1}}
    before = _stream(role, text, end, usage)
    assert differences(before, _stream(role, text, text, _chunk(content=""), text, end, usage)) == []
    was = "events: was role, content, finish, usage, [DONE], is "
    assert differences(before, _stream(role, text, end)) == [f"{was}role, content, finish, [DONE]"]
    assert differences(before, _stream(text, end, usage, end="")) == [f"{was}content, finish, usage"]
    assert differences(before, _stream({"error": "x"})) == [f"{was}error, [DONE]"]


def test_chunk__moves_by_the_keys_of_its_kind() -> None:
    """A key of the last chunk is none of the others."""
    before = _stream(_chunk(content="a"), _chunk("stop"))
    after = _stream({**_chunk(content="a"), "provider": "x"}, _chunk("stop"))
    assert differences(before, after) == ["content event: provider: new (string)"]


def test_framing_of_events__moves() -> None:
    """Line ends and fields: some readers depend on them."""
    before, crlf = _stream(_chunk(content="a")), _stream(_chunk(content="a"))
    body = before.body.replace(b"\n", b"\r\n").replace(b"data: [DONE]", b"event: end\r\ndata: [DONE]")
    after = Exchange(ASKED, 200, crlf.headers, ((1, body),))
    assert differences(before, after) == [r"line ends: was '\n', is '\r\n'", "event fields: was data, is data, event"]


def test_media_type_and_ending__move() -> None:
    """A stream that became a whole answer, and one that is cut off."""
    whole, streamed = _answer(WHOLE), _stream(_chunk(content="a"))
    assert differences(streamed, whole) == ["content-type: was text/event-stream, is application/json"]
    cut = Exchange(ASKED, 200, streamed.headers, streamed.received, ending="truncated")
    assert differences(streamed, cut) == ["ending: was complete, is truncated"]


@given(
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_same_answer__never_moves(body: Any) -> None:
    """Whatever it is, whole or as an event."""
    assert differences(_answer(body), _answer(body)) == []
    assert differences(_stream(body), _stream(body)) == []
