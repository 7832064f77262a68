from __future__ import annotations

import functools
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from mistral_common.exceptions import MistralCommonException
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

from spec.tokens import text_of, tokenizer

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
