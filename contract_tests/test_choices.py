"""CHC: several choices."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.suite.http.event_stream import Stream
from mixtral_contract.suite.target import feature_requests
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.target.feature_requests import FEW, LONG_TASK, user
from mixtral_contract.suite.verdicts.verdict import Unsupported, require


@pytest.mark.clause("CHC-01")
def test_two_choices__are_made(endpoint: Endpoint) -> None:
    """Each with its own index."""
    exchange = feature_requests.two_choices(endpoint)
    indexes = [choice.get("index") for choice in feature_requests.choices(exchange)]
    good = sorted(map(repr, indexes)) == ["0", "1"]
    require(good, expected="the indexes 0 and 1", got=indexes, exchange=exchange)


@pytest.mark.clause("CHC-02")
def test_chunks__name_their_choice(endpoint: Endpoint) -> None:
    """Two choices, interleaved in any way, each with one finish_reason."""
    exchange = feature_requests.ask_for_feature(
        endpoint, endpoint.body(messages=user(LONG_TASK), n=2, max_tokens=FEW, stream=True)
    )
    choices = Stream(exchange).choices
    indexes = {repr(choice.get("index")) for choice in choices}
    require(indexes == {"0", "1"}, expected="the indexes 0 and 1", got=sorted(indexes), exchange=exchange)
    ended = sorted(repr(choice.get("index")) for choice in choices if choice.get("finish_reason") is not None)
    require(ended == ["0", "1"], expected="one finish_reason for each", got=ended, exchange=exchange)


@pytest.mark.clause("CHC-03")
def test_usage__counts_every_choice(endpoint: Endpoint) -> None:
    """Two choices of a long task are more tokens than one may have."""
    exchange = feature_requests.two_choices(endpoint)
    usage = exchange.json.get("usage") if isinstance(exchange.json, dict) else None
    found = usage.get("completion_tokens") if isinstance(usage, dict) else None
    if not isinstance(found, int):
        raise Unsupported("no usage to look at", exchange=exchange)
    choices = feature_requests.choices(exchange)
    if any(choice.get("finish_reason") == "stop" for choice in choices):
        raise Unsupported("a text that ends by itself may have few tokens", exchange=exchange)
    require(len(choices) < 2 or found > FEW, expected=f"more than {FEW} tokens", got=found, exchange=exchange)


@pytest.mark.clause("CHC-04")
@given(n=st.sampled_from([0, -1, 1.5, "two", [2]]))
def test_bad_n__is_refused(endpoint: Endpoint, n: Any) -> None:
    """Where one choice can be asked for."""
    feature_requests.ask_for_feature(endpoint, endpoint.body(n=1))
    endpoint.refuse(endpoint.body(n=n))
