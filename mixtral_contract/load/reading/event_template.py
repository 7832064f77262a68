"""What the events of a stream have in common, so that not each has to be parsed: all but the text of one token.

An event that begins and ends as one that was parsed, with nothing but characters of a JSON string between, is that
event with another text: it says what the first one said, and breaks what the first one broke.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_OPENING = re.compile(rb'"content": ?"')
_PLAIN = re.compile(rb'[^"\\\x00-\x1f]+')


class EventTemplate:
    """The bytes around the text of an event with content."""

    __slots__ = ("_around", "_begin", "_end", "_start", "_stop")

    def __init__(self, begin: bytes, end: bytes) -> None:
        self._begin = begin
        self._end = end
        self._around = len(begin) + len(end)
        self._start, self._stop = len(begin), -len(end)

    def text_in(self, received: bytes) -> bytes | None:
        """The text, if these bytes are one whole event of this shape; None if they are not, or have none."""
        if received.startswith(self._begin) and received.endswith(self._end):
            text = received[self._start : self._stop]
            # an event shorter than what stands around a text has none, though it may begin and end so
            if _PLAIN.fullmatch(text) is not None and len(received) > self._around and _is_utf_8(text):
                return text
        return None


def event_template_of(received: bytes, chunk: Mapping[str, Any]) -> EventTemplate | None:
    """The shape of the one event that was received, which holds that chunk.

    None when it is no mere piece of content: of anything else there are few in a stream.
    """
    opening = _OPENING.search(received)
    if opening is None:
        return None
    begin, rest = received[: opening.end()], received[opening.end() :]
    text, quote, end = rest.partition(b'"')
    if not (quote and begin.startswith(b"data:") and end.endswith(b"\n\n")):
        return None
    # one event, and no more: neither part of it holds a line's end but for the last ones
    if b"\n" in begin or b"\r" in received or b"\n" in end[:-2] or not _PLAIN.fullmatch(text):
        return None
    choices = chunk["choices"]
    if chunk.get("usage") is not None or len(choices) != 1 or choices[0].get("finish_reason"):
        return None
    delta = choices[0]["delta"]
    if "role" in delta or not isinstance(delta.get("content"), str) or delta["content"].encode() != text:
        return None
    return EventTemplate(begin, quote + end)


def _is_utf_8(text: bytes) -> bool:
    """Whether a reader of events takes these bytes as they are: what is no UTF-8 it replaces."""
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
