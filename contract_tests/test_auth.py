"""AUT: who may call (RFC 9110, section 11)."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from mixtral_contract.suite.http.exchange import Exchange
from mixtral_contract.suite.target.endpoint import Endpoint, not_busy
from mixtral_contract.suite.target.shared_answers import WRONG_KEY
from mixtral_contract.suite.verdicts.verdict import Inconclusive, Info, Tolerable, Unsupported, require

_TELLING = 8
"""Letters of a key that no other text has."""
_CHALLENGE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+(?: |,|$)")


def _refusal(exchange: Exchange) -> Exchange:
    """The answer to a bad key, when it is a refusal.

    Raises: Inconclusive when the server was busy, Unsupported when the key is not refused.
    """
    if (not_busy(exchange).status or 0) < 400:
        raise Unsupported(f"a missing or wrong key is not refused: {exchange.summary}", exchange=exchange)
    return exchange


@pytest.mark.clause("AUT-01")
def test_missing_key__is_refused(endpoint: Endpoint) -> None:
    """The status is the documented one for a missing key."""
    endpoint.expect_condition("missing-key", endpoint.seen.no_key)


@pytest.mark.clause("AUT-02")
def test_wrong_key__is_refused(endpoint: Endpoint) -> None:
    """The status is the documented one for a wrong key; gateways that answer 403 are common."""
    exchange = endpoint.seen.wrong_key
    if exchange.status == 403:
        raise Tolerable(exchange.summary, expected="401", exchange=exchange)
    endpoint.expect_condition("wrong-key", exchange)


@pytest.mark.clause("AUT-03")
def test_401__says_how_to_authenticate(endpoint: Endpoint) -> None:
    """RFC 9110 section 15.5.2: "MUST send a WWW-Authenticate header field"; no client of this API reads it.

    Section 11.3: a challenge begins with the name of a scheme, and parameters follow it.
    """
    found = [exchange for exchange in (endpoint.seen.no_key, endpoint.seen.wrong_key) if exchange.status == 401]
    if not found:
        raise Unsupported("no 401 to look at")
    for exchange in found:
        challenge = exchange.header("www-authenticate")
        if not challenge:
            raise Tolerable("none", expected="WWW-Authenticate with a 401", exchange=exchange)
        if not _CHALLENGE.match(challenge):
            raise Tolerable(challenge[:200], expected="a challenge that begins with a scheme", exchange=exchange)


@pytest.mark.clause("AUT-04")
def test_key_in_x_api_key__is_accepted(endpoint: Endpoint) -> None:
    """The documented header carries the key; a refusal of it would be the clause's failure, not the account's state."""
    credential = next(each for each in endpoint.operation.credentials if each.scheme is None)
    exchange = endpoint.ask(endpoint.body(), key_headers=endpoint.key_headers(credential=credential))
    accepted = exchange.status not in (401, 403)
    require(accepted, expected=f"no refusal of {credential.header}", got=exchange.summary, exchange=exchange)
    if exchange.status != 200:
        raise Inconclusive(exchange.summary, expected="a completion", exchange=exchange)


@pytest.mark.clause("AUT-05")
def test_two_headers__which_are_accepted(endpoint: Endpoint) -> None:
    """Recorded for each documented header."""
    found = {
        credential.name: endpoint.ask(endpoint.body(), key_headers=endpoint.key_headers(credential=credential)).status
        for credential in endpoint.operation.credentials
    }
    raise Info(", ".join(f"{name}: {status}" for name, status in found.items()))


@pytest.mark.clause("AUT-07")
def test_scheme__is_matched_in_any_case(endpoint: Endpoint) -> None:
    """RFC 9110 section 11.1: a scheme is a case-insensitive token."""
    endpoint.seen.completion  # noqa: B018  the key must be good before its scheme is blamed
    headers = {name: value.replace("Bearer", "bearer") for name, value in endpoint.key_headers().items()}
    exchange = endpoint.ask(endpoint.body(), key_headers=headers)
    require(exchange.status == 200, expected='200 with "bearer"', got=exchange.summary, exchange=exchange)


@pytest.mark.clause("AUT-08")
def test_key__is_judged_before_the_body(endpoint: Endpoint) -> None:
    """A wrong key with a malformed body gets the answer of a wrong key."""
    wanted = _refusal(endpoint.seen.wrong_key)
    exchange = endpoint.ask(endpoint.body(messages=...), key_headers=endpoint.key_headers(WRONG_KEY))
    require(exchange.status == wanted.status, expected=wanted.status, got=exchange.summary, exchange=exchange)


@pytest.mark.clause("AUT-09")
def test_key__is_never_repeated(endpoint: Endpoint) -> None:
    """Neither a good key nor a wrong one stands in any answer; a few letters of one tell nobody anything."""
    for exchange in endpoint.seen.all:
        text = exchange.raw_head + exchange.body
        for key in (*filter(None, [endpoint.target.keys.get("valid")]), WRONG_KEY):
            require(key.encode() not in text, expected="no key in the answer", got="the key", exchange=exchange)
            if any(piece in text for piece in _halves(key)):
                raise Tolerable("more than half of the key", expected="no key in the answer", exchange=exchange)


@pytest.mark.clause("AUT-10")
def test_key_in_the_query__is_not_accepted(endpoint: Endpoint) -> None:
    """Only the documented headers carry a key; where none is needed, none is accepted anywhere."""
    _refusal(endpoint.seen.no_key)
    key = endpoint.target.keys["valid"]
    for name in ("api_key", "key", "access_token", "x-api-key"):
        exchange = endpoint.ask(endpoint.body(), url=f"{endpoint.url}?{name}={key}", key_headers={})
        require(exchange.status != 200, expected="a refusal", got=f"{name}: {exchange.summary}", exchange=exchange)


def _halves(key: str) -> list[bytes]:
    """Every piece of more than half of a key, long enough that no text has it by chance."""
    length = max(_TELLING, len(key) // 2 + 1)
    return [key[start : start + length].encode() for start in range(len(key) - length + 1)]


@pytest.mark.clause("AUT-06")
def test_good_key_beside_a_bad_one__which_wins(endpoint: Endpoint) -> None:
    """Recorded: a good key in the first documented header, a wrong one in the second."""
    first, second = endpoint.operation.credentials[:2]
    headers = {**endpoint.key_headers(credential=first), **endpoint.key_headers(WRONG_KEY, second)}
    exchange = endpoint.ask(endpoint.body(), key_headers=headers)
    raise Info(f"{first.name} good, {second.name} wrong: {exchange.status}", exchange=exchange)


@pytest.mark.clause("AUT-11")
def test_wrong_key__is_refused_before_a_stream_begins(endpoint: Endpoint) -> None:
    """A client that reads events finds the refusal in the status, or not at all."""
    wanted = _refusal(endpoint.seen.wrong_key)
    exchange = endpoint.ask(endpoint.body(stream=True), key_headers=endpoint.key_headers(WRONG_KEY))
    plain = exchange.status == wanted.status and exchange.media_type != "text/event-stream"
    got = f"{exchange.header('content-type')}: {exchange.summary}"
    require(plain, expected=f"{wanted.status} and no stream", got=got, exchange=exchange)


@pytest.mark.clause("AUT-12")
def test_key__is_compared_whole(endpoint: Endpoint) -> None:
    """A good key with a letter more, with a letter less, or in the other case is a wrong key."""
    _refusal(endpoint.seen.wrong_key)
    key = endpoint.target.keys["valid"]
    for other in (f"{key}x", key[:-1], key.swapcase()):
        if other in (key, ""):
            continue
        request = endpoint.request(endpoint.body(), key_headers=endpoint.key_headers(other))
        # nearly a key is a secret too
        exchange = endpoint.converse([replace(request, secrets=(*request.secrets, other))])[0]
        if exchange.status is None:
            raise Inconclusive(exchange.summary, expected="an answer", exchange=exchange)
        require(exchange.status != 200, expected="a refusal", got=exchange.summary, exchange=exchange)


@pytest.mark.clause("AUT-13")
def test_key_without_its_scheme__is_not_accepted(endpoint: Endpoint) -> None:
    """RFC 9110 section 11.4: credentials begin with their scheme; Basic carries no bare key."""
    _refusal(endpoint.seen.no_key)
    key = endpoint.target.keys["valid"]
    for credentials in (f"Basic {key}", key):
        exchange = endpoint.ask(endpoint.body(), key_headers={"Authorization": credentials})
        require(exchange.status != 200, expected="a refusal", got=exchange.summary, exchange=exchange)
