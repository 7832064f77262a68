"""What a key's limits said of one call, and how the headers of each dialect say it.

Which of the headers a response carries is for the contract; what a limit that the key does not have would say is left
out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from mixtral_contract.mock.accounts.token_bucket import Level, Limit

_MS_NS = 1_000_000
_SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Quota:
    """What was said of a call at `now_ns`: 0 it was let in, else how long to wait, None when it never will be let in.

    `requests` and `tokens` are the levels after it; None where the key has no such limit.
    """

    now_ns: int
    wait_ns: int | None
    requests: Level | None
    tokens: Level | None

    @property
    def wait_s(self) -> int | None:
        """The wait in whole seconds, rounded up: who keeps it is let in."""
        return None if self.wait_ns is None else -(-self.wait_ns // _SECOND_NS)


def example_quota(now_ns: int) -> Quota:
    """What a client sees that asks for a refusal: a key that may call once per second, and just did."""
    limit = Limit(per_minute=60, burst=1)
    level = limit.level(limit.taken(0, now_ns, 1), now_ns)
    return Quota(now_ns, _SECOND_NS, level, level)


def headers(quota: Quota, documented: Collection[str]) -> dict[str, str]:
    """The headers of a response that say what the limits said; `documented` are those that the contract lists."""
    said = ((name, say(quota)) for name, say in _HEADERS.items() if name in documented)
    return {name: value for name, value in said if value is not None}


def _retry_after_ms(quota: Quota) -> str | None:
    return str(-(-quota.wait_ns // _MS_NS)) if quota.wait_ns else None


def _reset_at_utc(quota: Quota) -> str | None:
    """When the call that is refused gets in, or else when one more call does than now."""
    ahead_ns = quota.wait_ns
    if ahead_ns == 0:
        ahead_ns = quota.requests.next_ns if quota.requests else None
    if ahead_ns is None:
        return None
    seconds, ms = divmod(-(-(quota.now_ns + ahead_ns) // _MS_NS), 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03d}Z"


def _duration(ns: int) -> str:
    """A duration as Go writes it, rounded up to milliseconds: `12ms`, `1.5s`, `6m0s`."""
    ms = -(-ns // _MS_NS)
    if 0 < ms < 1000:
        return f"{ms}ms"
    minutes, ms = divmod(ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{ms // 1000}.{ms % 1000:03d}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{hours}h{minutes}m{seconds}"
    return f"{minutes}m{seconds}" if minutes else seconds


def _of(level: Callable[[Quota], Level | None], say: Callable[[Level], str]) -> Callable[[Quota], str | None]:
    def said(quota: Quota) -> str | None:
        found = level(quota)
        return None if found is None else say(found)

    return said


def _requests(quota: Quota) -> Level | None:
    return quota.requests


def _tokens(quota: Quota) -> Level | None:
    return quota.tokens


_HEADERS: Mapping[str, Callable[[Quota], str | None]] = {
    "retry-after-ms": _retry_after_ms,
    # Segmind's
    "x-rate-limit-remaining": _of(_requests, lambda level: str(level.remaining)),
    "x-rate-limit-reset-at-utc": _reset_at_utc,
    # OpenAI's: the limit is what may be used before it is exhausted, the reset when it is as at the beginning
    "x-ratelimit-limit-requests": _of(_requests, lambda level: str(level.limit)),
    "x-ratelimit-remaining-requests": _of(_requests, lambda level: str(level.remaining)),
    "x-ratelimit-reset-requests": _of(_requests, lambda level: _duration(level.full_ns)),
    "x-ratelimit-limit-tokens": _of(_tokens, lambda level: str(level.limit)),
    "x-ratelimit-remaining-tokens": _of(_tokens, lambda level: str(level.remaining)),
    "x-ratelimit-reset-tokens": _of(_tokens, lambda level: _duration(level.full_ns)),
}
