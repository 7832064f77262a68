"""Values that keep a JSON Schema: the arguments of a function, or a text that has to be JSON.

A value is proposed by following the schema with a random generator, and stands only when jsonschema-rs finds it valid.
So what following cannot see (`not`, `unevaluatedProperties`, alternatives that exclude each other) costs further
tries, and after `TRIES` of them the schema is refused; a value that is returned is always valid. The work is bounded:
one budget of steps and time for all schemas and tries of a request.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from mixtral_contract.mock.completions.json_values.budget import Budget
from mixtral_contract.mock.completions.json_values.candidate import Candidate
from mixtral_contract.mock.completions.json_values.strings import UnmadeError, matching
from mixtral_contract.mock.completions.json_values.subschemas import ENDLESS, Heights, UnsatisfiableError
from mixtral_contract.mock.completions.json_values.validation import BoundedValidator
from mixtral_contract.primitives.bounded.work import Work

TRIES = 24


class JsonValueGenerator:
    """Makes values for one request; `chance` and `words` (some words, others each time) decide what they say."""

    def __init__(self, chance: random.Random, words: Callable[[], str], work: Work | None = None) -> None:
        self.chance = chance
        self.words = words
        self._budget = Budget(work or Work())
        self._patterns: dict[str, BoundedValidator] = {}

    def make(self, schema: Any) -> Any:
        """A value that keeps the schema.

        Raises: UnsatisfiableError when the schema is no JSON Schema, refers to another document, or no value was found;
        TooMuchWorkError when the request's time is over.
        """
        validator = BoundedValidator(schema)
        heights = Heights(schema, self.step, self.is_in)
        if heights.of(schema) == ENDLESS:
            raise UnsatisfiableError("expected a schema that some value keeps, got one whose values never end")
        reason = "what was made is not valid"
        for number in range(TRIES):
            try:
                value = Candidate(self, schema, heights, number).value(schema, 0)
                if validator.is_valid(value, self.step):
                    return value
            except (UnsatisfiableError, UnmadeError) as error:
                reason = str(error)
        raise UnsatisfiableError(f"expected a schema that some value keeps, found none: {reason}"[:300])

    def matching(self, pattern: str, low: int, high: int | None) -> str:
        """A string of that many characters in which the pattern is found.

        Raises: UnmadeError when none was found.
        """
        return matching(
            self.chance, pattern, low, high, lambda made: self._compiled(pattern).is_valid(made, self.step), self.step
        )

    def is_in(self, pattern: str, name: str) -> bool:
        """Whether the pattern is found in a property's name."""
        return self._compiled(pattern).is_valid(name, self.step)

    def step(self, size: int = 0) -> None:
        """Counts one step, and the bytes of a value that was ready.

        Raises: UnsatisfiableError when there were too many, TooMuchWorkError when the request's time is over.
        """
        self._budget.step(size)

    def _compiled(self, pattern: str) -> BoundedValidator:
        if pattern not in self._patterns:
            self._patterns[pattern] = BoundedValidator({"pattern": pattern})
        return self._patterns[pattern]
