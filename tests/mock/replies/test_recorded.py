"""A recorded answer, read as a reply, is answered again as it was."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixtral_contract.cassettes.exchange import CUT, Answer, Piece
from mixtral_contract.contract.openapi import Contract
from mixtral_contract.mock.messages.messages import Reply
from mixtral_contract.mock.replies.reader import read
from mixtral_contract.mock.replies.recorded import reply_of
from tests.mock.replies.test_answering import CALLED, TEXTS
from tests.support.scripted_answers import answered

MS_NS = 1_000_000
STREAM = (("Content-Type", "text/event-stream"),)
RETRY = (("Retry-After", "3"),)
PARTS = st.lists(
    st.one_of(
        TEXTS,
        st.builds(lambda text: {"reasoning_content": text}, TEXTS),
        st.builds(lambda call: {"tool_call": call}, CALLED),
        st.just({"comment": "keep-alive"}),
        st.just({"raw": "id: 1\n\n"}),
    ),
    min_size=1,
    max_size=6,
)
ENDS = st.sampled_from(
    [[], [{"error": {"message": "no", "code": 503}}], [{"error": {"message": "no", "envelope": "bare"}}]]
)
REPLIES = st.builds(lambda parts, end: [*parts, *end], PARTS, ENDS)
ASKED: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "logprobs": st.just(value=True),
        "stream_options": st.just({"include_usage": True}),
    },
)


def _recorded(reply: Reply) -> Answer:
    """The reply as it is recorded, all at once."""
    body = b"".join(reply.frames) if reply.frames is not None else orjson.dumps(reply.content)
    headers = tuple(reply.headers.items())
    return Answer(reply.status, headers, 0, (Piece(0, body),), 0)


@settings(deadline=None, max_examples=200)
@given(reply=REPLIES, asked=ASKED)
def test_stream__comes_back_byte_by_byte(contract: Contract, reply: Any, asked: dict[str, Any]) -> None:
    """Recorded, read as a reply and answered again under the same id: texts, calls, comments, raw bytes and errors.

    What max_tokens cuts has other tokens by itself than it had as the beginning of a longer text.
    """
    first = answered(contract, reply, stream=True, **asked)
    again = answered(contract, reply_of(_recorded(first)), stream=True, **asked)
    assert first.frames is not None
    assert again.frames is not None
    assert b"".join(again.frames) == b"".join(first.frames)


@settings(deadline=None, max_examples=100)
@given(
    reply=st.fixed_dictionaries(
        {"text": TEXTS},
        optional={
            "reasoning_content": TEXTS,
            "refusal": TEXTS,
            "tool_calls": st.lists(CALLED, min_size=1, max_size=3),
            "finish_reason": st.sampled_from(["length", "eos", None]),
            "usage": st.just({"completion_tokens": 3}),
        },
    ),
    n=st.integers(1, 3),
)
def test_whole_answer__comes_back(contract: Contract, reply: Any, n: int) -> None:
    """With all of its choices."""
    first = answered(contract, reply, n=n)
    assert answered(contract, reply_of(_recorded(first)), n=n).content == first.content


def test_pace__is_that_of_the_recording() -> None:
    """The first token, the usual gap, and a gap that is longer as a pause."""
    chunk = b'data: {"choices": [{"index": 0, "delta": {"content": "%b"}}]}\n\n'
    times = (200, 220, 240, 740, 760)
    pieces = tuple(Piece(at * MS_NS, chunk % b"abcde"[number : number + 1]) for number, at in enumerate(times))
    assert reply_of(Answer(200, STREAM, 10 * MS_NS, pieces, 800 * MS_NS)) == {
        "parts": [{"text": "abc"}, {"pause": 0.5}, {"text": "de"}],
        "finish_reason": None,
        "pace": {"ttft_ms": 200.0, "itl_ms": 20.0},
    }


def test_cut__is_kept() -> None:
    """Where the recording ends, a piece of an event before it too."""
    pieces = (Piece(0, b'data: {"choices": [{"delta": {"content": "a"}}]}\n\ndata: {"cho'),)
    made = reply_of(Answer(200, STREAM, 0, pieces, 0, CUT))
    assert made == {"parts": [{"text": "a"}, {"raw": 'data: {"cho'}, {"cut": "fin"}]}
    read(made, "reply")


@pytest.mark.parametrize(
    ("status", "headers", "body", "made"),
    [
        (429, RETRY, b'{"error": {"message": "slow"}}', {"status": 429, "message": "slow", "retry_after_s": 3}),
        (500, (), b'{"detail": "no"}', {"status": 500, "message": "no"}),
        (502, (), b"<html>", {"status": 502}),
        (302, (), b"", {"status": 500}),
        (200, (), b"hello", {"parts": [{"raw": "hello"}]}),
        (200, (), b"", {"parts": [{"raw": "\n"}]}),
    ],
)  # fmt: skip
def test_other_answers__are_replies_too(status: int, headers: Any, body: bytes, made: Any) -> None:
    """Refusals with what they said; what is no completion as its bytes."""
    assert reply_of(Answer(status, headers, 0, (Piece(0, body),), 0)) == made
    read(made, "reply")
