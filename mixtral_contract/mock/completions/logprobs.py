"""Log probabilities as an answer states them: made up, and consistent in themselves.

The chosen token is always the likeliest, as at temperature 0, and no distribution adds up to more than one.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_WORDS = "the a and of to in is it that for with as this one you not be on first can or way all more"
_OTHERS = tuple(f" {word}" for word in _WORDS.split())
_BYTES = {other: list(other.encode()) for other in _OTHERS}
_LEAST = 0.55
"""The least probability of a chosen token: more than all others together have."""


def entries(chance: random.Random, pieces: Sequence[str], top: int) -> tuple[Mapping[str, Any], ...]:
    """An entry per token, with `top` alternatives each, the token itself first among them.

    Source: OpenAI's API reference, `choices[].logprobs.content`.
    """
    return tuple(_entry(chance, piece, top) for piece in pieces)


def _entry(chance: random.Random, piece: str, top: int) -> Mapping[str, Any]:
    probability = chance.uniform(_LEAST, 1.0)
    chosen = _token(piece, probability)
    others = [
        {"token": other, "logprob": _logprob(share), "bytes": _BYTES[other]}
        for other, share in _shares(chance, piece, 1.0 - probability, top - 1)
    ]
    return {**chosen, "top_logprobs": [chosen, *others] if top else []}


def _shares(chance: random.Random, piece: str, left: float, count: int) -> Iterator[tuple[str, float]]:
    """Other tokens and their probabilities: each about half of what those before it left."""
    names = [other for other in _OTHERS if other != piece]
    for name in chance.sample(names, k=max(0, count)):
        left /= 2
        yield name, left


def _token(text: str, probability: float) -> dict[str, Any]:
    return {"token": text, "logprob": _logprob(probability), "bytes": list(text.encode())}


def _logprob(probability: float) -> float:
    return min(0.0, round(math.log(max(probability, 1e-9)), 6))
