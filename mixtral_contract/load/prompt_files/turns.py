"""Cuts a recorded conversation into the turns of its user, so that the answers between are the server's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from mixtral_contract.load.prompt_files.own_prompt import OwnPrompt


def in_turns(whole: OwnPrompt, turns: int) -> OwnPrompt:
    """The conversation as its first turn with at most `turns - 1` to follow; as it is with 1, or with one question.

    What an assistant said is left to the server. Of messages behind the last question, as results of tools, each
    belongs to the turn that it stands in.
    """
    if turns == 1:
        return whole
    cut = [part for part in _cut(whole.messages) if part]
    if len(cut) < 2:
        return whole
    first, *others = (dataclasses.replace(whole, messages=part) for part in cut[:turns])
    return dataclasses.replace(first, follow_ups=tuple(others))


def _cut(messages: Sequence[Any]) -> list[list[Any]]:
    """The messages of each turn: all up to a question, then from question to question, without the answers."""
    parts: list[list[Any]] = [[]]
    for message in messages:
        if message["role"] == "assistant":
            if parts[-1]:
                parts.append([])
        else:
            parts[-1].append(message)
    return parts
