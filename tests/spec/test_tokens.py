from __future__ import annotations

import functools
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from mistral_common.exceptions import MistralCommonException
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

from spec.tokens import _texts, text_of, tokenizer
from spec.words import SPACE, Words, separable

_WORDS = st.sampled_from(["hello", " x", "\n", "🙂🙂", "é", "[INST]", "tell me", "  ", "cats.", "日本", "", "</s>"])
_TEXTS = st.lists(_WORDS, min_size=1, max_size=5).map("".join)
_PARTS = st.lists(_TEXTS.map(lambda text: {"type": "text", "text": text}), min_size=1, max_size=3)
_MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": _TEXTS | _PARTS}), max_size=5
)


@functools.cache
def _oracle(version: str) -> Any:
    return {"v1": MistralTokenizer.v1, "v3": MistralTokenizer.v3}[version]()


@pytest.mark.parametrize("version", ["v1", "v3"])
@settings(deadline=None, max_examples=150)
@given(system=st.none() | _TEXTS, messages=_MESSAGES, last=_TEXTS | _PARTS)
@example(system="Be brief.", messages=[{"role": "assistant", "content": "Hi "}], last="hello")
def test_count_chat__is_what_mistral_counts(version: str, system: str | None, messages: list[Any], last: Any) -> None:
    """mistral-common's own chat encoding is the oracle; what it refuses is not compared."""
    first = [{"role": "system", "content": system}] if system else []
    chat = [*first, *messages, {"role": "user", "content": last}]
    assume(all(text_of(message["content"]) for message in chat if message["role"] == "assistant"))
    try:
        encoded = _oracle(version).encode_chat_completion(ChatCompletionRequest.model_validate({"messages": chat}))
    except MistralCommonException:
        assume(False)  # noqa: FBT003  hypothesis has it so
    assert tokenizer(version).count_chat(chat) == len(encoded.tokens)


@pytest.mark.parametrize("version", ["v1", "v3"])
@given(text=st.text(max_size=40))
@example(text=" leading and  double  spaces ")
@example(text="emoji 🙂 and 日本 and \U00020bb7")
def test_split__joins_to_the_text(version: str, text: str) -> None:
    """As many texts as tokens, and together they are the text."""
    assume("\u2581" not in text)
    pieces = tokenizer(version).split(text)
    assert "".join(pieces) == text
    assert len(pieces) == tokenizer(version).count(text)


_SPACED = st.lists(st.text(max_size=8) | _WORDS | st.sampled_from([" ", "\u2581", "\t"]), max_size=12).map(" ".join)


@pytest.mark.parametrize("version", ["v1", "v3"])
@settings(max_examples=500)
@given(text=_SPACED | st.text())
@example(text="one  two \u2581three\n four ")
@example(text="known known unknown" + "n" * 80)
def test_tokens_of_words__are_those_of_the_whole_text(version: str, text: str) -> None:
    """Word by word or in one go: as many tokens, and the same texts, when the words are new and when they are known."""
    tokens = tokenizer(version)
    pieces = tokens._model.encode(text, out_type=str)
    for _ in range(2):
        assert tokens.count(text) == len(pieces)
        assert tokens.split(text)[1:] == _texts(pieces)[1:]


@pytest.mark.parametrize("version", ["v1", "v3"])
def test_vocabulary__has_no_piece_that_reaches_into_the_next_word(version: str) -> None:
    """What lets words be encoded one by one."""
    model = tokenizer(version)._model
    pieces = model.id_to_piece(list(range(model.get_piece_size())))
    assert not [piece for piece in pieces if SPACE in piece.lstrip(SPACE)]
    assert separable(pieces)
    assert not separable([*pieces, f"of{SPACE}the"])


def test_words__are_remembered_up_to_a_bound() -> None:
    """However many words come, the memory is bounded, and right."""
    words = Words(lambda text: [f"{SPACE}{word}" for word in text.split(" ")], len)
    for start in range(0, 100_000, 1000):
        assert words.values(" ".join(map(str, range(start, start + 1000)))) == [1] * 1000
    assert len(words._known) <= 32 * 1024


def test_long_words__are_not_remembered() -> None:
    """One text of many megabytes is no word to keep."""
    words = Words(lambda text: [f"{SPACE}{word}" for word in text.split(" ")], len)
    assert words.values(f"short {'long' * 100}") == [1, 1]
    assert list(words._known) == ["short"]


def test_documented_example__has_the_documented_prompt_tokens() -> None:
    """The 8x7b page prints 56 prompt tokens for its image example on the 8x22b URL."""
    messages = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What's in this image?"},
                {"type": "image_url", "image_url": {"url": "https://example.com/image.jpg"}},
            ],
        }
    ]
    assert tokenizer("v3").count_chat(messages, image_tokens=46) == 56
    assert tokenizer("v1").count_chat(messages, image_tokens=41) == 56


def test_unknown_version__is_refused() -> None:
    """There are two."""
    with pytest.raises(KeyError):
        tokenizer("v2")
