"""How long the prompts of a file are, and the answers that it asks for: counted before the run, for its report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from mixtral_contract.load.prompt_files.own_prompt import OwnPrompt, PromptFile
from mixtral_contract.primitives.tokenizer import tokenizer

_MOST_COUNTED = 1000
"""Of more prompts so many are counted, evenly from the whole file."""


def own_lengths(
    file: PromptFile, tokenizer_name: str, told: Callable[[int, int], None] = lambda _done, _of: None
) -> dict[str, Any]:
    """The file in figures; `told` is called with how many of how many prompts are counted.

    Keys: format, conversations, requests, left_out, replaced, unused, counted; prompt_tokens and answer_tokens, each
    None or {least, median, most}, of the prompts counted: of the first turn, without the template. A prompt with other
    parts than texts has no length here. A request without a limit of its own has no answer_tokens.
    """
    count = tokenizer(tokenizer_name).count
    sample = _evenly(file.prompts)
    prompts, answers = list[int | None](), list[int | None]()
    for done, prompt in enumerate(sample):
        told(done, len(sample))
        prompts.append(prompt_length(prompt, count))
        answers.append(prompt.max_tokens or (count(prompt.answer) if prompt.answer is not None else None))
    return {
        "format": file.format,
        "conversations": len(file.prompts),
        "requests": sum(1 + len(each.follow_ups) for each in file.prompts),
        "left_out": file.left_out,
        "replaced": list(file.replaced),
        "unused": list(file.unused),
        "counted": len(sample),
        "prompt_tokens": _spread(prompts),
        "answer_tokens": _spread(answers),
    }


def prompt_length(prompt: OwnPrompt, count: Callable[[str], int]) -> int | None:
    """The tokens of a prompt without the template; None where it has more than texts."""
    if prompt.prompt_tokens is not None:
        return prompt.prompt_tokens
    texts = [message.get("content") for message in prompt.messages]
    known = [text for text in texts if isinstance(text, str)]
    return sum(map(count, known)) if len(known) == len(texts) else None


def own_lengths_line(found: dict[str, Any]) -> str:
    """The figures in one line."""
    said = f"prompts: {found['conversations']:,} of the form {found['format']}"
    if found["requests"] > found["conversations"]:
        said += f", {found['requests']:,} turns"
    for name, key in {"prompt": "prompt_tokens", "longest answer": "answer_tokens"}.items():
        if (spread := found[key]) is not None:
            said += f"; {name} {spread['least']:,} to {spread['most']:,} tokens, median {spread['median']:,}"
    if found["counted"] < found["conversations"]:
        said += f" (counted {found['counted']:,})"
    if found["left_out"]:
        said += f"; {found['left_out']:,} without a question left out"
    if found["replaced"]:
        said += f"; {', '.join(found['replaced'])}: the run's own are sent"
    if found["unused"]:
        said += f"; columns not sent: {', '.join(found['unused'])}"
    return said


def _evenly(prompts: Sequence[OwnPrompt]) -> list[OwnPrompt]:
    share = min(_MOST_COUNTED, len(prompts))
    return [prompts[index * len(prompts) // share] for index in range(share)]


def _spread(lengths: Iterable[int | None]) -> dict[str, int] | None:
    known = sorted(length for length in lengths if length is not None)
    return {"least": known[0], "median": known[(len(known) - 1) // 2], "most": known[-1]} if known else None
