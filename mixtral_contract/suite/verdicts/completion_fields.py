"""What clauses read of a whole completion; a part that is missing has clauses of its own, and is UNSUPPORTED here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mixtral_contract.suite.http.exchange import Exchange
from mixtral_contract.suite.verdicts.verdict import Unsupported


def object_of(exchange: Exchange) -> Mapping[str, Any]:
    """The answer's JSON object.

    Raises: Unsupported when it is none.
    """
    if not isinstance(exchange.json, dict):
        # that it should be one is said by the clauses of its keys and of its schema
        raise Unsupported(f"no JSON object to look at: {exchange.summary}", exchange=exchange)
    return dict(exchange.json)


def choice_of(exchange: Exchange) -> Mapping[str, Any]:
    """The first choice.

    Raises: Unsupported when there is none.
    """
    choices = object_of(exchange).get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise Unsupported("no choice to look at", exchange=exchange)
    return choices[0]


def message_of(exchange: Exchange) -> Mapping[str, Any]:
    """The message of the first choice.

    Raises: Unsupported when there is none.
    """
    message = choice_of(exchange).get("message")
    if not isinstance(message, dict):
        raise Unsupported("no message to look at", exchange=exchange)
    return message


def text_of(exchange: Exchange) -> str:
    """The text of the first choice.

    Raises: Unsupported when its content is none.
    """
    content = message_of(exchange).get("content")
    if not isinstance(content, str):
        raise Unsupported("no text to look at", exchange=exchange)
    return content


def usage_of(exchange: Exchange) -> Mapping[str, int]:
    """The three token counts of usage.

    Raises: Unsupported when one is missing or no integer.
    """
    usage = object_of(exchange).get("usage")
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    if not isinstance(usage, dict) or not all(isinstance(usage.get(name), int) for name in names):
        raise Unsupported("no usage to look at", exchange=exchange)
    return usage
