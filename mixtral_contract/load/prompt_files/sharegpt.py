"""ShareGPT's conversations: `[{"id": ..., "conversations": [{"from": "human", "value": ...}, ...]}, ...]`.

As vLLM's benchmark has it, the first question is asked, and its answer may become as long as the recorded one.
Source: vLLM, `benchmarks/benchmark_dataset.py`, ShareGPTDataset.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from mixtral_contract.load.prompt_files.fields import check_keys, text_of
from mixtral_contract.load.prompt_files.own_prompt import OwnPrompt, PromptFile, PromptFileError
from mixtral_contract.load.prompt_files.source import Source
from mixtral_contract.primitives.shown import shown

_ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bard": "assistant",
    "bing": "assistant",
    "assistant": "assistant",
    "system": "system",
}


def read_sharegpt(source: Source, turns: int) -> PromptFile:
    """Each conversation as its first question, with at most `turns - 1` to follow.

    Answers before the first question are not sent. Conversations without a question, which the public files have, are
    counted and left out.

    Raises: PromptFileError.
    """
    found = [_conversation(where, value, turns) for where, value in source.values()]
    prompts = tuple(each for each in found if each is not None)
    return PromptFile("sharegpt", prompts, left_out=len(found) - len(prompts))


def _conversation(where: str, value: Any, turns: int) -> OwnPrompt | None:
    said = check_keys(where, "sharegpt", value, needs=("conversations",))["conversations"]
    if not isinstance(said, list):
        raise PromptFileError(f"{where}: conversations: expected a list of turns, got {shown(said)}")
    asked: list[tuple[list[dict[str, str]], list[str]]] = [([], [])]
    for number, each in enumerate(said):
        role, text = _turn(f"{where}: conversations[{number}]", each)
        messages, answers = asked[-1]
        if role == "assistant":
            if _asks(messages):
                answers.append(text)
        elif answers:
            asked.append(([{"role": role, "content": text}], []))
        else:
            messages.append({"role": role, "content": text})
    all_turns = [
        OwnPrompt(messages, answer="\n".join(answers) or None) for messages, answers in asked if _asks(messages)
    ]
    if not all_turns:
        return None
    return dataclasses.replace(all_turns[0], follow_ups=tuple(all_turns[1:turns]))


def _asks(messages: list[dict[str, str]]) -> bool:
    return any(message["role"] == "user" for message in messages)


def _turn(where: str, value: Any) -> tuple[str, str]:
    turn = check_keys(where, "sharegpt turn", value, needs=("from", "value"))
    role = _ROLES.get(turn["from"]) if isinstance(turn["from"], str) else None
    if role is None:
        raise PromptFileError(f"{where}: from: expected one of {', '.join(_ROLES)}, got {shown(turn['from'])}")
    return role, text_of(f"{where}: value", turn["value"])
