"""What one connection may ask of the server: bytes, and time. Knows no clock: the time is an argument."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property


class Phase(Enum):
    """What a connection waits for."""

    IDLE = "a request"
    HEAD = "the rest of a head"
    BODY = "the rest of a body"
    ANSWER = "its answer"
    UNREAD = "a client that reads"


@dataclass(frozen=True)
class Limits:
    """How long a body may be, and how many seconds a connection may take in each phase.

    A head must be complete in time; a body, and a client that reads its answer, must only go on.
    """

    body_bytes: int = 8 * 1024 * 1024
    head_bytes: int = 64 * 1024
    head_s: float = 10.0
    body_s: float = 10.0
    idle_s: float = 75.0

    @cached_property
    def patience_s(self) -> Mapping[Phase, float]:
        """The seconds that each phase may last without progress; a phase that is missing here may last for ever."""
        return {
            Phase.IDLE: self.idle_s,
            Phase.HEAD: self.head_s,
            Phase.BODY: self.body_s,
            Phase.UNREAD: self.idle_s,
        }


Progress = tuple[Phase, int, int]
"""What a connection waits for, and two counts of which one changes when it goes on."""

_LOOKS = 4
"""How often within the shortest limit it is looked whether a connection went on."""


class Patience:
    """How long one connection has been waiting for the same thing."""

    def __init__(self, limits: Limits) -> None:
        self._patience_s = limits.patience_s
        self.look_s = min(self._patience_s.values()) / _LOOKS
        self._progress: Progress | None = None
        self._since_s = 0.0

    def left_s(self, progress: Progress, now_s: float) -> float:
        """The seconds left for it to go on; none, or fewer, when it took too long."""
        if progress != self._progress:
            self._progress, self._since_s = progress, now_s
        return self._since_s + self._patience_s.get(progress[0], math.inf) - now_s
