"""What a profile promises, in closed form: ttft, itl and throughput for given lengths, and where the knee is.

All follows from `v`, the completions that others begin per step. A completion of `p` prompt tokens and `m` tokens takes
`k` steps to be read and `m - 1` further steps, so that `v (m - 1)` others decode beside it, and on average `v k` chunks
of others' prompts (a Poisson number) are read in the same step. The mean step time over that number is the itl; a step
in which it is read itself holds its own chunk instead of its own token, and before those it waits for the step under
way. What `v` is, is a matter of how requests come:

    closed loop, N users     v = (N - 1) / (m - 1 + k + 1)   a user's next request just misses a step
    open loop, rate x        v = x * itl                     solved for v: the right side rises less than the left
    the knee, C admitted     v = (C - 1) / (m - 1 + k)       the next in the queue misses no step

with C given by slots and KV room, and `v` never more than the step's token budget lets in. Beyond the knee the rate
stays and the queue grows, by Little's law.

Means, for lengths that spread around the given ones (with all lengths alike and all begun at once, completions march in
step). `tests/mock/test_prediction.py` holds them against the node; the bounds stand there.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from mixtral_contract.mock.timing.batching import Profile

_SECOND_NS = 1_000_000_000
_HALVINGS = 60
_NEGLIGIBLE = 1e-9


@dataclass(frozen=True, slots=True)
class Forecast:
    """What to expect on average; times in nanoseconds, `waiting` is how many stand in the queue."""

    requests_per_s: float
    tokens_per_s: float
    ttft_ns: float
    itl_ns: float
    running: float
    waiting: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """The closed forms of one profile, for completions of so many prompt tokens and tokens."""

    profile: Profile
    prompt_tokens: int
    tokens: int

    @property
    def capacity(self) -> int:
        """How many completions run at once at most, by slots and by KV room."""
        return min(self.profile.slots, self.profile.kv_tokens // (self.prompt_tokens + self.tokens))

    def knee(self) -> Forecast:
        """The most that the node sustains: with every place taken and nobody waiting for one."""
        return self._saturated(self.capacity)

    def closed(self, users: int) -> Forecast:
        """A number of users, each of whom asks again as soon as the answer is complete."""
        others = self._others(users, missed_steps=1)
        itl_ns, ttft_ns = self._step_ns(others), self._reading_ns(others)
        if users > 1:
            ttft_ns += itl_ns
        free = self._forecast(users / (ttft_ns + (self.tokens - 1) * itl_ns), ttft_ns, itl_ns, waiting=0)
        return min(free, self._saturated(users), key=lambda forecast: forecast.requests_per_s)

    def open(self, requests_per_s: float) -> Forecast | None:
        """Requests that come by chance (Poisson) at this rate; None when the node cannot sustain it."""
        rate = requests_per_s / _SECOND_NS
        if requests_per_s >= self.knee().requests_per_s:
            return None
        low, high = 0.0, self._most_others()
        for _ in range(_HALVINGS):
            others = (low + high) / 2
            low, high = (low, others) if others > rate * self._step_ns(others) else (others, high)
        itl_ns, reading_ns = self._step_ns(others), self._reading_ns(others)
        busy = 1 - math.exp(-rate * (reading_ns + (self.tokens - 1) * itl_ns))
        ttft_ns = reading_ns + busy * itl_ns / 2 + self._queueing_ns(others)
        return self._forecast(rate, ttft_ns, itl_ns, waiting=0)

    def _saturated(self, users: int) -> Forecast:
        """With every place taken, or with prompts enough to fill every step to its budget."""
        others, most = self._others(self.capacity, missed_steps=0), self._most_others()
        itl_ns = self._step_ns(others)
        rate = self.capacity / (self._reading_ns(others) + (self.tokens - 1) * itl_ns)
        full_ns = self._full_ns(most)
        if most / full_ns < rate:
            rate, itl_ns = most / full_ns, full_ns
        waiting = max(0, users - self.capacity)
        return self._forecast(rate, users / rate - (self.tokens - 1) * itl_ns, itl_ns, waiting)

    def _forecast(self, rate: float, ttft_ns: float, itl_ns: float, waiting: float) -> Forecast:
        """For a rate in completions per nanosecond; Little's law says how many are there."""
        there = rate * (ttft_ns + (self.tokens - 1) * itl_ns)
        requests_per_s = rate * _SECOND_NS
        return Forecast(requests_per_s, requests_per_s * self.tokens, ttft_ns, itl_ns, there - waiting, waiting)

    # steps

    def _others(self, users: int, missed_steps: int) -> float:
        return (users - 1) / (self.tokens - 1 + len(self._chunks(users - 1)) + missed_steps)

    def _most_others(self) -> float:
        """With more than these begun per step, the budget of a step is spent."""
        return self.profile.step_tokens / (self.prompt_tokens + self.tokens - 1)

    def _queueing_ns(self, others: float) -> float:
        """How long prompts that stand before a newcomer's hold it up: the mean work in an M/D/1 queue."""
        share = others / self._most_others()
        unread = share * self.prompt_tokens / (2 * (1 - share))
        return unread / self.profile.step_tokens * self._full_ns(others)

    def _context(self, decoding: float) -> float:
        """The tokens behind those that decode: the prompt, and on average half of the completion."""
        return decoding * (self.prompt_tokens + self.tokens / 2)

    def _chunks(self, decoding: float) -> list[int]:
        """The pieces in which a prompt is read beside others that decode."""
        room = max(1, self.profile.step_tokens - math.ceil(min(decoding, self.profile.slots)))
        whole, rest = divmod(self.prompt_tokens, room)
        return [room] * whole + [rest] * bool(rest)

    def _reading_ns(self, others: float) -> float:
        """The steps from a completion's first to its first token."""
        decoding = others * (self.tokens - 1)
        return sum(self._mean_ns(others, decoding, chunk) for chunk in self._chunks(decoding))

    def _step_ns(self, others: float) -> float:
        """The step in which a completion decodes."""
        return min(self._mean_ns(others, 1 + others * (self.tokens - 1), 0), self._full_ns(others))

    def _full_ns(self, others: float) -> float:
        """A step that is filled to its budget."""
        return self.profile.step_ns(self.profile.step_tokens, self._context(others * (self.tokens - 1)))

    def _mean_ns(self, others: float, decoding: float, own_chunk: int) -> float:
        """The mean time of a step over the number of others' chunks that it holds."""
        chunks, context = len(self._chunks(decoding)), self._context(decoding)
        mean = others * chunks
        chance, left, time_ns = math.exp(-mean), 1.0, 0.0
        for number in itertools.count(1):
            held = decoding + own_chunk + (number - 1) * self.prompt_tokens / chunks
            time_ns += chance * self.profile.step_ns(held, context)
            left -= chance
            if left < _NEGLIGIBLE and number > mean:
                break
            chance *= mean / number
        return time_ns
