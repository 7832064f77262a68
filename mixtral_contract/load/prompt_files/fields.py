"""Which keys a line of each form may have, as data, and the fields of a request that are among them.

Nothing of a line is left out: what is not sent is refused by its name.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping
from typing import Any

from mixtral_contract.load.prompt_files.own_prompt import OwnPrompt, PromptFileError
from mixtral_contract.primitives.shown import shown

TEXTS = ("prompt", "text", "text_input")
"""What the text of a line is called; source: vLLM's custom data set, AIPerf's single turns, GenAI-Perf."""

LIMITS = ("max_tokens", "output_tokens", "output_length")
"""What the longest answer is called; source: OpenAI's requests, vLLM's custom data set, AIPerf's single turns."""

OF_THE_RUN = ("model", "n", "stream", "stream_options")
"""What a measurement says itself; all answers of a run are of one kind."""

KEYS: Mapping[str, tuple[str, ...]] = {
    "rows": (*TEXTS, "messages", "images", *LIMITS),
    "sharegpt": ("id", "conversations"),
    "sharegpt turn": ("from", "value"),
    "openai-batch": ("custom_id", "method", "url", "body"),
    "inputs-json": ("session_id", "payloads"),
    "mooncake": ("timestamp", "input_length", "output_length", "hash_ids"),
    "payload": ("messages", "max_tokens", "max_completion_tokens", *OF_THE_RUN),
}
"""The keys that a reader takes itself; rows and payloads may have the dialect's documented fields beside them."""


def check_keys(where: str, form: str, value: Any, *, needs: Collection[str]) -> Mapping[str, Any]:
    """The value, an object with these keys and no other than the form knows.

    Raises: PromptFileError.
    """
    known = KEYS[form]
    if not isinstance(value, dict) or not set(needs) <= set(value):
        raise PromptFileError(f"{where}: expected an object with {' and '.join(needs)}, got {shown(value)}")
    for name in value:
        if name not in known:
            raise PromptFileError(f"{where}: expected only {', '.join(known)}, got {name!r}, which would not be sent")
    return value


def request_fields(where: str, value: Mapping[str, Any], taken: str, documented: Container[str]) -> dict[str, Any]:
    """The fields of a request in a line: all but what the form takes itself.

    Raises: PromptFileError with the name of one that would not be sent.
    """
    fields = {name: each for name, each in value.items() if name not in KEYS[taken]}
    for name in fields:
        if name in OF_THE_RUN or name not in documented:
            why = "which the run itself says" if name in OF_THE_RUN else "which the dialect does not document"
            raise PromptFileError(f"{where}: expected messages or prompt and fields to send, got {name!r}, {why}")
    return fields


def limit(where: str, value: Mapping[str, Any], names: Collection[str], documented: Container[str]) -> int | None:
    """The longest answer that a line asks for; None when it does not.

    Raises: PromptFileError when it is no length, stands there twice, or cannot be sent.
    """
    there = [name for name in names if value.get(name) is not None]
    if not there:
        return None
    if len(there) > 1:
        raise PromptFileError(f"{where}: expected one of {', '.join(names)}, got {' and '.join(there)}")
    if "max_tokens" not in documented:
        raise PromptFileError(
            f"{where}: expected messages or prompt and fields to send, got {there[0]!r}, which the dialect does not "
            "document"
        )
    return whole_number(f"{where}: {there[0]}", value[there[0]], at_least=1)


def whole_number(where: str, value: Any, at_least: int) -> int:
    """The value, a whole number of at least so much.

    Raises: PromptFileError.
    """
    if type(value) is not int or value < at_least:
        raise PromptFileError(f"{where}: expected a whole number of at least {at_least}, got {shown(value)}")
    return value


def messages_of(where: str, value: Any) -> list[dict[str, Any]]:
    """The value, a conversation.

    Raises: PromptFileError.
    """
    if not isinstance(value, list) or not value or not all(isinstance(each, dict) for each in value):
        raise PromptFileError(f"{where}: messages: expected a list of messages, got {shown(value)}")
    for number, message in enumerate(value):
        if not isinstance(message.get("role"), str):
            raise PromptFileError(f"{where}: messages[{number}]: expected an object with role, got {shown(message)}")
    return value


def text_of(where: str, value: Any) -> str:
    """The value, a text.

    Raises: PromptFileError.
    """
    if not isinstance(value, str):
        raise PromptFileError(f"{where}: expected a text, got {shown(value)}")
    return value


def payload(where: str, value: Any, documented: Container[str]) -> tuple[OwnPrompt, tuple[str, ...]]:
    """A whole request of a chat completion, and the names of its fields of which the run sends its own.

    Raises: PromptFileError.
    """
    if not isinstance(value, dict) or "messages" not in value:
        raise PromptFileError(f"{where}: expected a request with messages, got {shown(value)}")
    if value.get("n", 1) != 1:
        raise PromptFileError(f"{where}: n: expected 1, as a run asks for one answer, got {shown(value['n'])}")
    prompt = OwnPrompt(
        messages_of(where, value["messages"]),
        limit(where, value, ("max_tokens", "max_completion_tokens"), documented),
        request_fields(where, value, "payload", documented),
    )
    return prompt, tuple(name for name in OF_THE_RUN if name in value)
