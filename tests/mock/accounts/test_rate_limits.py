from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.mock.accounts.rate_limits import Quota, headers
from mixtral_contract.mock.accounts.token_bucket import Level
from tests.support.mock_requests import NOW_NS, SECOND_NS

ALL = (
    "retry-after-ms",
    "x-rate-limit-remaining",
    "x-rate-limit-reset-at-utc",
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-tokens",
)
REQUESTS = Level(limit=5, remaining=2, next_ns=7 * SECOND_NS, full_ns=31 * SECOND_NS)
TOKENS = Level(limit=1000, remaining=40, next_ns=1, full_ns=96 * SECOND_NS)


def test_admitted_call__is_told_what_remains() -> None:
    """And nothing to wait for; Segmind's time is when one more call gets in."""
    assert headers(Quota(NOW_NS, 0, REQUESTS, TOKENS), ALL) == {
        "x-rate-limit-remaining": "2",
        "x-rate-limit-reset-at-utc": "2023-11-14T22:13:27.000Z",
        "x-ratelimit-limit-requests": "5",
        "x-ratelimit-remaining-requests": "2",
        "x-ratelimit-reset-requests": "31s",
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "40",
        "x-ratelimit-reset-tokens": "1m36s",
    }


def test_limit_that_the_key_has_not__is_not_spoken_of() -> None:
    """No header stands for no limit."""
    assert headers(Quota(NOW_NS, 0, None, None), ALL) == {}
    assert headers(Quota(NOW_NS, 0, None, TOKENS), ALL).keys() == {name for name in ALL if name.endswith("-tokens")}


def test_header_that_the_contract_has_not__is_not_sent() -> None:
    """A dialect gets its own."""
    assert headers(Quota(NOW_NS, 0, REQUESTS, TOKENS), ["x-rate-limit-remaining"]) == {"x-rate-limit-remaining": "2"}


def test_call_that_never_gets_in__is_told_no_time() -> None:
    """Whoever came back at any time would be refused."""
    quota = Quota(NOW_NS, None, REQUESTS, TOKENS)
    assert quota.wait_s is None
    assert not {"retry-after-ms", "x-rate-limit-reset-at-utc"} & headers(quota, ALL).keys()


@given(wait_ns=st.integers(1, 10**15))
def test_every_form_of_the_wait__is_long_enough_and_no_unit_longer(wait_ns: int) -> None:
    """Whole seconds, whole milliseconds and a time of day: each rounded up, by less than its unit."""
    quota = Quota(NOW_NS, wait_ns, REQUESTS, None)
    said = headers(quota, ALL)
    assert quota.wait_s is not None
    assert 0 <= quota.wait_s * SECOND_NS - wait_ns < SECOND_NS
    assert 0 <= int(said["retry-after-ms"]) * 1_000_000 - wait_ns < 1_000_000
    until = datetime.fromisoformat(said["x-rate-limit-reset-at-utc"]) - datetime.fromtimestamp(NOW_NS // SECOND_NS, UTC)
    assert 0 <= until // timedelta(microseconds=1) * 1000 - wait_ns < 1_000_000


@pytest.mark.parametrize(
    ("full_ns", "text"),
    [
        (0, "0s"),
        (1, "1ms"),
        (12_000_000, "12ms"),
        (250_000_000, "250ms"),
        (999_000_001, "1s"),
        (1_500_000_000, "1.5s"),
        (59_999_000_001, "1m0s"),
        (360 * SECOND_NS, "6m0s"),
        (3_661_250_000_000, "1h1m1.25s"),
    ],
)
def test_reset__is_a_duration_of_go(full_ns: int, text: str) -> None:
    """As OpenAI writes them: 12ms, 1.5s, 6m0s."""
    level = Level(1, 0, full_ns, full_ns)
    assert headers(Quota(NOW_NS, 0, level, None), ALL)["x-ratelimit-reset-requests"] == text
