"""Queues whose capacity is known in closed form, simulated without a clock."""

from __future__ import annotations

import heapq
import math
import random
from bisect import bisect_right
from dataclasses import dataclass

from mixtral_contract.load.estimators.queue_trend import trend
from mixtral_contract.load.stages.rate_search import Evidence, Step

_SAMPLES_PER_S = 10


@dataclass(frozen=True, slots=True)
class Queue:
    """First come, first served, by places that take an exponential (or a fixed) time; `limit_s` is on the whole."""

    places: int
    service_s: float
    limit_s: float
    fixed: bool = False

    def knee_per_s(self, share: float) -> float:
        """The rate at which just that share of requests keeps the limit; for one place with exponential times.

        Source: the time in an M/M/1 queue is exponential with the rate mu - lambda.
        """
        assert self.places == 1
        assert not self.fixed
        return 1 / self.service_s + math.log(1 - share) / self.limit_s

    @property
    def capacity_per_s(self) -> float:
        """The rate beyond which the queue grows for ever."""
        return self.places / self.service_s

    def evidence(self, step: Step, chance: random.Random, warmup_s: float = 5.0) -> Evidence:
        """What a period of that step would show, after a warm-up on an empty queue."""
        end_s = warmup_s + step.seconds
        free = [0.0] * self.places
        begun, ended, kept, missed, due_s = [], [], 0, 0, 0.0
        while (due_s := due_s + chance.expovariate(step.rate_per_s)) < end_s:
            service_s = self.service_s if self.fixed else chance.expovariate(1 / self.service_s)
            end = max(due_s, heapq.heappop(free)) + service_s
            heapq.heappush(free, end)
            begun.append(due_s)
            ended.append(end)
            if due_s >= warmup_s:
                kept, missed = (kept + 1, missed) if end - due_s < self.limit_s else (kept, missed + 1)
        ended.sort()
        times = [warmup_s + index / _SAMPLES_PER_S for index in range(int(step.seconds * _SAMPLES_PER_S))]
        under_way = [bisect_right(begun, time) - bisect_right(ended, time) for time in times]
        return Evidence(step.seconds, ((kept, missed),), trend(under_way, step.seconds))
