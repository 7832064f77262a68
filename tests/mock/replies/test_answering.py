"""What a scripted reply becomes: whole, as a stream, and with its oddities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.mock.completions.generator import completion_request
from mixtral_contract.mock.messages.messages import HEAD, Ending, Write
from mixtral_contract.mock.replies.drafting import draft_choice
from mixtral_contract.mock.replies.reader import read
from mixtral_contract.primitives.tokenizer import tokenizer
from tests.support.mock_requests import message_of
from tests.support.scripted_answers import HELLO, answered, chunks, data_of, joined

CALLS = [{"name": "get_weather", "arguments": {"city": "Paris"}}, {"name": "book", "arguments": {"nights": 2}}]
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\u2581"), max_size=30)
CALLED = st.fixed_dictionaries(
    {"name": st.sampled_from(["f", "get_weather"])},
    optional={
        "arguments": st.dictionaries(TEXTS, st.integers(-9, 9) | TEXTS, max_size=2) | TEXTS,
        "id": st.text(st.characters(codec="ascii"), min_size=1, max_size=8),
    },
)
HARMLESS = st.one_of(
    st.builds(lambda seconds: {"pause": seconds}, st.floats(0, 1)),
    st.just({"comment": "keep-alive"}),
    st.just({"raw": "id: 1\n\n"}),
)
PARTS = st.lists(
    st.one_of(
        TEXTS,
        st.builds(lambda text: {"reasoning_content": text}, TEXTS),
        st.builds(lambda text: {"refusal": text}, TEXTS),
        st.builds(lambda call: {"tool_call": call}, CALLED),
        HARMLESS,
    ),
    min_size=1,
    max_size=8,
)
CHOICES = st.one_of(
    TEXTS,
    PARTS,
    st.fixed_dictionaries(
        {"text": TEXTS},
        optional={
            "reasoning_content": TEXTS,
            "refusal": TEXTS,
            "tool_calls": st.lists(CALLED, min_size=1, max_size=3),
            "finish_reason": st.sampled_from(["stop", "length", "content_filter", "eos", None]),
        },
    ),
)
ODDITIES = st.fixed_dictionaries(
    {},
    optional={
        "tool_id": st.just("each"),
        "tool_fragments": st.sampled_from(["interleaved", "whole"]),
        "deltas": st.just("whole"),
        "role": st.sampled_from(["each", "missing"]),
        "first_choices": st.sampled_from(["empty", "filtered"]),
        "finish_reason": st.sampled_from(["with-content", "twice"]),
        "usage": st.sampled_from(["each", "with-finish"]),
    },
).filter(bool)
"""Those that a client can put together again."""
REPLIES = st.one_of(
    CHOICES,
    st.builds(
        lambda choices, more: {"choices": choices, **more},
        st.lists(CHOICES, min_size=1, max_size=3),
        st.fixed_dictionaries({}, optional={"oddities": ODDITIES, "usage": st.just({"completion_tokens": 7})}),
    ),
)
ASKED: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "n": st.integers(1, 3),
        "max_tokens": st.integers(1, 12),
        "stop": st.sampled_from(["a", " ", ["e", "0"]]),
        "logprobs": st.just(value=True),
        "stream_options": st.just({"include_usage": True}),
    },
)


@settings(deadline=None, max_examples=200)
@given(reply=REPLIES, asked=ASKED)
def test_stream__joined_is_the_whole_answer(contract: Contract, reply: Any, asked: dict[str, Any]) -> None:
    """Whatever the reply, and whatever the request asks: texts, calls, ends, probabilities and counts are the same."""
    options = asked.pop("stream_options", None)
    whole = answered(contract, reply, **asked).content
    more = {} if options is None else {"stream_options": options}
    stream = chunks(answered(contract, reply, stream=True, **asked, **more))
    assert [_plain(choice) for choice in joined(stream)] == [_plain(choice) for choice in whole["choices"]]
    if options is not None and not _counts_oddly(reply):
        assert stream[-1]["usage"] == whole["usage"]


def _counts_oddly(reply: Any) -> bool:
    """Whether the counts are to stand somewhere else than in a last chunk of their own."""
    return isinstance(reply, dict) and "usage" in reply.get("oddities", {})


def _plain(choice: Mapping[str, Any]) -> Mapping[str, Any]:
    """A choice whose text is none, or empty, and whose probabilities are empty, is one in the two forms."""
    message = {name: value for name, value in choice["message"].items() if value}
    logprobs = (choice.get("logprobs") or {}).get("content") or []
    return {"message": message, "finish_reason": choice["finish_reason"], "logprobs": logprobs}


def test_usage__counts_the_tokens_of_what_is_said(contract: Contract) -> None:
    """By the tokenizer, of the joined text, though it is interrupted amid a token."""
    text = "Let me see what there is."
    parts = ["Let me s", {"pause": 0.1}, "ee what there", {"comment": "x"}, " is."]
    whole = answered(contract, parts).content
    assert whole["choices"][0]["message"]["content"] == text
    assert whole["usage"]["completion_tokens"] == tokenizer("v3").count(text)
    stream = answered(contract, parts, stream=True)
    assert stream.tokens == tokenizer("v3").count(text)
    assert [each["choices"][0]["delta"].get("content") for each in chunks(stream)][3:5] == [" s", "ee"]


def test_neighbouring_texts__are_one(contract: Contract) -> None:
    """Nothing happens between them: they leave as one token where they are one."""
    assert data_of(answered(contract, ["hel", "l there", {"comment": "x"}], stream=True)) == data_of(
        answered(contract, ["hell there", {"comment": "x"}], stream=True)
    )


def test_tool_calls__are_said_whole(contract: Contract) -> None:
    """In their order, with ids, arguments as text, a null content and the reason."""
    (choice,) = answered(contract, {"tool_calls": CALLS}).content["choices"]
    assert choice == {
        "index": 0,
        "message": {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_10000",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'},
                },
                {"id": "call_10001", "type": "function", "function": {"name": "book", "arguments": '{"nights":2}'}},
            ],
        },
        "finish_reason": "tool_calls",
    }


def test_choices__are_said_one_each_and_the_last_by_all_others(contract: Contract) -> None:
    """Whatever kinds they are of."""
    reply = {"choices": ["One.", {"refusal": "No."}]}
    said = [choice["message"] for choice in answered(contract, reply, n=3).content["choices"]]
    refused = {"role": "assistant", "content": None, "refusal": "No."}
    assert said == [{"role": "assistant", "content": "One."}, refused, refused]
    assert len(answered(contract, reply).content["choices"]) == 1


def test_logprobs__are_those_that_are_given(contract: Contract) -> None:
    """Their tokens are the text; what is not given of an entry is made."""
    given = [
        {"token": "Hi", "logprob": -0.5},
        {"token": "!", "logprob": -1, "top_logprobs": [{"token": "?", "logprob": -2}]},
    ]
    (choice,) = answered(contract, {"logprobs": given}).content["choices"]
    assert choice["message"]["content"] == "Hi!"
    assert choice["logprobs"]["content"] == [
        {"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []},
        {"token": "!", "logprob": -1, "bytes": [33], "top_logprobs": [{"token": "?", "logprob": -2, "bytes": [63]}]},
    ]


def test_too_many_probabilities__are_refused(contract: Contract) -> None:
    """As in an answer of the mock's own."""
    for reply in ("word " * 3000, {"text": "word " * 3000, "finish_reason": "stop"}):
        refused = answered(contract, reply, n=2, logprobs=True, top_logprobs=20)
        assert (refused.status, message_of(refused)[:12]) == (400, "top_logprobs")


# what happens in a stream


def test_pause__stands_where_it_is_written(contract: Contract) -> None:
    """As a wait between two writes; of a whole answer, before its head."""
    reply = [{"pause": 1}, "Hi", {"pause": 0.25}, "!"]
    stream = answered(contract, reply, stream=True)
    assert stream.disturbed is not None
    assert [write.before_ns for write in stream.disturbed[0]] == [10**9, 0, 0, 250_000_000]
    whole = answered(contract, reply)
    assert whole.disturbed == {HEAD: (Write(before_ns=1_250_000_000),)}


def test_error__ends_the_stream_in_its_envelope(contract: Contract) -> None:
    """Nothing follows it, but for [DONE] where that is asked for."""
    error: dict[str, Any] = {"message": "overloaded", "code": 503}
    reply: list[Any] = ["Hi", {"error": error}]
    *_, last = data_of(answered(contract, reply, stream=True))
    assert orjson.loads(last)["error"] == {
        "object": "error", "message": "overloaded", "type": "server_error", "param": None, "code": 503
    }  # fmt: skip
    error |= {"envelope": "problem", "done": True}
    *_, problem, done = data_of(answered(contract, reply, stream=True))
    assert done == "[DONE]"
    assert orjson.loads(problem) == {
        "type": "about:blank", "title": "overloaded", "status": 503, "detail": "overloaded"
    }  # fmt: skip
    assert orjson.loads(data_of(answered(contract, [{"error": "bare"}], stream=True))[-1])["error"]["message"] == "bare"


@pytest.mark.parametrize(("code", "status"), [(503, 503), (None, 500), ("overloaded", 500), (7, 500)])
def test_error__refuses_what_is_not_streamed(contract: Contract, code: Any, status: int) -> None:
    """With its code, where that is a status, and its message."""
    refused = answered(contract, ["Hi", {"error": {"message": "not now", "code": code}}])
    assert (refused.status, message_of(refused)) == (status, "not now")


def test_cut__ends_the_connection_where_it_stands(contract: Contract) -> None:
    """Of a whole answer amid its body."""
    stream = answered(contract, ["Hi", {"cut": "rst"}], stream=True)
    assert stream.disturbed is not None
    assert stream.disturbed[0][-1] == Write(ending=Ending.RST)
    assert [each["choices"][0]["delta"] for each in chunks(stream)] == [
        {"role": "assistant", "content": ""},
        {"content": "Hi"},
    ]
    whole = answered(contract, ["Hi", {"cut": "fin"}])
    assert whole.disturbed is not None
    (write,) = whole.disturbed[0]
    assert write.ending is Ending.FIN
    assert 0 < len(write.data) < len(orjson.dumps(whole.content))


def test_finish__stands_where_it_is_written(contract: Contract) -> None:
    """What comes behind it comes before [DONE]."""
    reply = ["Hi", {"finish": "length"}, {"raw": "data: x\n\n"}, {"error": "late"}]
    *_, finish, mine, error = data_of(answered(contract, reply, stream=True))
    assert orjson.loads(finish)["choices"][0]["finish_reason"] == "length"
    assert (mine, "late" in error) == ("x", True)


def test_raw__is_sent_byte_by_byte(contract: Contract) -> None:
    """Bytes that are no text too."""
    stream = answered(contract, ["a", {"raw": {"base64": "/w=="}}, "b"], stream=True)
    assert stream.frames is not None
    assert b"}\n\n\xffdata:" in b"".join(stream.frames) or stream.frames[0].endswith(b"}\n\n\xff")


def test_limit_before_a_stop_sequence__is_why_it_ends(contract: Contract) -> None:
    """The sequence would have come later."""
    operation = contract.operations["nvidia"]
    asked = completion_request(
        operation, operation.models[0], {"messages": HELLO, "max_tokens": 2, "stop": "four", "n": 1}
    )
    made = draft_choice(
        read(["One two", {"comment": "x"}, " three four"], "r").choices[0], asked, 2, "", b"", interleaved=False
    )
    assert (made.choice.finish_reason, made.choice.stopped_by) == ("length", None)
    later = draft_choice(read("One four", "r").choices[0], asked, 9, "", b"", interleaved=False)
    assert (later.choice.finish_reason, later.choice.stopped_by) == ("stop", "four")
