"""ERR: refusals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from mixtral_contract.suite.http.exchange import Exchange
from mixtral_contract.suite.target.endpoint import Endpoint, not_busy
from mixtral_contract.suite.target.shared_answers import BUSY
from mixtral_contract.suite.verdicts.header_values import date_s
from mixtral_contract.suite.verdicts.verdict import Inconclusive, NotRun, Tolerable, Unsupported, Violation, require

_INSIDE = re.compile(
    rb"Traceback \(most recent call last\)|File \\?\"/|\bat [\w.$<> ]+\([^()\s]+:\d+(?::\d+)?\)|goroutine \d+ \[|"
    rb"\bpanicked at |\bException in thread |\bStack trace:|"
    rb"/(?:usr|home|opt|app|srv|var|root|workspace)/[\w./-]+\.(?:py|go|js|ts|rs|c|cc|cpp|java|php|rb)\b|"
    rb"\b(?:10\.\d{1,3}|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d{1,3}\.\d{1,3}\b"
)
"""A stack trace, a path of a source file, an address of a private network."""
_BURST = 10
_TRIES = 3
_MOST_WAIT_S = 5
_DATE = re.compile(r"[A-Z][a-z]{2}, [0-3][0-9] [A-Z][a-z]{2} [0-9]{4} [0-2][0-9]:[0-5][0-9]:[0-6][0-9] GMT")
_WORDS = ("message", "error", "detail", "title", "reason")


def _refusals(endpoint: Endpoint) -> list[Exchange]:
    found = endpoint.seen.refusals
    if not found:
        raise Unsupported("no refusal to look at")
    return found


def _key(endpoint: Endpoint, role: str) -> dict[str, str]:
    if role not in endpoint.target.keys:
        raise NotRun(f"no key of an account that is {role}: --{role}-key-env names one")
    endpoint.seen.completion  # noqa: B018  where the good key gets nothing, a special one tells nothing
    return endpoint.key_headers(endpoint.target.keys[role])


@pytest.mark.clause("ERR-01")
def test_refusal__is_json_with_a_message(endpoint: Endpoint) -> None:
    """Somewhere in the body is a text that is not empty, under one of the usual names."""
    for exchange in _refusals(endpoint):
        said = any(isinstance(text, str) and text.strip() for text in _messages(exchange.json))
        require(said, expected="JSON with a message", got=exchange.summary, exchange=exchange)


@pytest.mark.clause("ERR-19")
def test_refusal__says_what_is_wrong_under_error(endpoint: Endpoint) -> None:
    """One of the two envelopes that clients of this API know."""
    for exchange in _refusals(endpoint):
        error = exchange.json.get("error") if isinstance(exchange.json, dict) else None
        message = error.get("message") if isinstance(error, dict) else error
        good = isinstance(message, str) and message.strip()
        require(good, expected="error, or error.message", got=exchange.summary, exchange=exchange)


@pytest.mark.clause("ERR-02")
def test_refusals__have_one_shape(endpoint: Endpoint) -> None:
    """Where the message stands in the body; more members beside it make no other shape."""
    shapes: dict[str, Exchange] = {}
    for exchange in _refusals(endpoint):
        if isinstance(exchange.json, dict):
            shapes.setdefault(_place(exchange.json), exchange)
    if not shapes:
        raise Unsupported("no JSON object to look at")
    last = list(shapes.values())[-1]
    require(len(shapes) == 1, expected="one shape", got=" and ".join(shapes), exchange=last)


@pytest.mark.clause("ERR-03")
def test_status_in_the_body__is_the_status(endpoint: Endpoint) -> None:
    """RFC 9457 section 3.1.2: a status member is the HTTP status."""
    for exchange in _refusals(endpoint):
        for found in _statuses(exchange.json):
            require(found == exchange.status, expected=exchange.status, got=found, exchange=exchange)


@pytest.mark.clause("ERR-04")
def test_refusal__shows_nothing_inside(endpoint: Endpoint) -> None:
    """No stack trace, no path of a source file, no address of a private network."""
    for exchange in _refusals(endpoint):
        shown = _INSIDE.search(exchange.body)
        require(shown is None, expected="nothing inside", got=shown and shown.group()[:80], exchange=exchange)


@pytest.mark.clause("ERR-05")
def test_no_credits__is_refused(endpoint: Endpoint) -> None:
    """The documented status for an account without credits; 402, which one page leaves open, is the usual other one."""
    exchange = endpoint.ask(endpoint.body(), key_headers=_key(endpoint, "exhausted"))
    if exchange.status == 402:
        raise Tolerable(exchange.summary, expected="406", exchange=exchange)
    endpoint.expect_condition("no-credits", exchange)


@pytest.mark.clause("ERR-06")
def test_no_permission__is_refused(endpoint: Endpoint) -> None:
    """The documented status for a key without permission."""
    endpoint.expect_condition("forbidden", endpoint.ask(endpoint.body(), key_headers=_key(endpoint, "forbidden")))


@pytest.mark.clause("ERR-07")
def test_too_many_requests__says_when_to_come_back(endpoint: Endpoint) -> None:
    """Retry-After, or Segmind's header with the time at which the limit ends."""
    exchange = _limited(endpoint)
    if exchange.status != 429:
        raise Unsupported(f"no 429 to look at: {exchange.summary}", exchange=exchange)
    found = exchange.header("retry-after") or exchange.header("x-rate-limit-reset-at-utc")
    require(found, expected="Retry-After", got="none", exchange=exchange)


@pytest.mark.clause("ERR-08")
def test_status__is_documented(endpoint: Endpoint) -> None:
    """Of all answers seen but those of a server that was busy."""
    documented = sorted(endpoint.operation.responses)
    for exchange in endpoint.seen.all:
        known = exchange.status in documented or exchange.status in BUSY
        require(known, expected=documented, got=exchange.summary, exchange=exchange)


@pytest.mark.clause("ERR-12")
def test_error__never_comes_with_200(endpoint: Endpoint) -> None:
    """A completion has no error beside it."""
    exchange = endpoint.seen.completion
    error = exchange.json.get("error") if isinstance(exchange.json, dict) else None
    require(not error, expected="no error in a 200", got=repr(error), exchange=exchange)


@pytest.mark.clause("ERR-14")
def test_rate_limit__is_enforced(endpoint: Endpoint) -> None:
    """The documented status for too many requests."""
    exchange = _limited(endpoint)
    if exchange.status == 503 and _refuses_only_the_limited_key(endpoint):
        raise Violation(exchange.summary, expected="429", exchange=exchange)
    endpoint.expect_condition("rate-limited", exchange)


@pytest.mark.clause("ERR-15")
def test_stream__carries_no_error(endpoint: Endpoint) -> None:
    """A good request is answered with chunks to the end; an error after the head has no status to be seen in."""
    for stream in endpoint.seen.streams:
        found = [chunk["error"] for chunk in stream.chunks if chunk.get("error")]
        require(not found, expected="no error in a stream", got=repr(found[:1])[:200], exchange=stream.exchange)


@pytest.mark.clause("ERR-16")
def test_refusal__says_that_it_is_json(endpoint: Endpoint) -> None:
    """RFC 9110 section 8.3: a sender that knows the media type says it; clients parse what is said to be JSON."""
    told = [exchange for exchange in _refusals(endpoint) if isinstance(exchange.json, dict)]
    if not told:
        raise Unsupported("no JSON object to look at")
    for exchange in told:
        said = re.fullmatch(r"application/([\w.-]+\+)?json", exchange.media_type)
        found = exchange.header("content-type")
        require(said, expected="application/json", got=f"Content-Type: {found}", exchange=exchange)


@pytest.mark.clause("ERR-17")
def test_retry_after__is_a_number_of_seconds_or_a_date(endpoint: Endpoint) -> None:
    """RFC 9110 section 10.2.3: delay-seconds is digits only."""
    exchange = _limited(endpoint)
    found = exchange.header("retry-after")
    if found is None:
        raise Unsupported(f"no Retry-After to look at: {exchange.summary}", exchange=exchange)
    good = (found.isascii() and found.isdecimal()) or _DATE.fullmatch(found)
    require(good, expected="seconds or a date", got=f"Retry-After: {found}", exchange=exchange)


@pytest.mark.clause("ERR-18")
def test_limited_key__is_let_in_after_retry_after(endpoint: Endpoint) -> None:
    """Whoever waits as long as was said is served."""
    exchange = _limited(endpoint)
    found, wait_s = exchange.header("retry-after"), _wait_s(exchange)
    if exchange.status != 429 or wait_s is None or wait_s > _MOST_WAIT_S:
        raise Unsupported(f"no 429 with a short wait: {exchange.summary}, Retry-After: {found}", exchange=exchange)
    again = _asked_after(endpoint, wait_s)
    for _ in range(_TRIES):
        # a server that is busy says 429 too, to any key; one that tells too short a wait does so again
        if again.status != 429 or (told_s := _wait_s(again)) is None or told_s > _MOST_WAIT_S:
            break
        again = _asked_after(endpoint, told_s)
    if again.status != 429:
        not_busy(again)
    require(again.status == 200, expected=f"200 after {wait_s} s", got=again.summary, exchange=again)


def _asked_after(endpoint: Endpoint, wait_s: int) -> Exchange:
    """What the limited key gets after a wait."""
    endpoint.client.pause(wait_s)
    return endpoint.ask(endpoint.body(), key_headers=_key(endpoint, "limited"), busy_is_answer=True)


def _refuses_only_the_limited_key(endpoint: Endpoint) -> bool:
    """Whether that key gets 503 again and again while another one is served: no state of the server."""
    return all(
        _asked_after(endpoint, 0).status == 503 and endpoint.ask(endpoint.body(), busy_is_answer=True).status == 200
        for _ in range(_TRIES)
    )


def _limited(endpoint: Endpoint) -> Exchange:
    """The first answer to the limited key that is no completion."""
    headers = _key(endpoint, "limited")
    for _ in range(_BURST):
        exchange = endpoint.ask(endpoint.body(), key_headers=headers, busy_is_answer=True)
        if exchange.status != 200:
            return exchange
    raise Inconclusive(f"{_BURST} completions in a row", expected="a limit")


def _wait_s(exchange: Exchange) -> int | None:
    """The seconds that Retry-After names, by the answer's own clock where it is a date; None without a good one."""
    found = exchange.header("retry-after") or ""
    if found.isascii() and found.isdecimal():
        return int(found)
    now_s = date_s(exchange)
    if now_s is None or not _DATE.fullmatch(found):
        return None
    return max(0, int(parsedate_to_datetime(found).timestamp() - now_s))


def _messages(body: Any) -> Iterator[Any]:
    if isinstance(body, dict):
        for name in _WORDS:
            if name in body:
                yield body[name]
                yield from _messages(body[name])
    elif isinstance(body, list):
        for each in body:
            yield from _messages(each)
            if isinstance(each, dict):
                yield each.get("msg")


def _place(body: Any, *path: str) -> str:
    """The names that lead to the message, joined by dots; those of the body where none does."""
    if isinstance(body, dict):
        name = next((word for word in _WORDS if body.get(word)), None)
        return _place(body[name], *path, name) if name else ".".join((*path, *sorted(body)))
    return ".".join(path)


def _statuses(body: Any) -> Iterator[int]:
    if isinstance(body, dict):
        for name in ("status", "code", "status_code"):
            if isinstance(body.get(name), int) and 100 <= body[name] < 600:
                yield body[name]
        yield from _statuses(body.get("error"))
