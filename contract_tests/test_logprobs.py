"""LOGP: log probabilities."""

from __future__ import annotations

import pytest

from mixtral_contract.suite.http.event_stream import Stream
from mixtral_contract.suite.http.exchange import Exchange
from mixtral_contract.suite.target import feature_requests
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.verdicts.text_limits import require_same
from mixtral_contract.suite.verdicts.verdict import Unsupported, require

_TOP = 3
_SLACK = 1e-6


def _entries(exchange: Exchange) -> list[feature_requests.Json]:
    found = feature_requests.entries(feature_requests.choices(exchange)[0])
    if not found:
        raise Unsupported("no log probabilities to look at", exchange=exchange)
    return found


@pytest.mark.clause("LOGP-01")
def test_tokens_joined__are_the_text(endpoint: Endpoint) -> None:
    """One entry per token, none left out; a special token that ends the text may have an entry of its own."""
    exchange = feature_requests.with_logprobs(endpoint)
    tokens = feature_requests.joined([entry.get("token") for entry in _entries(exchange)])
    text = feature_requests.text(exchange)
    require_same(text, tokens[: len(text)], exchange)


@pytest.mark.clause("LOGP-02")
def test_log_probability__is_at_most_0(endpoint: Endpoint) -> None:
    """Of the token and of each alternative."""
    exchange = feature_requests.with_logprobs(endpoint)
    entries = _entries(exchange)
    every = [*entries, *(each for entry in entries for each in _alternatives(entry))]
    found = [entry.get("logprob") for entry in every]
    good = all(isinstance(each, (int, float)) and not isinstance(each, bool) and each <= _SLACK for each in found)
    require(good, expected="numbers of at most 0", got=str(found)[:200], exchange=exchange)


@pytest.mark.clause("LOGP-03")
def test_bytes__are_those_of_the_token(endpoint: Endpoint) -> None:
    """Null where there are none, as OpenAI has it; a part of a character is no text and is not compared."""
    exchange = feature_requests.with_logprobs(endpoint)
    for entry in _entries(exchange):
        token, found = entry.get("token"), entry.get("bytes")
        if (
            isinstance(token, str)
            and token
            and "\ufffd" not in token
            and not token.startswith("\\x")
            and found is not None
        ):
            require(found == list(token.encode()), expected=list(token.encode()), got=found, exchange=exchange)


@pytest.mark.clause("LOGP-04")
def test_alternatives__are_as_many_as_asked_for(endpoint: Endpoint) -> None:
    """In falling order of probability."""
    exchange = feature_requests.with_logprobs(endpoint)
    for entry in _entries(exchange):
        found = [each.get("logprob") for each in _alternatives(entry)]
        # a server that adds the chosen token to the likeliest ones returns one more
        good = _TOP <= len(found) <= _TOP + 1 and found[:_TOP] == sorted(found[:_TOP], key=_number, reverse=True)
        require(good, expected=f"{_TOP} alternatives, the likeliest first", got=found, exchange=exchange)


@pytest.mark.clause("LOGP-05")
def test_log_probabilities__are_not_there_unasked(endpoint: Endpoint) -> None:
    """Null and absent are the same."""
    exchange = endpoint.seen.completion
    found = feature_requests.choices(exchange)[0].get("logprobs")
    require(found is None, expected="no logprobs", got=str(found)[:200], exchange=exchange)


@pytest.mark.clause("LOGP-06")
def test_chunks__carry_the_tokens_of_their_text(endpoint: Endpoint) -> None:
    """All tokens of a stream joined are its text, as in a whole answer."""
    _entries(feature_requests.with_logprobs(endpoint))
    exchange = feature_requests.ask_for_feature(endpoint, endpoint.body(stream=True, logprobs=True))
    stream = Stream(exchange)
    tokens = feature_requests.joined(
        [entry.get("token") for choice in stream.choices for entry in feature_requests.entries(choice)]
    )
    require(bool(tokens), expected=f"the tokens of {stream.text!r}", got="none", exchange=exchange)
    require_same(stream.text, tokens[: len(stream.text)], exchange)


@pytest.mark.clause("LOGP-07")
def test_too_many_alternatives__are_refused(endpoint: Endpoint) -> None:
    """One more than OpenAI's bound, and less than none."""
    _entries(feature_requests.with_logprobs(endpoint))
    for count in (21, -1):
        endpoint.refuse(endpoint.body(logprobs=True, top_logprobs=count))


@pytest.mark.clause("LOGP-08")
def test_alternatives_of_nothing__are_refused(endpoint: Endpoint) -> None:
    """There is no place for them."""
    _entries(feature_requests.with_logprobs(endpoint))
    endpoint.refuse(endpoint.body(top_logprobs=_TOP))


def _is_part(token: str) -> bool:
    """Whether a token is a part of a character, which servers write in several ways."""
    return not token or "\ufffd" in token or token.startswith(("\\x", "bytes:"))


def _alternatives(entry: feature_requests.Json) -> list[feature_requests.Json]:
    found = entry.get("top_logprobs")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 1.0
