from __future__ import annotations

import functools
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from mistral_common.exceptions import MistralCommonException
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

from mixtral_contract.primitives.tokenizer import _FILES, _FOLDER, _texts, text_of, tokenizer
from mixtral_contract.primitives.word_cache import SPACE, Words, separable

_WORDS = st.sampled_from(["hello", " x", "\n", "🙂🙂", "é", "[INST]", "tell me", "  ", "cats.", "日本", "", "</s>"])
_TEXTS = st.lists(_WORDS, min_size=1, max_size=5).map("".join)
_PARTS = st.lists(_TEXTS.map(lambda text: {"type": "text", "text": text}), min_size=1, max_size=3)
_MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": _TEXTS | _PARTS}), max_size=5
)


@functools.cache
def _oracle(version: str) -> Any:
    return {"v1": MistralTokenizer.v1, "v3": MistralTokenizer.v3}[version]()


@pytest.mark.parametrize("name", _FILES.values())
def test_models__are_those_of_mistral_common(name: str) -> None:
    """Byte by byte."""
    found = find_spec("mistral_common")
    assert found is not None
    assert found.submodule_search_locations
    assert (_FOLDER / name).read_bytes() == (Path(found.submodule_search_locations[0]) / "data" / name).read_bytes()


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


def _tool(name: str, description: str | None, parameters: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


_NAMES = st.sampled_from(["get_weather", "f", "größe"])
_ARGUMENTS = st.sampled_from(["{}", '{"city": "Köln", "days":[1,2.5,null]}', '{"nested":{"a":true}}'])
_DESCRIPTIONS = st.sampled_from(["", "The weather in a city."])
_TOOLS = st.lists(st.builds(_tool, _NAMES, _DESCRIPTIONS, st.sampled_from([{}, {"type": "object"}])), max_size=2)
_CALLED = st.lists(st.tuples(_NAMES, _ARGUMENTS, _TEXTS), min_size=1, max_size=2)
_ROUNDS = st.lists(st.tuples(_TEXTS, _CALLED), max_size=2)


@settings(deadline=None, max_examples=150)
@given(tools=_TOOLS, rounds=_ROUNDS, ends_with_results=st.booleans(), system=st.none() | _TEXTS)
def test_count_chat_with_tools__is_what_mistral_counts(
    tools: list[Any],
    rounds: list[Any],
    ends_with_results: bool,  # noqa: FBT001
    system: str | None,
) -> None:
    """Declared functions, calls and their results."""
    chat: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
    for number, (text, called) in enumerate(rounds):
        ids = [f"call{number}{index:04}" for index in range(len(called))]
        calls: list[Any] = [
            {"id": name, "type": "function", "function": {"name": function, "arguments": arguments}}
            for name, (function, arguments, _) in zip(ids, called, strict=True)
        ]
        chat += [{"role": "user", "content": text}, {"role": "assistant", "content": None, "tool_calls": calls}]
        chat += [
            {"role": "tool", "tool_call_id": name, "content": result}
            for name, (_, _, result) in zip(ids, called, strict=True)
        ]
        chat += [{"role": "assistant", "content": "so it is"}]
    chat = chat[:-1] if rounds and ends_with_results else [*chat, {"role": "user", "content": "and now?"}]
    request: Any = ChatCompletionRequest.model_validate({"messages": chat, "tools": tools or None})
    try:
        encoded = _oracle("v3").encode_chat_completion(request)
    except MistralCommonException:
        assume(False)  # noqa: FBT003  hypothesis has it so
    assert tokenizer("v3").count_chat(chat, tools=tools) == len(encoded.tokens)


def test_incomplete_calls__are_not_counted() -> None:
    """Where no document names tool_calls, anything may stand there."""
    plain = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    strange: list[Any] = [5, [7], [{}], [{"id": "a", "function": {"name": 1, "arguments": "{}"}}], None, "x"]
    for calls in strange:
        odd = [{**plain[0], "tool_calls": calls}, {**plain[1], "tool_calls": calls}]
        assert tokenizer("v1").count_chat(odd) == tokenizer("v1").count_chat(plain)


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
