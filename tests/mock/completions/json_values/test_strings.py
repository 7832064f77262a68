from __future__ import annotations

import random
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mixtral_contract.mock.completions.json_values.strings import LONGEST, UnmadeError, formatted, matching, text


def _chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  same seed, same string


PATTERNS = [
    "^[A-Z]{2}-\\d{4}(?:-(foo|bar))?$",
    "^(\\w+)@\\1$",
    "^[^\\s,]+(,[^\\s,]+){2}$",
    "^(?<year>\\d{4})-\\d\\d$",
    "colou?r",
    "^.{3,5}$",
    "^\\S+\\s\\D\\W$",
    "^[\\d.]+?$",
    "^[\u0100-\uffff]$",
    "",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_pattern__is_found_in_what_is_made(pattern: str) -> None:
    """With every seed."""
    for seed in range(50):
        made = matching(_chance(seed), pattern, 0, None)
        assert re.search(pattern.replace("(?<", "(?P<"), made), made


@given(low=st.integers(0, 60), more=st.integers(0, 20), seed=st.integers(0, 99))
def test_length__is_kept(low: int, more: int, seed: int) -> None:
    """By texts and by strings of a pattern that leaves the length open."""
    chance = _chance(seed)
    for made in (text(chance, lambda: "a few words", low, low + more), matching(chance, "^[a-z]*$", low, low + more)):
        assert low <= len(made) <= low + more


@given(pattern=st.text(max_size=20), seed=st.integers(0, 3))
def test_any_pattern__is_followed_or_refused(pattern: str, seed: int) -> None:
    """No other exception; a string that is too long is none."""
    try:
        made = matching(_chance(seed), pattern, 0, None)
    except UnmadeError:
        assume(False)  # noqa: FBT003  hypothesis has it so
    assert len(made) <= LONGEST


@pytest.mark.parametrize(
    ("pattern", "low", "high"),
    [
        ("(", 0, None),
        ("^a$", 2, None),
        ("^aaa$", 0, 2),
        ("a{20000}", 0, None),
        ("(" * 3000, 0, None),
        ("x", LONGEST + 1, None),
    ],
)
def test_impossible_string__is_refused(pattern: str, low: int, high: int | None) -> None:
    """A bad pattern, a length that it excludes, more than is made."""
    with pytest.raises(UnmadeError):
        matching(_chance(0), pattern, low, high)


def test_unknown_format__is_none() -> None:
    """JSON Schema lets it pass."""
    assert formatted(_chance(0), "unheard-of") is None
    assert formatted(_chance(0), None) is None
