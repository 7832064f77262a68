"""A scripted choice as tokens: what each adds to the message, and what happens between them.

Keeps what a request asks: the limit of its tokens, its stop sequences, probabilities. A text that other parts interrupt
has the tokens of the whole text; one that is interrupted amid a token leaves in two deltas of one token.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, zip_longest
from typing import Any, NamedTuple

from mixtral_contract.mock.completions.choices import Choice, ToolCall
from mixtral_contract.mock.completions.generator import CompletionRequest, cut
from mixtral_contract.mock.completions.logprobs import entries
from mixtral_contract.mock.messages.messages import Write
from mixtral_contract.mock.replies.scripted_reply import (
    DECLINED,
    REASONING,
    TEXT,
    Called,
    ChoiceScript,
    Failure,
    Finish,
    Part,
    Said,
    said,
)
from mixtral_contract.primitives.tokenizer import tokenizer

Entry = Mapping[str, Any]


class TextDelta(NamedTuple):
    """Some text under its name on the wire, and the probabilities of its tokens, where any are stated."""

    name: str
    text: str
    logprobs: tuple[Entry, ...] = ()


class CallDelta(NamedTuple):
    """A fragment of the arguments of the call of that number; the first one names the function."""

    number: int
    id: str
    name: str
    opens: bool
    fragment: str


Item = TextDelta | CallDelta | Write | Failure | Finish
"""One thing, in the order in which they leave."""

Step = list[Item]
"""What leaves with one token: its delta, and what stands between it and the next."""


@dataclass(frozen=True, slots=True)
class ChoiceDraft:
    """A choice as it is answered: its message, what leaves before the first token, and what with each."""

    choice: Choice
    before: Step
    steps: list[Step]


def draft_choice(
    script: ChoiceScript, asked: CompletionRequest, limit: int | None, ids: str, digest: bytes, *, interleaved: bool
) -> ChoiceDraft:
    """The choice that a request with that limit of tokens gets; `ids` begins the ids of calls that have none."""
    version = asked.model.tokenizer
    kept, _, stopped_by = cut(version, _pieces(script, TEXT, version), None, asked.stop)
    probable = _probabilities(script, asked, kept, digest)
    writer = _Writer(
        {
            TEXT: [
                TextDelta(TEXT, piece, () if probable is None else probable[index : index + 1])
                for index, piece in enumerate(kept)
            ],
            REASONING: [TextDelta(REASONING, piece) for piece in _pieces(script, REASONING, version)],
            DECLINED: [TextDelta(DECLINED, piece) for piece in _pieces(script, DECLINED, version)],
        },
        version,
        limit,
        ids,
    )
    writer.write(script.parts if stopped_by is None else [*_until(script.parts, len("".join(kept)))], interleaved)
    pieces = writer.pieces
    finish_reason: str | None = "tool_calls" if writer.calls and stopped_by is None else "stop"
    if script.ends:
        finish_reason = script.finish_reason
    elif writer.is_cut:
        finish_reason = "length"
    choice = Choice(
        pieces=tuple(pieces[TEXT]),
        calls=tuple(ToolCall(*call.opened, tuple(call.arguments)) for call in writer.calls),
        finish_reason=finish_reason,
        stopped_by=None if writer.is_cut else stopped_by,
        logprobs=None if probable is None else probable[: len(pieces[TEXT])],
        reasoning=tuple(pieces[REASONING]),
        refusal=tuple(pieces[DECLINED]),
    )
    return ChoiceDraft(choice, writer.before, writer.steps)


@dataclass(slots=True)
class _Call:
    """A call as far as it is written."""

    id: str
    name: str
    opening: int
    arguments: list[str]

    @property
    def opened(self) -> tuple[str, str, int]:
        return self.id, self.name, self.opening


class _Writer:
    """Writes the parts of one choice, token by token, up to the limit; `is_cut` says that there would be more."""

    def __init__(self, tokens: Mapping[str, Sequence[TextDelta]], version: str, limit: int | None, ids: str) -> None:
        self._tokens = tokens
        self._version = version
        self._left = limit
        self._ids = ids
        self._due = dict.fromkeys(tokens, 0)
        self._rest = {name: [*reversed(each)] for name, each in tokens.items()}
        self.pieces: dict[str, list[str]] = {name: [] for name in tokens}
        self._amid = dict.fromkeys(tokens, False)
        self.calls: list[_Call] = []
        self.before: Step = []
        self.steps: list[Step] = []
        self.is_cut = False

    def write(self, parts: Sequence[Part], interleaved: bool) -> None:  # noqa: FBT001  one caller
        """Writes all of them; neighbouring calls may be interleaved."""
        for are_calls, group in groupby(parts, lambda part: isinstance(part, Called)):
            if are_calls:
                self._call([part for part in group if isinstance(part, Called)], interleaved=interleaved)
                continue
            for part in group:
                if self.is_cut:
                    return
                if isinstance(part, Said):
                    self._say(part)
                elif not isinstance(part, Called):
                    (self.steps[-1] if self.steps else self.before).append(part)

    def _token(self, item: Item) -> bool:
        """Begins a token; not beyond the limit."""
        if self._left == 0:
            self.is_cut = True
            return False
        if self._left is not None:
            self._left -= 1
        self.steps.append([item])
        return True

    def _say(self, part: Said) -> None:
        """Writes the tokens of this part of the text; one that goes on in the next part is written up to there."""
        name = part.name
        rest, pieces = self._rest[name], self.pieces[name]
        self._due[name] += len(part.text)
        while rest and self._due[name] > 0:
            token = rest.pop()
            text, later = token.text[: self._due[name]], token.text[self._due[name] :]
            if self._amid[name]:
                self.steps[-1].append(token._replace(text=text, logprobs=()))
                pieces[-1] += text
            elif self._token(token._replace(text=text)):
                pieces.append(text)
            else:
                return
            self._due[name] -= len(text)
            self._amid[name] = bool(later)
            if later:
                rest.append(token._replace(text=later))

    def _call(self, calls: Sequence[Called], *, interleaved: bool) -> None:
        tokens = [self._call_deltas(len(self.calls) + number, call) for number, call in enumerate(calls)]
        ordered = chain.from_iterable(zip_longest(*tokens)) if interleaved else chain.from_iterable(tokens)
        for delta in ordered:
            if delta is None:
                continue
            if not self._token(delta):
                return
            if delta.opens:
                self.calls.append(_Call(delta.id, delta.name, 0, []))
            call = self.calls[delta.number]
            if delta.fragment:
                call.arguments.append(delta.fragment)
            else:
                call.opening += 1

    def _call_deltas(self, number: int, call: Called) -> Iterator[CallDelta]:
        """A token says that a call follows; the function is named with it, the rest of its name adds nothing."""
        tokens = tokenizer(self._version)
        fragments = ("",) * (1 + tokens.count(call.name)) + tuple(tokens.split(call.arguments))
        name = f"{self._ids}{number:02x}" if call.id is None else call.id
        for index, fragment in enumerate(fragments):
            yield CallDelta(number, name, call.name, index == 0, fragment)


def _pieces(script: ChoiceScript, name: str, version: str) -> tuple[str, ...]:
    """The tokens of the text under that name."""
    if name == TEXT and script.logprobs is not None:
        return tuple(entry["token"] for entry in script.logprobs)
    return tuple(tokenizer(version).split(said(script, name)))


def _until(parts: Sequence[Part], characters: int) -> Iterator[Part]:
    """The parts up to so many characters of the text."""
    for part in parts:
        if isinstance(part, Said) and part.name == TEXT:
            if len(part.text) >= characters:
                yield Said(TEXT, part.text[:characters])
                return
            characters -= len(part.text)
        yield part


def _probabilities(
    script: ChoiceScript, asked: CompletionRequest, pieces: Sequence[str], digest: bytes
) -> tuple[Entry, ...] | None:
    """An entry per token of the text: those of the script, or made up where they are asked for, None without either."""
    if script.logprobs is not None:
        return tuple(
            _stated(entry) | ({} if entry["token"] == piece else {"token": piece, "bytes": list(piece.encode())})
            for piece, entry in zip(pieces, script.logprobs, strict=False)
        )
    if asked.features is None or asked.features.top_logprobs is None:
        return None
    return entries(random.Random(digest), pieces, asked.features.top_logprobs)  # noqa: S311


def _stated(entry: Entry) -> dict[str, Any]:
    """The entry in full; what is given stays as it is, and in its order."""
    others = [{**each, "bytes": _bytes(each)} for each in entry.get("top_logprobs", ())]
    return {**entry, "bytes": _bytes(entry), "top_logprobs": others}


def _bytes(entry: Entry) -> Any:
    return entry["bytes"] if "bytes" in entry else list(entry["token"].encode())
