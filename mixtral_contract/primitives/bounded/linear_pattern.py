"""Regular expressions of other people, found in a time that grows with the text and no faster.

Python's `re` goes back and forth, and takes hours over 30 letters when a pattern makes it. The engine here is that of
jsonschema-rs: Rust's `regex`, which knows no look-around and no back-references, because these cannot be had in linear
time. It reads patterns as JSON Schema does (ECMA-262).
"""

from __future__ import annotations

import jsonschema_rs

MOST_BYTES = 512 * 1024
"""How large a compiled pattern may become: `[a-z]{1000}` takes 72 kB, `.{1000}` a megabyte."""

LONGEST = 10_000
"""Characters of a pattern."""


class PatternError(ValueError):
    """No pattern that is found in linear time; the message says why in one line."""


class LinearPattern:
    """One compiled pattern.

    Raises: PatternError when it is none, is too large, or needs look-around or back-references.
    """

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        if len(pattern) > LONGEST:
            raise PatternError(f"expected a pattern of at most {LONGEST} characters, got {len(pattern)}")
        options = jsonschema_rs.RegexOptions(size_limit=MOST_BYTES)
        try:
            self._validator = jsonschema_rs.validator_for({"pattern": pattern}, pattern_options=options)
        except jsonschema_rs.ValidationError as error:
            raise PatternError(
                "expected a regular expression without look-around, back-references and very long repetitions, "
                f"got {pattern[:80]!r}"
            ) from error

    def is_in(self, text: str) -> bool:
        """Whether the pattern is found somewhere in the text."""
        return self._validator.is_valid(text)
