"""Values that keep a JSON Schema: the arguments of a function, or a text that has to be JSON.

A value is proposed by following the schema with a random generator, and stands only when jsonschema-rs finds it valid.
So what following cannot see (`not`, `unevaluatedProperties`, alternatives that exclude each other) costs further
tries, and after `TRIES` of them the schema is refused; a value that is returned is always valid. The work is bounded:
one maker takes so many steps in all, whatever the schemas are.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import orjson

from mixtral_contract.mock.completions.json_values.candidate import Candidate
from mixtral_contract.mock.completions.json_values.strings import UnmadeError, matching
from mixtral_contract.mock.completions.json_values.subschemas import ENDLESS, Heights, UnsatisfiableError

TRIES = 24
MOST_STEPS = 20_000
"""How many subschemas one maker follows, over all schemas and tries; long values count for several."""

_LARGEST_SCHEMA = 256 * 1024
_STEP_BYTES = 16
_BACKTRACKING = 100_000


class JsonValueGenerator:
    """Makes values for one request; `chance` and `words` (some words, others each time) decide what they say."""

    def __init__(self, chance: random.Random, words: Callable[[], str]) -> None:
        self.chance = chance
        self.words = words
        self._steps = 0
        self._patterns: dict[str, jsonschema_rs.Validator] = {}

    def make(self, schema: Any) -> Any:
        """A value that keeps the schema.

        Raises: UnsatisfiableError when the schema is no JSON Schema, refers to another document, or no value was found.
        """
        validator = _compiled(schema)
        heights = Heights(schema)
        if heights.of(schema) == ENDLESS:
            raise UnsatisfiableError("expected a schema that some value keeps, got one whose values never end")
        reason = "what was made is not valid"
        for number in range(TRIES):
            try:
                value = Candidate(self, schema, heights, number).value(schema, 0)
            except (UnsatisfiableError, UnmadeError) as error:
                reason = str(error)
                continue
            if validator.is_valid(value):
                return value
        raise UnsatisfiableError(f"expected a schema that some value keeps, found none: {reason}"[:300])

    def matching(self, pattern: str, low: int, high: int | None) -> str:
        """A string of that many characters in which the pattern is found.

        Raises: UnmadeError when none was found.
        """
        validator = self._patterns.get(pattern)
        if validator is None:
            validator = self._patterns[pattern] = _compiled({"pattern": pattern})
        return matching(self.chance, pattern, low, high, validator.is_valid)

    def step(self, size: int = 0) -> None:
        """Counts one subschema, and the bytes of a value that was ready.

        Raises: UnsatisfiableError when there were too many.
        """
        self._steps += 1 + size // _STEP_BYTES
        if self._steps > MOST_STEPS:
            raise UnsatisfiableError(f"expected at most {MOST_STEPS} steps to a value, got more")


def _compiled(schema: Any) -> jsonschema_rs.Validator:
    def elsewhere(uri: str) -> Any:
        raise ValueError(f"{uri} is another document")

    size = len(orjson.dumps(schema))
    if size > _LARGEST_SCHEMA:
        raise UnsatisfiableError(f"expected a schema of at most {_LARGEST_SCHEMA} bytes, got {size}")
    try:
        return jsonschema_rs.validator_for(
            schema,
            validate_formats=True,
            retriever=elsewhere,
            pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=_BACKTRACKING),
        )
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        # a validation error also tells where in the schema of schemas it happened, over several lines
        message = getattr(error, "message", str(error))
        raise UnsatisfiableError(f"expected a JSON Schema, got one of which: {message[:200]}") from error
