from __future__ import annotations

import functools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.mock.completions.completion import Completion
from mixtral_contract.mock.completions.generator import CompletionGenerator, CompletionRequest, completion_request, cut
from mixtral_contract.primitives.tokenizer import tokenizer

WORDS = st.sampled_from(["cats", "tell me", "42", "é", "日本", "“quoted”", "🙂", "a\nb", " ", "Mixtral", "x" * 30])
TEXTS = st.lists(WORDS, min_size=1, max_size=6).map(" ".join)
MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["system", "user", "assistant"]), "content": TEXTS}),
    min_size=1,
    max_size=4,
)
FIELDS = st.fixed_dictionaries(
    {"messages": MESSAGES},
    optional={
        "max_tokens": st.integers(1, 250),
        "stop": st.none()
        | TEXTS
        | st.lists(st.sampled_from(["", ".", " a", "the", "e ", "é", "”", "it "]), max_size=3),
        "temperature": st.sampled_from([0, 0.5, 1]),
        "seed": st.integers(0, 99),
        "stream": st.booleans(),
    },
)


@functools.cache
def _contract() -> Contract:
    return Contract.load()


def _ask(body: dict[str, Any], *, dialect: str = "nvidia") -> CompletionRequest:
    operation = _contract().operations[dialect]
    return completion_request(operation, operation.models[0], body)


def _complete(body: dict[str, Any], *, seed: int = 0, dialect: str = "nvidia") -> Completion:
    replies, asked = CompletionGenerator(seed, lambda: "chatcmpl-1"), _ask(body, dialect=dialect)
    return replies.completion(asked, replies.script(asked), 1)


def _text(made: Completion) -> str:
    return "".join(made.pieces)


def _said(text: str, **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], **fields}


@pytest.mark.parametrize("dialect", ["nvidia", "segmind-openai"])
@settings(deadline=None)
@given(body=FIELDS)
def test_usage__is_what_the_tokenizer_counts(dialect: str, body: dict[str, Any]) -> None:
    """As many pieces as completion tokens, as many tokens as the text has, whatever cut it; no piece is empty."""
    made = _complete(body, dialect=dialect)
    model = _contract().operations[dialect].models[0]
    tokens = tokenizer(model.tokenizer)
    assert made.usage["completion_tokens"] == len(made.pieces) == tokens.count(_text(made))
    assert made.usage["prompt_tokens"] == tokens.count_chat(body["messages"], image_tokens=model.image_tokens)
    assert made.usage["total_tokens"] == made.usage["prompt_tokens"] + made.usage["completion_tokens"]
    assert all(made.pieces)


@settings(deadline=None)
@given(body=FIELDS)
def test_limit_and_stop__cut_the_same_text(body: dict[str, Any]) -> None:
    """A cut text is the beginning of the uncut one, within the limit and without any stop sequence."""
    made = _complete(body)
    whole = _complete({name: value for name, value in body.items() if name not in ("max_tokens", "stop", "stream")})
    stop = body.get("stop") or []
    sequences = [sequence for sequence in ([stop] if isinstance(stop, str) else stop) if sequence]
    assert _text(whole).startswith(_text(made))
    assert len(made.pieces) <= body.get("max_tokens", 1024)
    assert not any(sequence in _text(made) for sequence in sequences)
    assert made.stopped_by is None or made.stopped_by in sequences
    if made.finish_reason == "length":
        assert len(made.pieces) == body["max_tokens"]
        assert made.stopped_by is None
    elif made.stopped_by is not None:
        assert _text(whole).startswith(_text(made) + made.stopped_by)
    else:
        assert _text(made) == _text(whole)


def test_stop__is_found_across_tokens_and_the_earliest_wins() -> None:
    """The sequence may begin within one token and end within another."""
    pieces = ("One", " cat", " sat", " on", " a", " mat", ".")
    assert cut("v3", pieces, None, ["mat", "at sa"]) == (("One", " c"), "stop", "at sa")
    assert cut("v3", pieces, None, ["One"]) == ((), "stop", "One")
    assert cut("v3", pieces, 3, ["mat"]) == (pieces[:3], "length", None)
    assert cut("v3", pieces, 7, []) == (pieces, "stop", None)


def test_stop_inside_the_last_token__costs_no_token_beyond_the_limit() -> None:
    """The rest of a token may read as two; max_tokens holds all the same."""
    pieces = ('{"', "city", '":"', "make")
    assert cut("v3", pieces, None, ["e"]) == (('{"', "city", '":"', "m", "ak"), "stop", "e")
    assert cut("v3", pieces, 4, ["e"]) == (('{"', "city", '":"', "mak"), "stop", "e")


@settings(deadline=None, max_examples=30)
@given(body=FIELDS)
def test_text__is_the_same_for_the_same_seed(body: dict[str, Any]) -> None:
    """On another server too."""
    assert _complete(body, seed=7).pieces == _complete(body, seed=7).pieces


@pytest.mark.parametrize(
    "other",
    [
        _said("tell me about dogs"),
        _said("tell me about cats", seed=1),
        _said("tell me about cats", temperature=0),
        _said("tell me about cats", top_p=0.5),
        _said("tell me about cats", presence_penalty=1),
        {"messages": [{"role": "system", "content": "Be brief."}, *_said("tell me about cats")["messages"]]},
    ],
)
def test_text__depends_on_what_a_sampler_would_see(other: dict[str, Any]) -> None:
    """Messages and sampling fields make another text."""
    assert _complete(other).pieces != _complete(_said("tell me about cats")).pieces


@pytest.mark.parametrize(
    "other",
    [
        {"temperature": 0.5, "top_p": 1.0, "seed": 0, "frequency_penalty": 0},
        {"temperature": None, "seed": None},
        {"stream": True, "stream_options": {"include_usage": True}},
        {"max_tokens": 1000},
        {"stop": ["@@@", ""]},
        {"stop": ""},
        {"unknown": 1},
    ],
)
def test_text__does_not_depend_on_defaults_or_delivery(other: dict[str, Any]) -> None:
    """A default that is spelled out, null, and how the answer is delivered make no difference."""
    assert _complete(_said("tell me about cats", **other)).pieces == _complete(_said("tell me about cats")).pieces


def test_text__depends_on_the_servers_seed() -> None:
    """Another seed, other answers."""
    assert _complete(_said("hello"), seed=1).pieces != _complete(_said("hello"), seed=2).pieces


def test_text__mentions_the_question_and_varies_in_length() -> None:
    """A load test sees short and long answers, about what was asked, with more than ASCII in them."""
    made = [_complete(_said("tell me a joke on cats", seed=seed)) for seed in range(200)]
    assert all("cats" in _text(completion) for completion in made)
    lengths = sorted(len(completion.pieces) for completion in made)
    assert lengths[0] < 40
    assert lengths[-1] > 120
    assert lengths[-1] <= 220
    assert any(character in _text(completion) for completion in made for character in "éö“”—")


def test_answer__never_outgrows_the_window() -> None:
    """A prompt that leaves room for three tokens gets three."""
    body = _said("cat " * 65_500)
    used = _complete(body).usage["prompt_tokens"]
    filler = "cat " * (65_500 + 65_536 - 3 - used)
    made = _complete(_said(filler))
    assert made.usage["prompt_tokens"] == 65_533
    assert (len(made.pieces), made.finish_reason) == (3, "length")
