"""Takes keys out of what is to be stored: where they are sent, and wherever an answer repeats them.

A key is what a header, a parameter of the query or a field of a JSON body carries that is named like one. Its name
stays, and the scheme before it; its text is looked for in everything else of the exchange, over the cuts between pieces
too. What looks like a vendor's key is taken out as well. A word shorter than `SHORTEST` that was sent as a key ("x",
"none", "EMPTY") is no secret, and is left where it stands in a text.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from urllib.parse import unquote_plus

from mixtral_contract.cassettes.exchange import REDACTED, Answer, Headers, Piece, Request

SHORTEST = 6

_CARRIES_KEY = re.compile(r"auth|api[-_]?key|subscription-key|token|secret|password|cookie|signature", re.IGNORECASE)
_SAYS_KEY = re.compile(r"set-cookie|authorization|x-api-key|api-key|(?:x-)?auth-token", re.IGNORECASE)
"""Names of request headers that carry keys; and of answers', whose x-ratelimit-limit-tokens is none."""
_PARAMETER = re.compile(
    r"(?:^|[-_])(?:key|apikey|token|auth|authorization|secret|sig|signature|password)$", re.IGNORECASE
)
_FIELD = re.compile(
    r"(?:^|[-_.])(?:api[-_]?key|(?:access|auth)[-_]?token|authorization|secret|password)$", re.IGNORECASE
)
"""Names of a body's fields: narrower, for `max_tokens`, `prompt_cache_key` and the like are none."""
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9-]*) +(\S.*)")
_VENDORS = r"(?<![\w-])(?:nvapi-[\w-]{8,}|SG_[0-9A-Fa-f]{8,}|sk-[\w-]{16,})"


def redacted(request: Request, answer: Answer) -> tuple[Request, Answer]:
    """The exchange without its keys; a content-length counts what is left."""
    pattern = _pattern(_secrets(request))
    pieces = _without(pattern, answer.pieces)
    lost = sum(len(piece.data) for piece in answer.pieces) - sum(len(piece.data) for piece in pieces)
    headers = _headers(answer.headers, _SAYS_KEY, pattern)
    if lost:
        headers = tuple((name, _shortened(name, value, lost)) for name, value in headers)
    return _request(request, pattern), replace(answer, headers=headers, pieces=pieces)


def redacted_request(request: Request) -> Request:
    """The request without its keys, as it stands in a cassette."""
    return _request(request, _pattern(_secrets(request)))


def _request(request: Request, pattern: re.Pattern[bytes]) -> Request:
    query = "&".join(_parameter(part) for part in request.query.split("&"))
    return replace(
        request,
        path=_text(pattern, request.path),
        query=_text(pattern, query),
        headers=_headers(request.headers, _CARRIES_KEY, pattern),
        body=pattern.sub(REDACTED.encode(), request.body),
    )


# ---- what the keys are


def _secrets(request: Request) -> set[str]:
    """The keys of a request, as they were sent and as they may be repeated."""
    found = {key for name, value in request.headers if _CARRIES_KEY.search(name) for key in _keys(name, value)}
    for part in request.query.split("&"):
        name, _, value = part.partition("=")
        if _PARAMETER.search(name):
            found |= {value, unquote_plus(value)}
    found |= {key for name, value in _fields(request.body) if _FIELD.search(name) for key in _keys(name, value)}
    escaped = {json.dumps(key)[1:-1] for key in found}
    return {key for key in found | escaped if len(key) >= SHORTEST}


def _fields(body: bytes) -> Iterator[tuple[str, str]]:
    """The texts that an object in a body says by name; none of what is no JSON."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return
    if isinstance(said, dict):
        yield from ((name, value) for name, value in said.items() if isinstance(value, str))


def _keys(name: str, value: str) -> Iterator[str]:
    if name.lower() == "cookie":
        yield from (pair.partition("=")[2].strip() for pair in value.split(";"))
        return
    scheme = _SCHEME.fullmatch(value.strip())
    key = scheme[2] if scheme else value.strip()
    yield key
    if scheme and scheme[1].lower() == "basic":
        try:
            yield base64.b64decode(key, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return


def _pattern(secrets: Iterable[str]) -> re.Pattern[bytes]:
    # the longest first: a key may begin with another one
    known = [re.escape(secret) for secret in sorted(secrets, key=len, reverse=True)]
    return re.compile("|".join((*known, _VENDORS)).encode())


# ---- where they are


def _headers(headers: Headers, named: re.Pattern[str], pattern: re.Pattern[bytes]) -> Headers:
    return tuple((name, _carried(value) if named.search(name) else _text(pattern, value)) for name, value in headers)


def _carried(value: str) -> str:
    scheme = _SCHEME.fullmatch(value.strip())
    return f"{scheme[1]} {REDACTED}" if scheme else REDACTED


def _parameter(part: str) -> str:
    name, equals, _ = part.partition("=")
    return f"{name}={REDACTED}" if equals and _PARAMETER.search(name) else part


def _text(pattern: re.Pattern[bytes], text: str) -> str:
    return pattern.sub(REDACTED.encode(), text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


def _without(pattern: re.Pattern[bytes], pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """The pieces without the keys; what stands for a key that is cut stands in the piece where it begins."""
    body = b"".join(piece.data for piece in pieces)
    keys = [match.span() for match in pattern.finditer(body)]
    if not keys:
        return tuple(pieces)
    ends = list(accumulate(len(piece.data) for piece in pieces))
    starts = [0, *ends]
    return tuple(
        replace(piece, data=_cut(body, keys, start, end))
        for piece, start, end in zip(pieces, starts, ends, strict=False)
    )


def _cut(body: bytes, keys: Sequence[tuple[int, int]], start: int, end: int) -> bytes:
    """The body from start to end without the keys."""
    kept, at = [], start
    for begin, over in keys:
        if begin >= end or over <= start:
            continue
        kept.append(body[at : max(at, begin)])
        if begin >= start:
            kept.append(REDACTED.encode())
        at = min(over, end)
    return b"".join((*kept, body[at:end]))


def _shortened(name: str, value: str, lost: int) -> str:
    if name.lower() != "content-length" or not value.isdecimal():
        return value
    return str(max(0, int(value) - lost))
