"""Events that are not parsed say what they would say if they were."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.load.reading import completion
from mixtral_contract.load.reading.completion import Completion, read_completion
from mixtral_contract.load.reading.event_template import event_template_of
from tests.support.load_records import exchange
from tests.support.scripted_stream_server import DONE, event, usage

ROLE, STOP = event({"role": "assistant", "content": ""}), event(finish="stop")
PIECES = st.sampled_from(
    [
        event({"content": "a"}),
        event({"content": " b é"}),
        event({"content": 'quote " and \\ '}),
        event({"content": ""}),
        event({"content": "a", "role": "assistant"}),
        event({"content": "a"}, finish="stop"),
        event({"content": "a"}, usage=usage(3)),
        event({"reasoning": "a"}),
        event({"content": "a"}) + event({"content": "b"}),
        event({"content": "a"})[:-1],
        b"\n",
        b": ping\n\n",
        b"event: x\n",
        event({"content": "a"}).replace(b"\n", b"\r\n"),
        event({"content": "a"}).replace(b'"created": 1', b'"created": 2'),
        event({"content": "a"}).replace(b': "', b':"'),
        event({"content": "b"}).replace(b': "', b':"'),
        event({"content": "a\tb"}).replace(b': "', b':"').replace(b"\\t", b"\t"),
        event({"content": "b"}, finish="stop").replace(b': "', b':"'),
        b"data: {\n\n",
        STOP,
        DONE,
    ]
)


def parsed(pieces: list[bytes]) -> Completion:
    """The completion, with every event parsed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(completion, "event_template_of", lambda *_: None)
        return read_completion(exchange(*pieces), streamed=True)


@given(st.lists(PIECES, max_size=12))
def test_reading__is_the_same_with_and_without_shapes(pieces: list[bytes]) -> None:
    """Outcome, content by arrival, usage, and what was broken."""
    pieces = [ROLE, *pieces, STOP, DONE]
    found, expected = read_completion(exchange(*pieces), streamed=True), parsed(pieces)
    assert found == expected
    assert found.broken == expected.broken


@pytest.mark.parametrize("between", [STOP, DONE, event({"content": "a"})[:-1], b"event: x\n", event(usage=usage(1))])
def test_content_after_something_else__is_judged_anew(between: bytes) -> None:
    """Though it looks as it did before: after an end it is wrong, and after half an event it is no event."""
    pieces = [ROLE, *[event({"content": "a"})] * 3, between, *[event({"content": "a"})] * 3, STOP, DONE]
    found, expected = read_completion(exchange(*pieces), streamed=True), parsed(pieces)
    assert found == expected
    assert found.broken == expected.broken != set()


def compact(**changes: Any) -> tuple[bytes, dict[str, Any]]:
    """An event as servers write it, and its chunk."""
    chunk = {"id": "c", "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}], **changes}
    return b"data: " + json.dumps(chunk, separators=(",", ":"), ensure_ascii=False).encode() + b"\n\n", chunk


@pytest.mark.parametrize(("text", "fits"), [("b", True), (" b é", True), ("", False), ('\\"', False), ("a\nb", False)])
def test_shape__fits_another_text(text: str, *, fits: bool) -> None:
    """Any that needs no escape; an empty one is no token."""
    received, chunk = compact()
    shape = event_template_of(received, chunk)
    assert shape is not None
    found = shape.text_in(received.replace(b'"a"', f'"{text}"'.encode()))
    assert found == (text.encode() if fits else None)
    assert shape.text_in(received.replace(b'"c"', b'"d"')) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"usage": usage(3)},
        {"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]},
        {"choices": [{"delta": {"role": "assistant", "content": "a"}}]},
        {"choices": [{"delta": {"content": "a"}}, {"delta": {"content": "a"}}]},
        {"choices": [{"delta": {"tool_calls": [{"content": "a"}]}}]},
    ],
)
def test_shape__is_that_of_mere_content(changes: dict[str, Any]) -> None:
    """Whatever says more is parsed each time."""
    assert event_template_of(*compact(**changes)) is None
