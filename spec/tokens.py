"""Mixtral's own tokenizers: how many tokens a text or a chat has, and the text of each.

The models ship inside the `mistral-common` wheel; they are read with sentencepiece alone, which loads in milliseconds,
while importing the package itself takes most of a second. v1 is Mixtral 8x7B's, v3 is 8x22B's.

Source: the chat templates are those of `mistral_common.tokens.tokenizers.instruct`, against which the tests hold them.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import sentencepiece

from spec.words import SPACE, Words, separable

_FILES = {"v1": "tokenizer.model.v1", "v3": "mistral_instruct_tokenizer_240323.model.v3"}
_REMEMBERED = 4096
"""How many parts of texts are kept with their tokens."""


class Turn(NamedTuple):
    """One turn of a chat as the template sees it: neighbours of one role joined, parts reduced to text and images."""

    role: str
    text: str
    images: int


class Tokenizer:
    """One version of Mixtral's tokenizer; use `tokenizer(version)`, which keeps what it loaded."""

    def __init__(self, version: str) -> None:
        self.version = version
        self._model = sentencepiece.SentencePieceProcessor(model_file=str(_data_folder() / _FILES[version]))
        by_word = separable(self._model.id_to_piece(list(range(self._model.get_piece_size()))))
        self._counts = Words(self._pieces, len) if by_word else None
        self._texts = Words(self._pieces, _texts) if by_word else None
        self._texts_of_part = functools.lru_cache(_REMEMBERED)(self._texts_of)

    def encode(self, text: str) -> list[int]:
        """The text's token ids, without begin and end of sequence."""
        return self._model.encode(text) if text else []

    def count(self, text: str) -> int:
        """How many tokens the text has."""
        counts = None if self._counts is None else self._counts.values(text)
        return len(self.encode(text)) if counts is None else sum(counts)

    def split(self, text: str) -> list[str]:
        """The text of each token; joined they are the text.

        A character outside the vocabulary is several byte tokens: its text stands at the last of them, so that no
        token's text is half a character.
        """
        return _from_start(self._texts_of(text))

    def split_joined(self, parts: Sequence[str]) -> list[str]:
        """`split` of parts joined by one space each; parts that come again are remembered.

        No part is empty or ends with a space.
        """
        if self._texts is None:
            return self.split(" ".join(parts))
        return _from_start(list(chain.from_iterable(map(self._texts_of_part, parts))))

    def _texts_of(self, text: str) -> list[str]:
        """The text of each token, with the space that is put before the whole."""
        of_words = None if self._texts is None else self._texts.values(text)
        return _texts(self._pieces(text)) if of_words is None else list(chain.from_iterable(of_words))

    def _pieces(self, text: str) -> list[str]:
        return self._model.encode(text, out_type=str) if text else []

    def count_chat(self, messages: Sequence[Mapping[str, Any]], *, image_tokens: int = 0) -> int:
        """How many prompt tokens the model sees for these messages, its template included.

        `image_tokens` is what one image part adds.
        """
        turns = _turns(messages)
        system = "\n\n".join(turn.text for turn in turns if turn.role == "system")
        chat = [turn for turn in turns if turn.role != "system"]
        if not chat or chat[0].role == "assistant":
            # the template starts with a user's turn, an empty one if need be
            chat.insert(0, Turn("user", "", 0))
        users = [index for index, turn in enumerate(chat) if turn.role == "user"]
        # v1 puts the system text before the first user message, v3 before the last one
        carrier = users and (users[0] if self.version == "v1" else users[-1])
        total = 1  # begin of sequence
        for index, turn in enumerate(chat):
            if turn.role == "assistant":
                text = turn.text.rstrip(" ") if self.version == "v3" else turn.text
                total += self.count(text) + 1  # end of sequence
            else:
                prefix = f"{system}\n\n" if index == carrier and system else ""
                total += self._count_user(prefix + turn.text)
        return total + image_tokens * sum(turn.images for turn in turns)

    def _count_user(self, text: str) -> int:
        if self.version == "v1":
            return self.count(f"[INST] {text} [/INST]")
        return self.count(text) + 2  # [INST] and [/INST] are one token each


@functools.cache
def tokenizer(version: str) -> Tokenizer:
    """The tokenizer of that version, `v1` or `v3`.

    Raises: KeyError for another version.
    """
    return Tokenizer(version)


def text_of(content: str | Sequence[Mapping[str, Any]]) -> str:
    """The text of a message's content, whether it is a string or parts."""
    if isinstance(content, str):
        return content
    return "\n\n".join(part["text"] for part in content if part.get("type") == "text" and part["text"])


def _turns(messages: Sequence[Mapping[str, Any]]) -> list[Turn]:
    """Neighbours of one role are one turn, joined by an empty line, as the model's own template joins them."""
    turns: list[Turn] = []
    for message in messages:
        content = message["content"]
        images = 0 if isinstance(content, str) else sum(part.get("type") == "image_url" for part in content)
        turn = Turn(message["role"], text_of(content), images)
        if turns and turns[-1].role == turn.role:
            last = turns.pop()
            turn = Turn(turn.role, "\n\n".join(filter(None, (last.text, turn.text))), last.images + turn.images)
        turns.append(turn)
    return turns


def _from_start(texts: list[str]) -> list[str]:
    """The texts without the space that sentencepiece puts before every text: it is no part of it."""
    if texts:
        texts[0] = texts[0].removeprefix(" ")
    return texts


def _texts(pieces: Sequence[str]) -> list[str]:
    """The text of each piece."""
    texts: list[str] = []
    received = bytearray()
    for piece in pieces:
        if len(piece) == 6 and piece.startswith("<0x"):
            received.append(int(piece[3:5], 16))
            try:
                texts.append(received.decode())
                received.clear()
            except UnicodeDecodeError:
                texts.append("")
        else:
            texts.append(piece.replace(SPACE, " "))
    return texts


def _data_folder() -> Path:
    # finding the package does not import it
    found = importlib.util.find_spec("mistral_common")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError("mistral_common: expected the package with Mixtral's tokenizers, got none")
    return Path(found.submodule_search_locations[0]) / "data"
