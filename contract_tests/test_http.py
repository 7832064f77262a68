"""HTTP: the protocol around the call (RFC 9110, RFC 9112)."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mixtral_contract.suite.target.endpoint import Endpoint, not_busy
from mixtral_contract.suite.target.feature_requests import beyond_ascii
from mixtral_contract.suite.verdicts.verdict import Tolerable, Unsupported, Violation, require

_LINGER_S = 0.05


@pytest.mark.clause("HTTP-02")
def test_other_methods__answer_405(endpoint: Endpoint) -> None:
    """RFC 9110 section 15.5.6: the method is known by the server but not supported by the resource."""
    endpoint.expect_condition("wrong-method", endpoint.seen.wrong_method)
    for method in ("PUT", "DELETE", "PATCH"):
        endpoint.expect_condition("wrong-method", endpoint.ask(endpoint.body(), method=method))


@pytest.mark.clause("HTTP-03")
def test_405__names_the_allowed_methods(endpoint: Endpoint) -> None:
    """RFC 9110 section 15.5.6: the server "MUST generate an Allow header field"; no client of this API reads it."""
    exchange = not_busy(endpoint.seen.wrong_method)
    if exchange.status != 405:
        raise Unsupported(f"no 405 to look at: {exchange.summary}", exchange=exchange)
    allow = exchange.header("allow")
    methods = [method.strip() for method in (allow or "").split(",")]
    if "POST" not in methods:
        raise Tolerable(f"Allow: {allow}", expected="Allow with POST", exchange=exchange)


@pytest.mark.clause("HTTP-04")
def test_unknown_url__answers_404(endpoint: Endpoint) -> None:
    """The status is the documented one for an unknown URL."""
    endpoint.expect_condition("unknown-url", endpoint.seen.unknown_url)


@pytest.mark.clause("HTTP-05")
def test_whole_completion__is_json(endpoint: Endpoint) -> None:
    """A whole completion's media type is application/json."""
    exchange = endpoint.seen.completion
    require(
        exchange.media_type == "application/json",
        expected="Content-Type: application/json",
        got=f"Content-Type: {exchange.header('content-type')}",
        exchange=exchange,
    )


@pytest.mark.clause("HTTP-06")
def test_media_type_with_parameter__is_accepted(endpoint: Endpoint) -> None:
    """RFC 9110 section 8.3.1: parameters may follow the media type."""
    endpoint.complete(headers={"Content-Type": "application/json; charset=utf-8"})


@pytest.mark.clause("HTTP-07")
def test_other_media_type__is_refused(endpoint: Endpoint) -> None:
    """RFC 9110 section 15.5.16: the content is in a format not supported."""
    endpoint.refuse(endpoint.body(), headers={"Content-Type": "text/plain"})


@pytest.mark.clause("HTTP-08")
def test_stream__is_not_refused_for_accept_json(endpoint: Endpoint) -> None:
    """The official SDK sends Accept: application/json with every request."""
    body, headers = endpoint.body(stream=True), {"Accept": "application/json"}
    exchange = endpoint.ask(body, headers=headers)
    if exchange.status == 406 and endpoint.seen.streamed.status == 200:
        # 406 speaks of credits too, and the account that gets a stream has some
        raise Violation(exchange.summary, expected="200 and a completion", exchange=exchange)
    if exchange.status != 200:
        endpoint.complete(body, headers=headers)


@pytest.mark.clause("HTTP-09")
def test_header_names__are_matched_in_any_case(endpoint: Endpoint) -> None:
    """RFC 9110 section 5.1: "Field names are case-insensitive"."""
    headers = {name.upper(): value for name, value in endpoint.key_headers().items()}
    endpoint.seen.completion  # noqa: B018  the key must be good before its header is blamed
    exchange = endpoint.ask(endpoint.body(), key_headers=headers)
    require(exchange.status == 200, expected=f"200 with {next(iter(headers))}", got=exchange.summary, exchange=exchange)


@pytest.mark.clause("HTTP-10")
def test_date__is_on_every_answer(endpoint: Endpoint) -> None:
    """RFC 9110 section 6.6.1: a server with a clock sends Date with every 2xx, 3xx and 4xx."""
    for exchange in endpoint.seen.all:
        if exchange.status is not None and exchange.status < 500:
            require(exchange.header("date"), expected="Date", got=f"{exchange.status} without", exchange=exchange)


@pytest.mark.clause("HTTP-11")
@given(raw=st.binary(min_size=1, max_size=40) | st.text("{}[]\":, a1'", min_size=1, max_size=30).map(str.encode))
@example(raw=b'{"messages": [{"role": "user", "content": "hello"}')
@example(raw=b"{'messages': []}")
@example(raw=b'{"messages": [{"role": "user", "content": "\xff\xfe"}]}')
def test_body_that_is_no_json__is_refused(endpoint: Endpoint, raw: bytes) -> None:
    """RFC 8259 section 2: what a JSON text is."""
    if not _is_json(raw):
        endpoint.refuse(raw=raw)


@pytest.mark.clause("HTTP-12")
def test_empty_body__is_refused(endpoint: Endpoint) -> None:
    """No body is no request."""
    endpoint.refuse(raw=b"")


@pytest.mark.clause("HTTP-14")
def test_whole_answer__is_as_long_as_its_framing_says(endpoint: Endpoint) -> None:
    """RFC 9112 section 6.3: Content-Length, the chunked coding or the close of the connection bound the body."""
    for exchange in endpoint.seen.all:
        whole = exchange.ending == "complete" or exchange.media_type == "text/event-stream"
        require(whole, expected="a whole body", got=f"{exchange.ending}: {exchange.detail}", exchange=exchange)
    if endpoint.client.frugal:
        return
    # who counts characters says fewer bytes than there are, and sends them or not; beyond ASCII alone the two differ
    beyond = endpoint.converse([endpoint.request(beyond_ascii(endpoint))], linger_s=_LINGER_S)[0]
    got = f"{beyond.body[-40:]!r}, then {len(beyond.surplus)} bytes"
    cut = beyond.status == 200 and _is_cut(beyond.body)
    require(not cut, expected="a whole body", got=got, exchange=beyond)


def _is_cut(raw: bytes) -> bool:
    """Whether it is the beginning of a JSON object; other faults of a body have clauses of their own."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.end == len(raw)
    return raw.lstrip().startswith(b"{") and not raw.rstrip().endswith(b"}") and not _is_json(raw)


def _is_json(raw: bytes) -> bool:
    try:
        json.loads(raw)
    except ValueError:
        return False
    return True
