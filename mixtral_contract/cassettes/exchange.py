"""A recorded exchange as a value: what was asked, what came back, and when. Knows no file, no network, no clock."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

COMPLETE = "complete"
CUT = "cut"
LEFT = "left"
"""How an answer ended: whole, cut off by the upstream, or no longer wanted by the client."""

REDACTED = "[key]"
"""What stands where a key stood."""

Headers = tuple[tuple[str, str], ...]

_DONE = b"[DONE]"


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asked: the path and the query as sent, percent-encoded."""

    method: str
    path: str
    query: str = ""
    headers: Headers = ()
    body: bytes = b""

    @property
    def json(self) -> Any:
        """The body as JSON; `...` where it is none, or says a name twice."""
        return strict_json(self.body)

    @property
    def key(self) -> tuple[str, str, str, str | bytes]:
        """The same for two requests that ask the same: method, path, query, and the body's value if it is JSON.

        The order of members, the spelling of numbers and the headers make no difference.
        """
        value = self.json
        body = self.body if value is ... else json.dumps(_plain(value), sort_keys=True)
        return self.method, self.path, self.query, body


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of a body, and when they arrived, since the request was sent."""

    at_ns: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the body's pieces as they arrived, and how it ended (`COMPLETE`, `CUT` or `LEFT`)."""

    status: int
    headers: Headers
    head_ns: int
    pieces: tuple[Piece, ...]
    end_ns: int
    ending: str = COMPLETE

    @property
    def body(self) -> bytes:
        """All pieces."""
        return b"".join(piece.data for piece in self.pieces)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing: a client that leaves after `[DONE]` left nothing behind."""
        return self.ending == COMPLETE or (self.ending == LEFT and self.body.rstrip().endswith(_DONE))


@dataclass(frozen=True, slots=True)
class Recorded:
    """One exchange; `at` is its date and time in UTC, as RFC 3339 writes it."""

    at: str
    request: Request
    answer: Answer


def strict_json(content: bytes) -> Any:
    """The JSON value; `...` for what is none, says a name twice, or holds what not every reader can take."""
    try:
        value = json.loads(content.decode(), object_pairs_hook=_members, parse_constant=_refused, parse_float=_finite)
        json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except (ValueError, RecursionError):
        return ...
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("expected each name once")
    return members


def _refused(name: str) -> float:
    raise ValueError(f"expected JSON, got {name}")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"expected a number that fits, got {text}")
    return value


def _plain(value: Any) -> Any:
    """The value with whole numbers as such: 1.0 and 1 are the same in JSON."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value
