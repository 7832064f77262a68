"""Takes keys out of the texts of a stream where several events hold a part each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_VALUE = re.compile(r'"(?P<name>[^"\\]{1,40})"\s*:\s*"(?P<value>(?:[^"\\]|\\.)*)"')
"""A text in a JSON object, with its name; what is named alike in one event after the other is joined by a reader."""
_ITEM = re.compile(r"""(?P<name>)(?:(?<=\[)|(?<=, ))(?P<quote>['"])(?P<value>(?:(?!(?P=quote))[^\\]|\\.)*)(?P=quote)""")
"""A text in a list, as a verdict quotes several of them."""


def without_split(text: str, secrets: Iterable[str], mark: str) -> str:
    """The text with the mark where a key begins that several texts of one name make together, and none of its rest."""
    known = [secret for secret in secrets if secret]
    for pattern in (_VALUE, _ITEM) if known else ():
        cuts = sorted(cut for spans in _by_name(pattern, text) for cut in _cuts(text, spans, known, mark))
        for start, end, instead in reversed(cuts):
            text = text[:start] + instead + text[end:]
    return text


def _by_name(pattern: re.Pattern[str], text: str) -> Iterable[list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = {}
    for match in pattern.finditer(text):
        found.setdefault(match["name"], []).append(match.span("value"))
    return found.values()


def _cuts(text: str, spans: list[tuple[int, int]], secrets: list[str], mark: str) -> Iterator[tuple[int, int, str]]:
    """Which parts of the text hold a part of a key, and what is to stand there."""
    joined = "".join(text[start:end] for start, end in spans)
    hidden: list[tuple[int, int]] = []
    for secret in sorted(secrets, key=len, reverse=True):
        for match in re.finditer(re.escape(secret), joined):
            if not any(match.start() < end and start < match.end() for start, end in hidden):
                hidden.append(match.span())
    at = 0
    for start, end in spans:
        for begin, over in hidden:
            first, last = max(begin, at), min(over, at + end - start)
            if first < last:
                yield start + first - at, start + last - at, mark if first == begin else ""
        at += end - start
