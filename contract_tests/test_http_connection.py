"""HTTP: the bytes of a connection: heads, bodies and their ends, and what comes after them (RFC 9112)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from mixtral_contract.suite.http.exchange import Exchange
from mixtral_contract.suite.target.endpoint import Endpoint, not_busy
from mixtral_contract.suite.target.shared_answers import WRONG_KEY
from mixtral_contract.suite.verdicts.verdict import Inconclusive, NotRun, Tolerable, Unsupported, require

_LINGER_S = 0.05
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] [1-9][0-9]{2}( [^\r\n\x00]*)?")
_FIELD_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\x00]*")
_SINGLE = ("content-type", "content-length", "date", "retry-after", "location", "x-remaining-credits")
"""Fields with one value, which no sender may repeat."""
_DATE = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-3][0-9] (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{4}"
    r" [0-2][0-9]:[0-5][0-9]:[0-6][0-9] GMT"
)
_UNREAD = {"role": "user", "content": "Say hello in one word. " * 400}
"""A message that a server which refuses early may leave unread."""


@pytest.mark.clause("HTTP-15")
def test_answer__is_not_compressed_for_a_client_that_does_not_take_it(endpoint: Endpoint) -> None:
    """RFC 9110 section 12.5.3: with "identity" alone in Accept-Encoding no other coding is acceptable."""
    for exchange in endpoint.seen.all:
        coding = (exchange.header("content-encoding") or "identity").strip().lower()
        plain = coding == "identity"
        require(plain, expected="no Content-Encoding", got=f"Content-Encoding: {coding}", exchange=exchange)


@pytest.mark.clause("HTTP-16")
def test_nothing__follows_the_end_of_an_answer(endpoint: Endpoint) -> None:
    """RFC 9112 section 6.3: bytes after the end are a response that nobody asked for, or a wrong Content-Length."""
    asked = [endpoint.request(endpoint.body(), key_headers={})]
    if not endpoint.target.paid:
        asked.append(endpoint.request(endpoint.body()))
    for exchange in [endpoint.converse([request], linger_s=_LINGER_S)[0] for request in asked] + endpoint.seen.all:
        got = f"{len(exchange.surplus)} bytes: {exchange.surplus[:60]!r}"
        require(not exchange.surplus, expected="nothing after the end", got=got, exchange=exchange)


@pytest.mark.clause("HTTP-17")
def test_content_length__never_stands_beside_transfer_encoding(endpoint: Endpoint) -> None:
    """RFC 9112 section 6.2: "A sender MUST NOT send a Content-Length header field in any message that contains"."""
    for exchange in endpoint.seen.all:
        both = exchange.header("content-length") is not None and exchange.header("transfer-encoding") is not None
        require(not both, expected="one of the two", got="Content-Length and Transfer-Encoding", exchange=exchange)


@pytest.mark.clause("HTTP-18")
def test_field_with_one_value__stands_once(endpoint: Endpoint) -> None:
    """RFC 9110 section 5.3: a sender must not repeat a field that is no list."""
    for exchange in endpoint.seen.all:
        counts = Counter(line.partition(b":")[0].decode("latin-1").lower() for line in _lines(exchange)[1:])
        twice = [name for name in _SINGLE if counts[name] > 1]
        require(not twice, expected="each once", got=f"{', '.join(twice)} more than once", exchange=exchange)


@pytest.mark.clause("HTTP-19")
def test_head__is_http_to_the_letter(endpoint: Endpoint) -> None:
    """RFC 9112 sections 2.2, 4 and 5: lines end with CRLF, no space before the colon, no folded lines."""
    asked = list(_asked(endpoint))
    if not any(exchange.status is not None or exchange.ending == "malformed" for exchange in asked):
        raise Inconclusive(asked[0].summary, expected="an answer", exchange=asked[0])
    for exchange in asked:
        bad = exchange.ending == "malformed" and exchange.status is None
        require(not bad, expected="HTTP/1.1", got=f"what is none: {exchange.detail}", exchange=exchange)
        if exchange.status is not None:
            first, *fields = _lines(exchange)
            found = [first] if not _STATUS_LINE.fullmatch(first) else []
            found += [line for line in fields if not _FIELD_LINE.fullmatch(line)]
            require(not found, expected="lines of HTTP/1.1", got=repr(found)[:120], exchange=exchange)


@pytest.mark.clause("HTTP-20")
def test_http_1_0_client__gets_no_chunks(endpoint: Endpoint) -> None:
    """RFC 9112 section 6.1: "A server MUST NOT send a response containing Transfer-Encoding" to HTTP/1.0."""
    if endpoint.target.paid:
        raise NotRun("a stream of its own would be billed")
    exchange = endpoint.complete(endpoint.body(stream=True), version="1.0")
    coding = exchange.header("transfer-encoding")
    require(coding is None, expected="no Transfer-Encoding", got=f"Transfer-Encoding: {coding}", exchange=exchange)


@pytest.mark.clause("HTTP-21")
def test_head_request__is_answered_without_a_body(endpoint: Endpoint) -> None:
    """RFC 9110 section 9.3.2: "the server MUST NOT send content in the response"."""
    request = endpoint.request(method="HEAD", headers={"Content-Type": ""})
    exchange = endpoint.converse([request], linger_s=_LINGER_S)[0]
    if exchange.status is None:
        raise Inconclusive(exchange.summary, expected="an answer", exchange=exchange)
    content = exchange.body + exchange.surplus
    require(not content, expected="no body", got=f"{len(content)} bytes: {content[:60]!r}", exchange=exchange)


@pytest.mark.clause("HTTP-22")
def test_connection__serves_on_after_a_refusal(endpoint: Endpoint) -> None:
    """RFC 9112 section 9.3: it persists unless "close" is said; a body that was not read is no second request."""
    first = endpoint.request(endpoint.body(messages=[_UNREAD]), key_headers=endpoint.key_headers(WRONG_KEY))
    second = endpoint.request(endpoint.body(), key_headers={})
    _serves_on(endpoint.converse([first, second]), endpoint.seen.no_key)


@pytest.mark.clause("HTTP-23")
def test_requests_in_a_row__are_answered_in_their_order(endpoint: Endpoint) -> None:
    """RFC 9112 section 9.3.2: "MUST send the corresponding responses in the same order"."""
    plain = {"Content-Type": ""}
    first = endpoint.request(method="GET", headers=plain)
    second = endpoint.request(method="GET", headers=plain, url=f"{endpoint.url}/no-such-endpoint")
    alone = not_busy(endpoint.converse([second])[0])
    not_busy(endpoint.seen.wrong_method)
    if endpoint.seen.wrong_method.status in (None, alone.status) or alone.status is None:
        raise Unsupported(f"two answers that cannot be told apart: {alone.summary}", exchange=alone)
    answers = [not_busy(each) for each in endpoint.converse([first, second], together=True)]
    got, wanted = answers[0].status, endpoint.seen.wrong_method.status
    require(got == wanted, expected=f"{wanted} first", got=answers[0].summary, exchange=answers[0])
    _serves_on(answers, alone)


@pytest.mark.clause("HTTP-24")
def test_expectation_to_continue__is_met(endpoint: Endpoint) -> None:
    """RFC 9110 section 10.1.1: curl sends it with long bodies; the answer is 100, or at once the final one."""
    exchange = endpoint.complete(headers={"Expect": "100-continue"})
    require(exchange.status == 200, expected="200", got=exchange.summary, exchange=exchange)


@pytest.mark.clause("HTTP-25")
def test_chunked_request__is_read(endpoint: Endpoint) -> None:
    """RFC 9112 section 7.1: every recipient decodes it; section 6.3 lets a server want a length instead, with 411."""
    exchange = endpoint.ask(endpoint.body(), headers={"Transfer-Encoding": "chunked"})
    if exchange.status == 411:
        raise Tolerable(exchange.summary, expected="200 for a chunked body", exchange=exchange)
    if exchange.status != 200:
        endpoint.seen.completion  # noqa: B018  a server that refuses the same body unchunked is not to be blamed
        endpoint.settle(exchange, fault_is_answer=True)
    require(exchange.status == 200, expected="200 for a chunked body", got=exchange.summary, exchange=exchange)


@pytest.mark.clause("HTTP-26")
def test_connection__is_closed_when_the_client_says_so(endpoint: Endpoint) -> None:
    """RFC 9112 section 9.6: "MUST NOT process any further requests received on that connection"."""
    first = endpoint.request(endpoint.body(), key_headers={}, headers={"Connection": "close"})
    # what has no answer may be billed, so it asks for no completion
    second = endpoint.request(method="GET", key_headers={}, headers={"Content-Type": ""})
    answers = endpoint.converse([first, second], together=True)
    if answers[0].status is None:
        raise Inconclusive(answers[0].summary, expected="an answer", exchange=answers[0])
    require(answers[1].status is None, expected="no second answer", got=answers[1].summary, exchange=answers[1])
    closed = answers[1].ending != "timeout"
    require(closed, expected="the connection closed", got="it was kept open", exchange=answers[0])


@pytest.mark.clause("HTTP-27")
def test_media_type__is_matched_in_any_case(endpoint: Endpoint) -> None:
    """RFC 9110 section 8.3.1: "The type and subtype tokens are case-insensitive"."""
    endpoint.complete(headers={"Content-Type": "Application/JSON"})


@pytest.mark.clause("HTTP-28")
def test_charset_of_json__is_utf8_where_one_is_said(endpoint: Endpoint) -> None:
    """RFC 8259 section 8.1: "MUST be encoded using UTF-8"; a client that believes another charset misreads it."""
    for exchange in endpoint.seen.all:
        if exchange.media_type.endswith("json"):
            found = re.search(r'charset="?([^";\s]+)', exchange.header("content-type") or "", re.IGNORECASE)
            charset = found[1].lower() if found else "utf-8"
            require(charset in ("utf-8", "utf8"), expected="utf-8", got=charset, exchange=exchange)


@pytest.mark.clause("HTTP-31")
def test_date__has_the_one_form(endpoint: Endpoint) -> None:
    """RFC 9110 section 5.6.7: "a sender MUST generate" an IMF-fixdate."""
    dated = [exchange for exchange in endpoint.seen.all if exchange.header("date")]
    if not dated:
        raise Unsupported("no Date to look at")
    for exchange in dated:
        found = exchange.header("date") or ""
        require(_DATE.fullmatch(found), expected="Sun, 06 Nov 1994 08:49:37 GMT", got=found, exchange=exchange)


@pytest.mark.clause("SSE-22")
def test_connection__serves_on_after_a_stream(endpoint: Endpoint) -> None:
    """RFC 9112 section 9.3: the end of the body, not of the connection, ends a stream that has a length or chunks."""
    stream, after = endpoint.converse(
        [endpoint.request(endpoint.body(stream=True)), endpoint.request(endpoint.body(), key_headers={})]
    )
    if stream.status != 200:
        raise Inconclusive(stream.summary, expected="a stream", exchange=stream)
    _serves_on([stream, after], endpoint.seen.no_key)


def _serves_on(answers: Sequence[Exchange], wanted: Exchange) -> None:
    """The second of two answers is the wanted one, or the first said that there would be none."""
    first, second = map(not_busy, answers)
    not_busy(wanted)
    if first.status is None or wanted.status is None:
        raise Inconclusive(first.summary, expected="an answer", exchange=first)
    if second.status == wanted.status:
        return
    options = (first.header("connection") or "").lower()
    if second.status is None and ("close" in options or not _has_length(first)):
        return
    if second.status is None and second.ending == "truncated":
        raise Tolerable("it was closed without a word", expected=f"{wanted.status}, or close said", exchange=first)
    require(wanted.status is None, expected=wanted.status, got=second.summary, exchange=second)


def _has_length(exchange: Exchange) -> bool:
    """Whether the answer ends before the connection does."""
    return exchange.header("content-length") is not None or exchange.header("transfer-encoding") is not None


def _lines(exchange: Exchange) -> list[bytes]:
    return exchange.raw_head.removesuffix(b"\r\n\r\n").split(b"\r\n")


def _asked(endpoint: Endpoint) -> Iterator[Exchange]:
    """Every answer seen, and what came in the place of one."""
    seen = endpoint.seen
    yield from (seen.answer, seen.no_key, seen.wrong_key, seen.wrong_method, seen.unknown_url, seen.malformed)
    if endpoint.operation.streams:
        yield seen.streamed
