"""RSP and SSE: the JSON of answers as text (RFC 8259), which lenient parsers hide."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from mixtral_contract.suite.http.event_stream import Stream
from mixtral_contract.suite.http.exchange import Exchange
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.target.feature_requests import beyond_ascii
from mixtral_contract.suite.verdicts.verdict import Unsupported, Violation, require

_BOM = b"\xef\xbb\xbf"
_TEMPLATE = re.compile(r"</?s>|\[/?INST\]|<\|[a-z_]+\|>|<</?SYS>>")
"""What chat templates put around messages, and no reader should see."""
_WHOLE_NUMBERS = frozenset(("created", "index", "prompt_tokens", "completion_tokens", "total_tokens"))
_ENCODED_TWICE = [each.encode().decode(how, "ignore") for each in "\u732b\u00e9" for how in ("latin-1", "cp1252")]


def _bodies(endpoint: Endpoint) -> list[Exchange]:
    """Whole answers and refusals that are said to be JSON."""
    found = [exchange for exchange in endpoint.seen.all if exchange.media_type.endswith("json")]
    if not found:
        raise Unsupported("no answer that is said to be JSON", exchange=endpoint.seen.answer)
    return found


@pytest.mark.clause("RSP-21")
def test_json__is_utf8_without_a_mark(endpoint: Endpoint) -> None:
    """RFC 8259 section 8.1: "MUST be encoded using UTF-8", "MUST NOT add a byte order mark"."""
    for exchange in _bodies(endpoint):
        marked = exchange.body.startswith(_BOM)
        require(not marked, expected="no byte order mark", got=repr(exchange.body[:20]), exchange=exchange)
        try:
            exchange.body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Violation(str(error), expected="UTF-8", exchange=exchange) from None


@pytest.mark.clause("RSP-22")
def test_json__has_numbers_that_are_numbers(endpoint: Endpoint) -> None:
    """RFC 8259 section 6: "Numeric values that cannot be represented in the grammar (such as Infinity and NaN)"."""
    for exchange in _bodies(endpoint):
        found = _constants(exchange.body)
        require(not found, expected="numbers of JSON", got=", ".join(found), exchange=exchange)


@pytest.mark.clause("RSP-23")
def test_json__has_each_name_once(endpoint: Endpoint) -> None:
    """RFC 8259 section 4: "The names within an object SHOULD be unique"."""
    for exchange in _bodies(endpoint):
        found = _repeated(exchange.body)
        require(not found, expected="each name once", got=f"{', '.join(found)} twice", exchange=exchange)


@pytest.mark.clause("SSE-19")
def test_event__is_strict_json(endpoint: Endpoint) -> None:
    """RFC 8259 section 6: neither NaN nor Infinity; JavaScript's JSON.parse throws at them."""
    for stream in endpoint.seen.streams:
        for payload in stream.payloads:
            found = _constants(payload.encode())
            require(not found, expected="numbers of JSON", got=", ".join(found), exchange=stream.exchange)


@pytest.mark.clause("RSP-31")
def test_whole_numbers__are_written_as_such(endpoint: Endpoint) -> None:
    """JSON Schema takes 1.0 for an integer; what other languages call one has no fraction."""
    exchanges = [endpoint.seen.completion]
    answers = [exchanges[0].json]
    if endpoint.operation.streams:
        exchanges += [stream.exchange for stream in endpoint.seen.streams]
        answers += [chunk for stream in endpoint.seen.streams for chunk in stream.chunks]
    found = sorted({name for answer in answers for name in _fractions(answer)})
    require(not found, expected="no fraction", got=", ".join(found), exchange=exchanges[-1])


@pytest.mark.clause("RSP-24")
def test_text__has_whole_characters(endpoint: Endpoint) -> None:
    """A token may end inside a character, a delta may not: no U+FFFD, no half of a surrogate pair.

    Nor may the UTF-8 form of one be read as Latin-1 on its way.
    """
    body = beyond_ascii(endpoint)
    exchanges = [endpoint.seen.completion, endpoint.complete(body)]
    if endpoint.operation.streams:
        exchanges.append(endpoint.complete({**body, "stream": True}))
    if exchanges[0].json is not None:
        # bytes that are no UTF-8, or counted as characters, are seen beyond ASCII alone
        require(exchanges[1].json is not None, expected="JSON", got=exchanges[1].summary, exchange=exchanges[1])
    for exchange in exchanges:
        texts = list(_texts(exchange))
        if texts and b'"length"' in exchange.body:
            # the limit may lie within a character
            texts[-1] = texts[-1].removesuffix("\ufffd")
        for text in texts:
            broken = [each for each in text if each == "\ufffd" or "\ud800" <= each <= "\udfff"]
            broken += [each for each in _ENCODED_TWICE if each in text]
            require(not broken, expected="whole characters", got=ascii(text)[:120], exchange=exchange)


@pytest.mark.clause("RSP-28")
def test_text__is_free_of_the_template(endpoint: Endpoint) -> None:
    """What stands between the messages of a prompt is no part of the answer."""
    exchanges = [endpoint.seen.completion, endpoint.seen.second_answer]
    if endpoint.operation.streams:
        exchanges.append(endpoint.seen.streamed)
    for exchange in exchanges:
        found = _TEMPLATE.search("".join(_texts(exchange)))
        require(found is None, expected="text", got=found and found.group(), exchange=exchange)


def _texts(exchange: Exchange) -> Iterator[str]:
    """The text of a whole answer, or that of each delta."""
    if exchange.media_type == "text/event-stream":
        deltas = (choice.get("delta") for choice in Stream(exchange).choices)
        found = [delta.get("content") for delta in deltas if isinstance(delta, dict)]
    else:
        try:
            found = [exchange.json["choices"][0]["message"]["content"]]
        except (KeyError, IndexError, TypeError):
            raise Unsupported("no text to look at", exchange=exchange) from None
    yield from (text for text in found if isinstance(text, str))


def _fractions(value: Any) -> Iterator[str]:
    """The names of documented whole numbers that are read as floats."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in _WHOLE_NUMBERS and isinstance(inner, float):
                yield f"{name} {inner}"
            yield from _fractions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _fractions(inner)


def _constants(raw: bytes) -> list[str]:
    """The words that Python reads as numbers and JSON does not have."""
    found: list[str] = []
    _parse(raw, parse_constant=found.append)
    return list(dict.fromkeys(found))


def _repeated(raw: bytes) -> list[str]:
    """Names that stand twice in one object."""
    found: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        found.extend(name for name in dict.fromkeys(names) if names.count(name) > 1)
        return dict(pairs)

    _parse(raw, object_pairs_hook=look)
    return found


def _parse(raw: bytes, **hooks: Any) -> None:
    # what is no JSON at all has clauses of its own
    with suppress(ValueError, RecursionError):
        json.loads(raw, **hooks)
