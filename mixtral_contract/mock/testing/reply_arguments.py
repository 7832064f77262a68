"""Whether a mock can say what a test wants it to say, and whether a question can be what the reply is for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from mixtral_contract.contract.openapi import Contract, Operation
from mixtral_contract.mock.fixtures.matching import ANY
from mixtral_contract.primitives.tokenizer import tokenizer

__tracebackhide__ = True
# pytest leaves these frames out: the line of the test is what failed


def check_reply(
    contract: Contract, texts: Sequence[object], when: object, dialect: object, fields: Mapping[str, object]
) -> None:
    """Returns when a reply can be said, and its conditions can be met.

    Raises: ValueError, naming the argument, when not.
    """
    known = ", ".join((*contract.operations, ANY))
    if dialect not in [*contract.operations, ANY]:
        raise ValueError(f"reply: dialect: expected one of {known}, got {dialect!r}")
    operations = [each for each in contract.operations.values() if dialect in (ANY, each.dialect)]
    if not texts:
        raise ValueError("reply: expected at least one text, got none")
    for number, text in enumerate(texts, 1):
        _check_text(f"reply: text {number}", text, operations)
    if not isinstance(when.pattern if isinstance(when, re.Pattern) else when, str | None):
        raise ValueError(  # noqa: TRY004  one type for all of them
            f"reply: when: expected a text, or a compiled pattern of text, got {when!r}"
        )
    for name, value in fields.items():
        _check_field(name, value, operations)


def described(texts: Sequence[str], when: str | re.Pattern[str] | None, dialect: str, fields: Mapping[str, Any]) -> str:
    """The call by which a reply was set up."""
    arguments = [repr(text) for text in texts]
    if when is not None:
        arguments.append(f"when={when!r}")
    if dialect != ANY:
        arguments.append(f"dialect={dialect!r}")
    arguments += [f"{name}={value!r}" for name, value in fields.items()]
    return f"reply({', '.join(arguments)})"


def _check_text(where: str, text: object, operations: Sequence[Operation]) -> None:
    if not isinstance(text, str):
        raise ValueError(f"{where}: expected a text, got {text!r}")  # noqa: TRY004  one type for all of them
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{where}: expected characters that UTF-8 has, got {text!r}") from None
    names = {model.tokenizer for operation in operations for model in operation.models}
    if any("".join(tokenizer(name).split(text)) != text for name in names):
        raise ValueError(f"{where}: expected what Mixtral's tokens can spell, got {text!r}")


def _check_field(name: str, value: object, operations: Sequence[Operation]) -> None:
    """A field that no contract describes may still be sent; one that it describes has the values which it admits."""
    try:
        orjson.dumps(value)
    except TypeError:
        raise ValueError(f"reply: {name}: expected a value that JSON has, got {value!r}") from None
    reasons = [next(_violations(operation, name, value), None) for operation in operations]
    if reasons and all(reasons):
        raise ValueError(f"reply: {name}: {reasons[0]}")


def _violations(operation: Operation, name: str, value: object) -> Iterator[str]:
    if name in operation.request.properties:
        yield from (violation.message for violation in operation.request.field(name).violations(value))
