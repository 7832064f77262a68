"""How many users a closed loop had in its window: those that ran, not those that were asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mixtral_contract.load.units.numbers import rounded

RAMP_S = 1.0
"""For so long after its beginning a window may still wait for the last users."""

_SETTLING_S = 0.5
"""So much later than Locust says that all users are there the last of them has begun."""

LEAST_SHARE = 0.98
"""Of the most users at once so many have to be there on average."""


@dataclass(frozen=True, slots=True)
class Users:
    """Users in the window, once all were there, at the latest after its first 1.5 s.

    `changed`: their number was not that of one load.
    """

    mean: float
    least: int
    most: int
    changed: bool


def users_in(changes: Mapping[int, int], start_s: float, end_s: float, all_users_s: float | None) -> Users | None:
    """The users of a window; `changes` are how many more (or fewer) there were from each ms of the run on.

    `all_users_s` is when the last user was there that the run began with, None when that never was. None where no user
    was counted, or the window is no longer than the wait for them.
    """
    from_s = start_s if all_users_s is None else max(start_s, min(all_users_s, start_s + RAMP_S) + _SETTLING_S)
    spans = [span for span in _spans(changes, from_s, end_s) if span[1] > span[0]]
    if not changes or not spans:
        return None
    levels = [count for _, _, count in spans]
    mean = sum((to_s - since_s) * count for since_s, to_s, count in spans) / (end_s - from_s)
    settled_s = end_s if all_users_s is None else all_users_s + _SETTLING_S
    changed_later = any(since_s > max(settled_s, from_s) for since_s, _, _ in spans)
    return Users(rounded(mean) or 0.0, min(levels), max(levels), changed_later or mean < LEAST_SHARE * max(levels))


def _spans(changes: Mapping[int, int], from_s: float, end_s: float) -> Iterator[tuple[float, float, int]]:
    """(from, to, users) for each time in which their number stayed the same."""
    count, since_s = 0, from_s
    for time_ms in sorted(changes):
        time_s = time_ms / 1000
        if time_s >= end_s:
            break
        if changes[time_ms] and time_s > from_s:
            yield since_s, time_s, count
            since_s = time_s
        count += changes[time_ms]
    yield since_s, max(since_s, end_s), count
