"""What a tokenizer makes of a text, word by word and remembered: most words of a text were seen before.

A piece of Mixtral's vocabularies may begin with spaces, and has none after its first other character. So no merge of
the byte pair encoding reaches from the end of one word over the space into the next: a word is encoded with the space
before it, whatever stands around the two. `separable` holds a vocabulary to this.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, TypeVar

SPACE = "\u2581"
"""What stands for a space in a piece."""

Value = TypeVar("Value")

_REACHES_OVER = re.compile(f"[^{SPACE}\n]{SPACE}")
_SPACES = ("", " ", SPACE)
_REMEMBERED = 32 * 1024
_LONGEST = 64
"""How many words are remembered, and of up to how many characters."""


def separable(pieces: Iterable[str]) -> bool:
    """Whether no piece of a vocabulary reaches over a space from one word into the next."""
    return _REACHES_OVER.search("\n".join(pieces)) is None


def parts(text: str, characters: int) -> Iterator[str]:
    """The text cut at single spaces into parts of about so many characters; the space at each cut is left out.

    With a vocabulary that is separable the parts have as many tokens together as the text. A part is longer where there
    is no such space.
    """
    start = 0
    while len(text) - start > characters:
        cut = _cut(text, start + characters)
        if cut < 0:
            break
        yield text[start:cut]
        start = cut + 1
    yield text[start:]


def _cut(text: str, start: int) -> int:
    """Where the next single space between two words is, -1 for nowhere."""
    cut = text.find(" ", start)
    while cut >= 0 and (text[cut - 1] in _SPACES or text[cut + 1 : cut + 2] in _SPACES):
        cut = text.find(" ", cut + 1)
    return cut


class Words(Generic[Value]):
    """What is made of each word's pieces; `encode` is the model's, which puts a space before every text.

    A word's value is true. Any thread may use it.
    """

    def __init__(self, encode: Callable[[str], Sequence[str]], value_of: Callable[[Sequence[str]], Value]) -> None:
        self._encode = encode
        self._value_of = value_of
        self._known: dict[str, Value] = {}

    def values(self, text: str) -> list[Value] | None:
        """The value of each word in turn; None for a text that is not words with one space between two."""
        words = text.split(" ")
        values = list(map(self._known.get, words))
        if not all(values):
            if "" in words or SPACE in text:
                return None
            unknown = [index for index, value in enumerate(values) if value is None]
            for index, value in zip(unknown, self._make([words[index] for index in unknown]), strict=True):
                values[index] = value
        return values  # type: ignore[return-value]  # no None is left

    def _make(self, words: Sequence[str]) -> list[Value]:
        """The values of unknown words, which are known from then on."""
        pieces: list[list[str]] = []
        for piece in self._encode(" ".join(words)):
            if piece[0] == SPACE:
                pieces.append([piece])
            else:
                pieces[-1].append(piece)
        values = list(map(self._value_of, pieces))
        if len(self._known) + len(values) > _REMEMBERED:
            self._known.clear()  # what is said often comes back at once
        for word, value in zip(words, values, strict=True):
            if len(word) <= _LONGEST:
                self._known[word] = value
        return values
