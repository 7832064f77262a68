"""Mixtral's own tokenizers: how many tokens a text or a chat has, and the text of each.

The models are two files of `mistral-common`, which are part of this package: that one brings numpy, pillow and twenty
more packages along. sentencepiece alone reads them, in milliseconds. v1 is Mixtral 8x7B's, v3 is 8x22B's.

Source: the chat templates are those of `mistral_common.tokens.tokenizers.instruct`, against which the tests hold them.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import sentencepiece

from mixtral_contract.primitives.bounded.work import Work
from mixtral_contract.primitives.word_cache import SPACE, Words, parts, separable

_FOLDER = Path(__file__).with_name("tokenizers")
_FILES = {"v1": "tokenizer.model.v1", "v3": "mistral_instruct_tokenizer_240323.model.v3"}
VERSIONS = tuple(_FILES)
"""The versions that there are."""
_REMEMBERED = 4096
"""How many parts of texts are kept with their tokens."""


_INSTRUCTING = ("system", "developer")
"""Roles whose texts the template puts before a user's; it knows one of them, whose later name is developer."""

_PART = 16 * 1024
"""How many characters are counted at once, where the text has places to be cut."""
_UNBROKEN = 64 * 1024
"""From how many characters on a text without such a place is first looked at in pieces."""
_LONGEST_PIECE = 16
"""Characters of the longest token: two that are cut anywhere have at most so many tokens more than the whole."""


class TooManyTokensError(ValueError):
    """There are more tokens than were asked for; `most` is how many these are."""

    def __init__(self, most: int) -> None:
        super().__init__(f"expected at most {most} tokens, got more")
        self.most = most


class _Meter:
    """Adds tokens up to a limit."""

    def __init__(self, most: int | None, work: Work) -> None:
        self.tokens = 0
        self._guessed = 0
        self._most = math.inf if most is None else most
        self._work = work

    def add(self, tokens: int) -> None:
        """Adds so many, which takes the place of all that was guessed."""
        self.tokens += tokens
        self._guessed = 0
        self._check()

    def guess(self, tokens: int) -> None:
        """Adds so many for now, which at least there are."""
        self._guessed += tokens
        self._check()

    def _check(self) -> None:
        if self.tokens + self._guessed > self._most:
            raise TooManyTokensError(int(self._most))
        self._work.check()


class Turn(NamedTuple):
    """One turn of a chat as the template sees it: neighbours of one role joined, parts reduced to text and images.

    `calls` are the functions that an assistant's turn calls, `answers` the call that a tool's turn is the result of.
    """

    role: str
    text: str
    images: int
    calls: tuple[Mapping[str, Any], ...] = ()
    answers: str | None = None


class Tokenizer:
    """One version of Mixtral's tokenizer; use `tokenizer(version)`, which keeps what it loaded."""

    def __init__(self, version: str) -> None:
        self.version = version
        self._model = sentencepiece.SentencePieceProcessor(model_file=str(_FOLDER / _FILES[version]))
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

    def _count_within(self, text: str, meter: _Meter) -> None:
        """Adds the tokens of a text, part by part, so that no more of it is counted than is needed."""
        for part in parts(text, _PART) if self._counts is not None else (text,):
            if len(part) > _UNBROKEN:
                # what has no place to be cut is cut anywhere, to learn whether it is worth counting
                for start in range(0, len(part), _UNBROKEN):
                    meter.guess(self.count(part[start : start + _UNBROKEN]) - _LONGEST_PIECE)
            meter.add(self.count(part))

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

    def count_chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        image_tokens: int = 0,
        tools: Sequence[Mapping[str, Any]] = (),
        most: int | None = None,
        work: Work | None = None,
    ) -> int:
        """How many prompt tokens the model sees for these messages and tools, its template included.

        `image_tokens` is what one image part adds. v1 has no template for tools; they are counted as in v3.

        Raises: TooManyTokensError as soon as there are more than `most`, TooMuchWorkError when `work` says so.
        """
        meter = _Meter(most, work or Work(math.inf))
        turns = _turns(messages)
        system = "\n\n".join(turn.text for turn in turns if turn.role in _INSTRUCTING)
        chat = [turn for turn in turns if turn.role not in _INSTRUCTING]
        if not chat or chat[0].role in ("assistant", "tool"):
            # the template starts with a user's turn, an empty one if need be
            chat.insert(0, Turn("user", "", 0))
        users = [index for index, turn in enumerate(chat) if turn.role == "user"]
        # v1 puts the system text before the first user message, v3 before the last one
        carrier = users and (users[0] if self.version == "v1" else users[-1])
        meter.add(1)  # begin of sequence
        for index, turn in enumerate(chat):
            if turn.role == "assistant":
                text = turn.text.rstrip(" ") if self.version == "v3" else turn.text
                self._count_within(text, meter)
                self._count_calls(turn.calls, meter)
                meter.add(1)  # end of sequence
            elif turn.role == "tool":
                # a control token on each side
                self._count_within(_json({"content": _value(turn.text), "call_id": turn.answers}), meter)
                meter.add(2)
            else:
                prefix = f"{system}\n\n" if index == carrier and system else ""
                self._count_user(prefix + turn.text, meter)
        if tools:
            self._count_within(_json([_shown(tool) for tool in tools]), meter)
            meter.add(2)
        meter.add(image_tokens * sum(turn.images for turn in turns))
        return meter.tokens

    def _count_calls(self, calls: Sequence[Mapping[str, Any]], meter: _Meter) -> None:
        if not calls:
            return
        functions = ((call["function"], call["id"]) for call in calls)
        written = [
            {"name": function["name"], "arguments": _value(function["arguments"]), "id": name}
            for function, name in functions
        ]
        self._count_within(_json(written), meter)
        meter.add(1)  # a control token says that calls follow

    def _count_user(self, text: str, meter: _Meter) -> None:
        if self.version == "v1":
            self._count_within(f"[INST] {text} [/INST]", meter)
        else:
            self._count_within(text, meter)
            meter.add(2)  # [INST] and [/INST] are one token each


@functools.cache
def tokenizer(version: str) -> Tokenizer:
    """The tokenizer of that version, `v1` or `v3`.

    Raises: KeyError for another version.
    """
    return Tokenizer(version)


def text_of(content: str | Sequence[Mapping[str, Any]] | None) -> str:
    """The text of a message's content, whether it is a string or parts; empty without any."""
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    return "\n\n".join(part["text"] for part in content if part.get("type") == "text" and part["text"])


def _turns(messages: Sequence[Mapping[str, Any]]) -> list[Turn]:
    """Neighbours of one role are one turn, joined by an empty line, as the model's own template joins them."""
    turns: list[Turn] = []
    texts: list[list[str]] = []
    for message in messages:
        content, role = message.get("content"), message["role"]
        shown = () if content is None or isinstance(content, str) else content
        images = sum(part.get("type") == "image_url" for part in shown)
        calls = _calls(message) if role == "assistant" else ()
        turn = Turn(role, "", images, calls, message.get("tool_call_id") if role == "tool" else None)
        if turns and turns[-1].role == role and role != "tool":
            last = turns[-1]
            if images or calls:
                turns[-1] = Turn(role, "", last.images + images, last.calls + calls)
        else:
            turns.append(turn)
            texts.append([])
        texts[-1].append(text_of(content))
    return [turn._replace(text="\n\n".join(filter(None, said))) for turn, said in zip(turns, texts, strict=True)]


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


def _shown(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    """A tool as the model is shown it."""
    function = tool["function"]
    shown = {name: function.get(name) or empty for name, empty in (("name", ""), ("description", ""))}
    return {"type": "function", "function": {**shown, "parameters": function.get("parameters") or {}}}


def _value(text: str) -> Any:
    """What the text says as JSON, the text itself when it is none: the model reads objects, not quoted ones."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _calls(message: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The function calls of a message, those that are complete: where none are documented, anything may stand there."""
    calls = message.get("tool_calls")
    return tuple(filter(_is_call, calls)) if isinstance(calls, list) else ()


def _is_call(call: Any) -> bool:
    function = call.get("function") if isinstance(call, dict) else None
    return isinstance(function, dict) and all(
        isinstance(text, str) for text in (call.get("id"), function.get("name"), function.get("arguments"))
    )
