from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.mock.completions.completion import Completion, frames, usage, whole
from mixtral_contract.primitives.sse import Decoder

PIECES = st.lists(st.text(min_size=1, max_size=8), max_size=6).map(tuple)


def _made(pieces: tuple[str, ...]) -> Completion:
    return Completion("chatcmpl-1", 1, "m", pieces, "stop", None, usage(5, len(pieces)))


def _read(made: Completion, *, include_usage: bool = False) -> list[str]:
    decoder = Decoder()
    events = decoder.feed(b"".join(frames(made, include_usage=include_usage)))
    assert not decoder.pending
    return [event.data for event in events]


@given(pieces=PIECES)
def test_stream__says_what_the_whole_answer_says(pieces: tuple[str, ...]) -> None:
    """A reader who shares no code with the writer gets role, one piece per event, the reason and the end."""
    made = _made(pieces)
    *chunks, done = _read(made)
    deltas = [orjson.loads(chunk)["choices"][0] for chunk in chunks]
    assert done == "[DONE]"
    assert deltas[0]["delta"] == {"role": "assistant", "content": ""}
    assert [choice["delta"]["content"] for choice in deltas[1:-1]] == list(pieces)
    assert deltas[-1] == {"index": 0, "delta": {}, "finish_reason": "stop"}
    assert all(choice["finish_reason"] is None for choice in deltas[:-1])
    assert "".join(pieces) == whole(made)["choices"][0]["message"]["content"]


@given(pieces=PIECES)
def test_frames__are_one_per_token(pieces: tuple[str, ...]) -> None:
    """The opening leaves with the first token and the end with the last; no token is one frame."""
    assert len(frames(_made(pieces), include_usage=False)) == max(1, len(pieces))


@pytest.mark.parametrize("include_usage", [True, False])
def test_usage__comes_last_and_only_when_asked_for(*, include_usage: bool) -> None:
    """In a chunk without choices; the chunks before it say null, or nothing."""
    chunks: list[dict[str, Any]] = list(map(orjson.loads, _read(_made(("a", "b")), include_usage=include_usage)[:-1]))
    if include_usage:
        assert (chunks[-1]["choices"], chunks[-1]["usage"]) == ([], usage(5, 2))
        assert all(chunk["usage"] is None for chunk in chunks[:-1])
    else:
        assert all("usage" not in chunk for chunk in chunks)


@pytest.mark.parametrize("include_usage", [True, False])
def test_events__keep_the_schema(contract: Contract, *, include_usage: bool) -> None:
    """Every event is what the contract says one event carries."""
    event = contract.operations["nvidia"].success.media_types["text/event-stream"]
    chunk = event.raw["properties"]["data"]["anyOf"][1]["contentSchema"]
    schema = type(event)(contract.document, chunk)
    for data in _read(_made(("a", "é", '"\n')), include_usage=include_usage):
        assert event.is_valid({"data": data})
        assert data == "[DONE]" or schema.is_valid(orjson.loads(data))
