"""How many tokens an answer has: what `usage` claims, held against the text and the events that came.

A claim is believed as long as another tokenizer than Mixtral's can explain it. The text is counted only where the cheap
evidence (events, bytes) does not settle it, and of a sample of all answers; never while its stream runs, and in steps.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import lru_cache

from mixtral_contract.load.reading.completion import Completion

SLACK, LEAST_SLACK = 0.2, 4
"""By this share, or by this many tokens, two counts of one answer may differ and still agree."""

MOST_TIMES = 2
"""A claim beyond so many times Mixtral's count, or below that part of it, is no other tokenizer's."""

MOST_TIMES_ELSEWHERE = 8
"""The same where much of the text is not ASCII: there tokenizers differ most."""

ASCII_SHARE = 0.8
"""From this share of ASCII on a text is taken for one that all tokenizers cut much alike."""

PER_CALL = 64
"""So many tokens may stand around the text of the calls of an answer."""

LEAST_BYTES, MOST_BYTES = 2, 8
"""A token has about as many bytes of text; beyond, the text is counted."""

ALWAYS, EVERY = 64, 16
"""The first so many answers of a process are counted in any case, and of those that follow one in so many."""

_PART = 1024
"""Characters that are counted in one step."""

_FIRST = 256
"""The text of a first event beyond so many bytes is counted without being remembered."""

Count = Callable[[str], int]


class Claim(enum.StrEnum):
    """What became of an answer's usage."""

    MISSING = "missing"
    BELIEVED = "believed"
    REASONING = "reasoning"
    """Believed less the reasoning tokens that usage itself says were not shown."""
    REFUTED = "refuted"


@dataclass(frozen=True, slots=True)
class TokenCount:
    """The tokens of an answer that came.

    `source` is usage, events or text (Mixtral's tokenizer over it); `counted` is what that tokenizer says, None where
    it was not asked; `first` are the tokens of the first content, None where each event was taken for one.
    """

    received: int
    source: str
    claim: Claim
    counted: int | None = None
    first: int | None = None


class TokenCheck:
    """Checks the answers of one process; `count` is the tokenizer's."""

    def __init__(self, count: Count) -> None:
        self._count = count
        self._count_first = lru_cache(4096)(count)
        self._checked = 0

    def check(self, completion: Completion) -> Generator[None, None, TokenCount]:
        """The tokens of an answer that ended well, in steps."""
        self._checked += 1
        is_sampled = self._checked <= ALWAYS or self._checked % EVERY == 0
        claimed, events = completion.completion_tokens, sum(count for _, count in completion.content)
        size = sum(map(len, completion.texts))
        likely = events if claimed is None else claimed
        if is_sampled or not _agree(likely, events) or not LEAST_BYTES * likely <= size <= MOST_BYTES * likely:
            text = b"".join(completion.texts)
            counted = yield from self._counted(text)
            found = weigh(completion, events, counted, is_ascii=_is_ascii(text))
        else:
            found = TokenCount(likely, "events" if claimed is None else "usage", _plain(claimed))
        return self._with_first(found, completion, events)

    def _counted(self, text: bytes) -> Generator[None, None, int]:
        total = 0
        for part in parts(text.decode("utf-8", "replace")):
            total += self._count(_bare(part))
            yield
        return total

    def _with_first(self, found: TokenCount, completion: Completion, events: int) -> TokenCount:
        """The same with the tokens of the first content, where events hold several tokens or came together."""
        if not completion.content:
            return found
        together = completion.content[0][1]
        first = together
        if abs(found.received - events) > 1:
            text = _bare(b"".join(completion.texts[:together]).decode("utf-8", "replace"))
            first = max(1, self._count(text) if len(text) > _FIRST else self._count_first(text))
        if first == 1:
            return found
        return TokenCount(found.received, found.source, found.claim, found.counted, min(first, found.received))


def weigh(completion: Completion, events: int, counted: int, *, is_ascii: bool) -> TokenCount:
    """What is believed of an answer whose text has so many tokens by Mixtral's tokenizer."""
    claimed, calls = completion.completion_tokens, PER_CALL * completion.calls
    # where both agree, events are the better witness: each is a token of whatever tokenizer the model has
    came, source = (events, "events") if _agree(events, counted, calls) else (counted, "text")
    if claimed is None:
        return TokenCount(came, source, Claim.MISSING, counted)
    if _is_believable(claimed, events, counted, calls, is_ascii=is_ascii):
        return TokenCount(claimed, "usage", Claim.BELIEVED, counted)
    shown = claimed - (completion.reasoning_tokens or 0)
    if shown != claimed and shown > 0 and _is_believable(shown, events, counted, calls, is_ascii=is_ascii):
        return TokenCount(shown, "usage", Claim.REASONING, counted)
    return TokenCount(came, source, Claim.REFUTED, counted)


def _is_believable(claimed: int, events: int, counted: int, calls: int, *, is_ascii: bool) -> bool:
    """Whether a count can be that of the text, by Mixtral's tokenizer or by another one."""
    if _agree(claimed, counted, calls):
        return True
    if _agree(events, counted) and not _agree(claimed, events):
        # two witnesses against one
        return False
    most = MOST_TIMES if is_ascii else MOST_TIMES_ELSEWHERE
    return counted <= claimed * most and claimed <= counted * most


def _agree(one: int, other: int, more: int = 0) -> bool:
    return abs(one - other) <= max(LEAST_SLACK, SLACK * other) + more


def _bare(text: str) -> str:
    """The text without the space at its start, which the tokenizer adds by itself."""
    return text.removeprefix(" ")


def _plain(claimed: int | None) -> Claim:
    return Claim.MISSING if claimed is None else Claim.BELIEVED


def _is_ascii(text: bytes) -> bool:
    others = len(text) - len(text.decode("ascii", "ignore"))
    return others <= (1 - ASCII_SHARE) * len(text)


def parts(text: str) -> Iterator[str]:
    """The text in parts of at most 1,024 characters, cut before a space where there is one: tokens seldom span it."""
    start = 0
    while start < len(text):
        end = start + _PART
        if end < len(text):
            space = text.rfind(" ", start + 1, end)
            end = end if space < 0 else space
        yield text[start:end]
        start = end
