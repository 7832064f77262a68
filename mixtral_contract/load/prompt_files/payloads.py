"""Files of whole requests: OpenAI's batches, a request a line, and AIPerf's inputs.json, requests by session.

What is the run's own, as model and stream, is not read from them; the file says so in `replaced`.
Source: OpenAI's API reference, "The request input object"; AIPerf's documentation, "Inputs JSON Replay".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Container
from typing import Any

from mixtral_contract.load.prompt_files.fields import check_keys, payload
from mixtral_contract.load.prompt_files.own_prompt import OwnPrompt, PromptFile, PromptFileError
from mixtral_contract.load.prompt_files.source import Source
from mixtral_contract.load.prompt_files.turns import in_turns
from mixtral_contract.primitives.shown import shown

_CHAT = "/chat/completions"


def read_batch(source: Source, documented: Container[str], turns: int) -> PromptFile:
    """The requests of a batch, each of them a chat completion.

    Raises: PromptFileError.
    """
    prompts, replaced = [], set[str]()
    for where, value in source.values():
        line = check_keys(where, "openai-batch", value, needs=("body",))
        if line.get("method", "POST") != "POST":
            raise PromptFileError(f"{where}: method: expected POST, got {shown(line['method'])}")
        url = line.get("url", _CHAT)
        if not isinstance(url, str) or not url.endswith(_CHAT):
            raise PromptFileError(f"{where}: url: expected one that ends with {_CHAT}, got {shown(url)}")
        prompt, own = payload(f"{where}: body", line["body"], documented)
        prompts.append(in_turns(prompt, turns))
        replaced |= set(own)
    return PromptFile("openai-batch", tuple(prompts), replaced=tuple(sorted(replaced)))


def read_inputs_json(source: Source, documented: Container[str], turns: int) -> PromptFile:
    """The requests of each session as they are; with several turns one session's leave one after the other.

    Raises: PromptFileError.
    """
    prompts, replaced = list[OwnPrompt](), set[str]()
    for where, value in source.data():
        session = check_keys(where, "inputs-json", value, needs=("session_id", "payloads"))
        read = [
            payload(f"{where}: payloads[{number}]", each, documented)
            for number, each in enumerate(_payloads(where, session["payloads"]))
        ]
        replaced.update(name for _, own in read for name in own)
        first, *others = (dataclasses.replace(prompt, is_whole=True) for prompt, _ in read)
        if turns == 1:
            prompts += [first, *others]
        else:
            prompts.append(dataclasses.replace(first, follow_ups=tuple(others[: turns - 1])))
    return PromptFile("inputs-json", tuple(prompts), replaced=tuple(sorted(replaced)))


def _payloads(where: str, value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise PromptFileError(f"{where}: payloads: expected a list of requests, got {shown(value)}")
    return value
