"""What making values for one request may cost: one count of steps for everything, and the request's limit of time."""

from __future__ import annotations

from mixtral_contract.mock.completions.json_values.subschemas import UnsatisfiableError
from mixtral_contract.primitives.bounded.work import Work

MOST_STEPS = 100_000
"""Subschemas followed, rules validated, names held against patterns, parts of patterns, over all schemas and tries."""

_STEP_BYTES = 16
_LOOKS = 64
"""How many steps are made between two looks at the time."""


class Budget:
    """Counts for one request."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._steps = 0
        self._look_at = _LOOKS

    def step(self, size: int = 0) -> None:
        """Counts one step, and the bytes of a value that was ready.

        Raises: UnsatisfiableError when there were too many, TooMuchWorkError when the time is over.
        """
        self._steps += 1 + size // _STEP_BYTES
        if self._steps < self._look_at:
            return
        if self._steps > MOST_STEPS:
            raise UnsatisfiableError(f"expected at most {MOST_STEPS} steps to a value, got more")
        self._look_at = self._steps + _LOOKS
        self._work.check()
