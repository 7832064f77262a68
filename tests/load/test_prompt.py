"""Prompts of an exact length."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from load._prompt import OPENING, Prompts
from spec.tokens import tokenizer


@pytest.mark.parametrize("version", ["v1", "v3"])
@settings(deadline=None)
@given(tokens=st.integers(1, 600), seed=st.integers(0, 1000))
def test_prompt__has_exactly_so_many_tokens(version: str, tokens: int, seed: int) -> None:
    """By the model's own tokenizer, whatever the words are."""
    prompts = Prompts(tokens, tokenizer(version), str(seed))
    assert tokenizer(version).count(prompts.next()) == tokens
    assert tokenizer(version).count(prompts.next()) == tokens


def test_prompts__are_repeatable_and_differ() -> None:
    """Same seed, same series; another seed or the next request, another text."""
    first, again, other = (Prompts(64, tokenizer("v3"), seed) for seed in ("0/0", "0/0", "0/1"))
    series = [first.next() for _ in range(20)]
    assert series == [again.next() for _ in range(20)]
    assert len({*series, other.next()}) == 21


def test_prompt__asks_for_a_long_answer_when_there_is_room() -> None:
    """Else a real model would stop long before max_tokens."""
    assert Prompts(64, tokenizer("v3"), "0").next().startswith(OPENING)
    assert OPENING not in Prompts(3, tokenizer("v3"), "0").next()
