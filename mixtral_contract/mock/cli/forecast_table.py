"""What a profile promises, as a table to read."""

from __future__ import annotations

from mixtral_contract.mock.timing.batching import Profile
from mixtral_contract.mock.timing.forecast import Prediction

_MS_NS = 1e6
_SECOND_NS = 1e9


def render(profile: Profile, prompt_tokens: int, tokens: int) -> str:
    """The forecast for numbers of users that ask again as soon as they are answered, and where more no longer helps."""
    prediction = Prediction(profile, prompt_tokens, tokens)
    knee, capacity = prediction.knee(), prediction.capacity
    patience = f"{profile.queue_wait_ns / _SECOND_NS:g} s"
    refused = f"{profile.full_status} without a place, {profile.late_status} after {patience} without a turn"
    limit = "slots" if capacity == profile.slots else "KV room"
    lines = (
        f"{profile.name} ({profile.basis}): {prompt_tokens} prompt tokens, {tokens} tokens, means",
        "",
        f"{'users':>6}{'ttft ms':>10}{'itl ms':>9}{'requests/s':>12}{'tokens/s':>10}{'queued':>8}",
        *(_row(prediction, users) for users in _users(capacity, profile.queue_length)),
        "",
        f"knee   {knee.requests_per_s:.4g} requests/s, {knee.tokens_per_s:.0f} tokens/s",
        f"limits {capacity} run at once ({limit}), {profile.queue_length} wait; {refused}",
    )
    return "\n".join(lines)


def _users(capacity: int, queue_length: int) -> list[int]:
    """Powers of two up to the capacity, the capacity, twice that, and all that the queue takes."""
    powers = [2**power for power in range(capacity.bit_length())]
    return sorted({*powers, capacity, capacity + min(capacity, queue_length), capacity + queue_length})


def _row(prediction: Prediction, users: int) -> str:
    forecast, profile = prediction.closed(users), prediction.profile
    itl = f"{forecast.itl_ns / _MS_NS:.2f}" if prediction.tokens > 1 else "-"
    queueing_ns = forecast.waiting / forecast.requests_per_s * _SECOND_NS
    note = f"  but {profile.late_status} after {profile.queue_wait_ns / _SECOND_NS:g} s"
    return (
        f"{users:>6}{forecast.ttft_ns / _MS_NS:>10.1f}{itl:>9}{forecast.requests_per_s:>12.2f}"
        f"{forecast.tokens_per_s:>10.0f}{forecast.waiting:>8.0f}{note if queueing_ns > profile.queue_wait_ns else ''}"
    )
