"""Prompts of an exact length."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixtral_contract.load.workload.prompts import OPENING, Prompts
from mixtral_contract.primitives.tokenizer import tokenizer


@pytest.mark.parametrize("version", ["v1", "v3"])
@settings(deadline=None)
@given(tokens=st.integers(1, 600), seed=st.integers(0, 1000), share=st.floats(0, 1))
def test_prompt__has_exactly_so_many_tokens(version: str, tokens: int, seed: int, share: float) -> None:
    """By the model's own tokenizer, whatever the words are."""
    prompts = Prompts(tokenizer(version), seed, prefix_share=share)
    assert tokenizer(version).count(prompts.next(tokens)) == tokens
    assert tokenizer(version).count(prompts.next(tokens)) == tokens


def test_prompts__are_repeatable_and_differ() -> None:
    """Same seed, same series; another seed or the next request, another text."""
    first, again, worker, other = (Prompts(tokenizer("v3"), *seeds) for seeds in ((0, 0), (0, 0), (0, 1), (1, 0)))
    series = [first.next(64) for _ in range(20)]
    assert series == [again.next(64) for _ in range(20)]
    assert len({*series, worker.next(64), other.next(64)}) == 22


def test_prompt__asks_for_a_long_answer_when_there_is_room() -> None:
    """Else a real model would stop long before max_tokens."""
    assert Prompts(tokenizer("v3"), 0).next(64).startswith(OPENING)
    assert OPENING not in Prompts(tokenizer("v3"), 0).next(3)


def test_prefix__is_common_to_all_workers_and_nothing_else_is() -> None:
    """Half of 400 tokens: the opening and the words after it, up to the token where each text goes its own way."""
    texts = [Prompts(tokenizer("v3"), 0, worker, prefix_share=0.5).next(400) for worker in range(5)]
    common = "".join(
        same[0] for same in itertools.takewhile(lambda same: len(set(same)) == 1, zip(*texts, strict=False))
    )
    assert 200 <= tokenizer("v3").count(common) <= 200 + tokenizer("v3").count(OPENING) + 2
    assert Prompts(tokenizer("v3"), 1, 0, prefix_share=0.5).next(400)[: len(common)] != common


def _common_tokens(texts: list[str]) -> int:
    """How many words all texts begin with, in tokens."""
    words = itertools.takewhile(lambda same: len(set(same)) == 1, zip(*(text.split() for text in texts), strict=False))
    return tokenizer("v3").count(" ".join(same[0] for same in words))


@settings(deadline=None)
@given(tokens=st.integers(1, 600), seed=st.integers(0, 1000), share=st.floats(0.01, 1))
def test_prefix__is_exactly_the_share(tokens: int, seed: int, share: float) -> None:
    """Of any length: as many tokens are common to ten texts as the share says, none more."""
    texts = [Prompts(tokenizer("v3"), seed, worker, share).next(tokens) for worker in range(10)]
    shared = round(share * tokens)
    opening = tokenizer("v3").count(OPENING)
    own = tokens - shared
    # where nothing but the opening follows what is common, that is common too
    expected = tokens if own == 0 or (shared < opening < tokens and own <= opening) else shared
    assert _common_tokens(texts) == expected


@pytest.mark.parametrize(("tokens", "share", "common"), [(64, 0.5, 32), (64, 0.1, 6), (400, 0.25, 100), (64, 0.0, 10)])
def test_prefix__of_some_shares(tokens: int, share: float, common: int) -> None:
    """Half of 64 are 32, though the opening sentence is a part of them; without a share there is just that."""
    texts = [Prompts(tokenizer("v3"), 0, worker, share).next(tokens) for worker in range(10)]
    assert _common_tokens(texts) == common
    assert all(OPENING in text for text in texts)
