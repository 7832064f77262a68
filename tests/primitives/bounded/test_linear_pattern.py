"""Patterns that others wrote: found in linear time, or refused in one line."""

from __future__ import annotations

import time

import pytest

from mixtral_contract.primitives.bounded.linear_pattern import LONGEST, LinearPattern, PatternError


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("^(a+)+$", "a" * 5000 + "!", False),
        ("(x+x+)+y", "x" * 5000, False),
        ("(?i)book .* table", "please BOOK me a table", True),
        ("^a.c$", "abc", True),
        ("", "", True),
    ],
)
def test_pattern__is_found_in_linear_time(pattern: str, text: str, found: bool) -> None:  # noqa: FBT001  a parameter
    """Also one that takes Python's own engine years."""
    began = time.process_time()
    assert LinearPattern(pattern).is_in(text) is found
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(", "expected a regular expression"),
        ("a(?=b)", "without look-around"),
        (r"(a)\1", "without look-around, back-references"),
        ("(((a{99}){99}){99}){99}", "very long repetitions"),
        ("a" * (LONGEST + 1), "at most 10000 characters, got 10001"),
    ],
)
def test_other_pattern__is_refused_in_one_line(pattern: str, said: str) -> None:
    """The engine does not know it, or it would be too large."""
    with pytest.raises(PatternError, match=said) as raised:
        LinearPattern(pattern)
    assert "\n" not in str(raised.value)
