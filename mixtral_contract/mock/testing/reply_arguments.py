"""What a test writes into `reply(...)`, as a fixture: the same plain data as in a file, and functions of the test."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from mixtral_contract.contract.openapi import Contract, Operation
from mixtral_contract.mock.fixtures import fixture_reader
from mixtral_contract.mock.fixtures.conditions import Conditions
from mixtral_contract.mock.fixtures.matching import Fixture, Line
from mixtral_contract.mock.fixtures.text_matcher import ANY, TextMatcher
from mixtral_contract.mock.replies import reader

__tracebackhide__ = True
# pytest leaves these frames out: the line of the test is what failed

_SAID = frozenset(reader.schema().properties)
"""The arguments that are what is said; `_WHEN` are conditions, and all others fields of the request."""
_WHEN = frozenset(fixture_reader.schema("when").properties) - {"fields", "dialect"}


@dataclass(frozen=True, slots=True)
class _Found(TextMatcher):
    """A text in which a compiled pattern, with its flags, is found."""

    pattern: re.Pattern[str]

    def accepts(self, text: str) -> bool:
        """Whether it is found."""
        return self.pattern.search(text) is not None


def fixture_of(
    contract: Contract, name: str, replies: Sequence[Any], *, when: Any, dialect: Any, arguments: Mapping[str, Any]
) -> Fixture:
    """The fixture of a call of `reply`.

    Raises: ValueError, naming the argument, when it cannot be said, or no request can be of that kind.
    """
    stated = {key: value for key, value in arguments.items() if key in _WHEN}
    fields = {
        **arguments.get("fields", {}),
        **{key: value for key, value in arguments.items() if key not in _SAID | _WHEN | {"fields", "turns"}},
    }
    turns = arguments.get("turns")
    conditions = _conditions(contract, when, dialect, stated, fields, opening=turns is not None)
    members = {key: value for key, value in arguments.items() if key in _SAID}
    if turns is not None:
        if replies or members:
            raise ValueError("reply: turns: expected no other reply beside them, got one")
        if not isinstance(turns, Sequence) or isinstance(turns, str) or not turns:
            raise ValueError(f"reply: turns: expected a list of replies, got {turns!r}")
        lines = [reader.read(_plain(turn), f"reply: turns.{number}") for number, turn in enumerate(turns)]
        return Fixture(name, conditions, turns=tuple(lines))
    if not replies and not members:
        raise ValueError("reply: expected at least one text, list of parts, function or argument to say, got none")
    several = len(replies) > 1
    says = [
        _line(each, members, f"reply: {number}" if several else "reply")
        for number, each in enumerate(replies or [{}], 1)
    ]
    return Fixture(name, conditions, says=tuple(says))


def described(replies: Sequence[Any], when: Any, dialect: str, arguments: Mapping[str, Any]) -> str:
    """The call by which a reply was set up."""
    written = [repr(each) for each in replies]
    if when is not None:
        written.append(f"when={when!r}")
    if dialect != ANY:
        written.append(f"dialect={dialect!r}")
    written += [f"{name}={value!r}" for name, value in arguments.items()]
    return f"reply({', '.join(written)})"


def _line(said: Any, members: Mapping[str, Any], where: str) -> Line:
    if callable(said):
        if members:
            raise ValueError(f"{where}.{next(iter(members))}: expected nothing beside a function, got it")
        function: Callable[[Any], Any] = said
        return lambda request: _plain(function(request))
    if isinstance(said, str):
        said = {"text": said}
    elif isinstance(said, list | tuple):
        said = {"parts": said}
    if isinstance(said, Mapping):
        twice = next((name for name in members if name in said), None)
        if twice is not None:
            raise ValueError(f"{where}.{twice}: expected it once, got it twice")
        said = {**said, **members}
    return reader.read(_plain(said), where)


def _plain(said: Any) -> Any:
    """What Python has besides: tuples are lists, and a tool call may be its name and its arguments."""
    if isinstance(said, list | tuple):
        return [_plain(each) for each in said]
    if not isinstance(said, Mapping):
        return said
    plain = {name: _plain(value) if name in ("choices", "parts") else value for name, value in said.items()}
    calls = plain.get("tool_calls")
    if isinstance(calls, list | tuple):
        plain["tool_calls"] = [_plain_call(call) for call in calls]
    return plain


def _plain_call(call: Any) -> Any:
    if isinstance(call, str):
        return {"name": call}
    if isinstance(call, Mapping) and "tool_call" in call:
        return call["tool_call"]
    return dict(zip(("name", "arguments", "id"), call, strict=False)) if isinstance(call, list | tuple) else call


def _conditions(
    contract: Contract,
    when: Any,
    dialect: Any,
    stated: Mapping[str, Any],
    fields: Mapping[str, Any],
    *,
    opening: bool,
) -> Conditions:
    known = (*contract.operations, ANY)
    if dialect not in list(known):
        raise ValueError(f"reply: dialect: expected one of {', '.join(known)}, got {dialect!r}")
    operations = [each for each in contract.operations.values() if dialect in (ANY, each.dialect)]
    for name, value in fields.items():
        _check_field(name, value, operations)
    node = {"dialect": dialect, **stated, "fields": fields}
    found: Mapping[str, Any] = {}
    if isinstance(when, str):
        node["prompt"] = {"contains": when}
    elif isinstance(when, Mapping):
        node |= when
    elif isinstance(when, re.Pattern) and isinstance(when.pattern, str):
        found = {"prompt": _Found("matches", when.pattern, when)}
    elif callable(when):
        found = {"test": when}
    elif when is not None:
        raise ValueError(
            f"reply: when: expected a text, a compiled pattern of text, a function or conditions, got {when!r}"
        )
    fixture_reader.check(node, "when", "reply: when")
    return replace(fixture_reader.conditions(node, contract, "reply: when", opening=opening), **found)


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
