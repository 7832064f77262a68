"""What clauses on `max_tokens` and `stop` require of a text, whole or streamed."""

from __future__ import annotations

from mixtral_contract.suite.http.exchange import Exchange
from mixtral_contract.suite.verdicts.verdict import Unsupported, Violation, require

REPEATABLE = {"seed": 7, "temperature": 0}
FEW = 2
"""Tokens that a long task does not fit."""
ROOMY = 64
"""Tokens that a long task fills."""
LONGEST_TOKEN = 64
"""Characters; the longest piece of Mixtral's vocabularies has 18, and other tokenizers have longer runs of spaces."""


_AROUND = 30
"""Characters shown before and after the first place that differs."""


def require_same(expected: str, got: str, exchange: Exchange) -> None:
    """Nothing when the texts are the same.

    Raises: Violation with the first place that differs, as both have it.
    """
    if expected == got:
        return
    pairs = zip(expected, got, strict=False)
    at = next((index for index, (one, other) in enumerate(pairs) if one != other), min(len(expected), len(got)))
    lengths = f"{len(expected)} characters expected, {len(got)} got"
    raise Violation(
        f"{_part(got, at)} there, the first place that differs ({lengths})",
        expected=f"{_part(expected, at)} at character {at}",
        exchange=exchange,
    )


def _part(text: str, at: int) -> str:
    """What stands around a place, quoted; dots where the text goes on."""
    start, end = max(0, at - _AROUND), at + _AROUND
    return f"{'...' if start else ''}{text[start:end]!r}{'...' if end < len(text) else ''}"


def stop_in(text: str) -> str:
    """A piece of the text to stop at, in its middle: across two words, so that it lies across tokens.

    Raises: Unsupported for a text too short to stop in.
    """
    words = text.split()
    if len(words) < 3:
        raise Unsupported(f"a text too short to stop in: {text!r}")
    middle = len(words) // 2
    found = f"{words[middle]} {words[middle + 1]}"
    return found if found in text else words[middle]


def require_kept(whole: str, stop: str, text: str, exchange: Exchange) -> None:
    """Nothing when the text is what stands before the stop sequence in the whole; space at the end is the server's.

    Raises: Violation when it is less or more, Unsupported when it is not the same text, or has the sequence in it.
    """
    kept, text = whole[: whole.index(stop)].rstrip(), text.rstrip()
    if stop in text:
        raise Unsupported("it holds the stop sequence, which has its own clause", exchange=exchange)
    if not whole.startswith(text):
        raise Unsupported("another text, which the stop sequence need not have ended", exchange=exchange)
    require_same(kept, text, exchange)


def same_again(again: object, before: object, exchange: Exchange) -> None:
    """Nothing when the same request got the same again: then what another one got differs for that request's sake.

    Raises: Unsupported when it did not: the target says something else each time, which has its own clause.
    """
    if again != before:
        raise Unsupported("something else each time, which has its own clause", exchange=exchange)


def require_ended(text: str, whole: str, exchange: Exchange) -> None:
    """Nothing when a stop sequence can have ended the text.

    Raises: Unsupported for the whole text, in which it was ignored, and for one that is no beginning of that.
    """
    if text == whole:
        raise Unsupported("the whole text, which no stop sequence has ended", exchange=exchange)
    if not whole.startswith(text):
        raise Unsupported("another text, which the stop sequence need not have ended", exchange=exchange)


def require_count(found: int, most: int, exchange: Exchange) -> None:
    """Nothing when a text that the limit cut counts as many tokens as the limit.

    Raises: Violation when it counts more, which is billed, or fewer: then the limit or the count is another.
    """
    require(found == most, expected=f"{most} completion tokens", got=f"{found}", exchange=exchange)


def is_brief(text: str) -> bool:
    """Whether two tokens can hold the text."""
    return len(text) <= FEW * LONGEST_TOKEN


def require_cut(text: str, roomy: str, exchange: Exchange) -> None:
    """Nothing when the limit cut the text: the same task gets more with more room.

    Raises: Unsupported when it does not: some models say little, whatever the task.
    """
    if len(roomy) <= len(text):
        raise Unsupported(f"a text that ends by itself: {roomy!r}", exchange=exchange)
