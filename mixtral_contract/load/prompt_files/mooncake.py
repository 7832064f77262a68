"""Mooncake's traces: the lengths of each request, and which blocks of 512 tokens its prompt consists of.

`{"timestamp": ms, "input_length": n, "output_length": n, "hash_ids": [0, 1, ...]}`; two requests whose ids begin alike
have prompts that begin alike. Source: kvcache-ai/Mooncake, README, "Open Source Trace".
"""

from __future__ import annotations

import math
from collections.abc import Container
from typing import Any

from mixtral_contract.load.prompt_files.fields import check_keys, limit, whole_number
from mixtral_contract.load.prompt_files.own_prompt import OwnPrompt, PromptFile, PromptFileError
from mixtral_contract.load.prompt_files.source import Source
from mixtral_contract.primitives.shown import shown

BLOCK_TOKENS = 512
"""How many tokens a block of a trace has; the last of a prompt may have fewer."""

MOST_TOKENS = 10_000_000
"""No prompt is longer: to write it would take the machine's memory."""


def read_mooncake(source: Source, documented: Container[str]) -> PromptFile:
    """The requests of a trace; their texts are still to be made.

    Raises: PromptFileError, also where the blocks are not as many as the length needs.
    """
    return PromptFile("mooncake", tuple(_request(where, value, documented) for where, value in source.values()))


def _request(where: str, value: Any, documented: Container[str]) -> OwnPrompt:
    row = check_keys(where, "mooncake", value, needs=("input_length",))
    tokens = whole_number(f"{where}: input_length", row["input_length"], at_least=1)
    if tokens > MOST_TOKENS:
        raise PromptFileError(f"{where}: input_length: expected at most {MOST_TOKENS}, got {tokens}")
    longest = limit(where, row, ("output_length",), {"max_tokens"})
    return OwnPrompt(
        (),
        longest if "max_tokens" in documented else None,
        prompt_tokens=tokens,
        block_ids=_ids(where, row["hash_ids"], tokens) if row.get("hash_ids") is not None else (),
        timestamp_ms=_time(where, row["timestamp"]) if row.get("timestamp") is not None else None,
    )


def _ids(where: str, value: Any, tokens: int) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(each) is int for each in value):
        raise PromptFileError(f"{where}: hash_ids: expected a list of whole numbers, got {shown(value)}")
    blocks = math.ceil(tokens / BLOCK_TOKENS)
    if len(value) != blocks:
        raise PromptFileError(
            f"{where}: hash_ids: expected {blocks} of {BLOCK_TOKENS} tokens for an input_length of {tokens}, "
            f"got {len(value)}"
        )
    return tuple(value)


def _time(where: str, value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value < math.inf:
        raise PromptFileError(f"{where}: timestamp: expected milliseconds of at least 0, got {shown(value)}")
    return float(value)
