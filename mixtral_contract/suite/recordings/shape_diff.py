"""The shape of an answer: what stays the same when the same is asked again, and in what two answers differ.

Status, media type, which headers there are, the keys and types of the JSON, and of a stream the order of its kinds of
events; no texts, no numbers, no times. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from mixtral_contract.suite.http.event_stream import DONE, Stream
from mixtral_contract.suite.http.exchange import Exchange

_FRAMING = frozenset(("content-length", "transfer-encoding", "connection", "keep-alive", "content-encoding", "trailer"))
"""Headers that say how the answer was sent on one connection."""
_TELLING = frozenset(("object", "role"))
"""Members whose texts name a kind of thing."""
_EVENT_STREAM = "text/event-stream"
_NONE = "none"


@dataclass
class Node:
    """What was seen at one place of one or more JSON values: types, members by name, items of arrays."""

    kinds: set[str] = field(default_factory=set)
    members: dict[str, Node] = field(default_factory=dict)
    items: Node | None = None

    def add(self, value: Any, name: str = "") -> None:
        """Takes in one more value that stood there, under that name."""
        self.kinds.add(_kind(value, name))
        if isinstance(value, Mapping):
            for member, inner in value.items():
                self.members.setdefault(member, Node()).add(inner, member)
        elif isinstance(value, list):
            for inner in value:
                self.items = self.items or Node()
                self.items.add(inner)

    def text(self) -> str:
        """The types in words."""
        return " or ".join(sorted(self.kinds))


def differences(before: Exchange, after: Exchange) -> list[str]:
    """What moved from one answer to another, a line each, the place first; empty when nothing did."""
    if before.status != after.status:
        # an answer of another kind has everything otherwise
        return [f"status: was {before.status}, is {after.summary}"]
    lines = [*_changed("content-type", before.media_type, after.media_type), *_headers(before, after)]
    if _EVENT_STREAM in (before.media_type, after.media_type):
        if before.media_type == after.media_type:
            lines += _streams(Stream(before), Stream(after))
    else:
        lines += _bodies(before, after)
    return lines + _changed("ending", before.ending, after.ending)


def sequence(stream: Stream) -> tuple[str, ...]:
    """The kinds of a stream's events in their order, those of one kind in a row once."""
    return tuple(label for label, _ in groupby(map(_label, stream.payloads)))


def _headers(before: Exchange, after: Exchange) -> Iterator[str]:
    one, other = ({name.lower() for name, _ in exchange.headers} - _FRAMING for exchange in (before, after))
    yield from (f"header {name}: gone" for name in sorted(one - other))
    yield from (f"header {name}: new" for name in sorted(other - one))


def _bodies(before: Exchange, after: Exchange) -> Iterator[str]:
    one, other = Node(), Node()
    for node, exchange in ((one, before), (other, after)):
        if exchange.json is not None or exchange.body.strip() == b"null":
            node.add(exchange.json)
        else:
            node.kinds.add("text that is no JSON" if exchange.body else "nothing")
    yield from _nodes("", one, other)


def _streams(before: Stream, after: Stream) -> Iterator[str]:
    yield from _changed("events", ", ".join(sequence(before)), ", ".join(sequence(after)))
    yield from _changed("line ends", *(_quoted(stream.line_ends) for stream in (before, after)))
    yield from _changed("event fields", *(", ".join(sorted(_fields(stream))) for stream in (before, after)))
    one, other = _by_label(before), _by_label(after)
    for label in one.keys() & other.keys():
        yield from (f"{label} event: {line}" for line in _nodes("", one[label], other[label]))


def _by_label(stream: Stream) -> dict[str, Node]:
    nodes: dict[str, Node] = {}
    for payload in stream.payloads:
        chunk = _parsed(payload)
        if chunk is not None:
            nodes.setdefault(_label(payload), Node()).add(chunk)
    return nodes


def _nodes(where: str, before: Node, after: Node) -> Iterator[str]:
    # where there were fractions, a whole number is one of them; where there were none, a fraction is news
    whole = "number" if "number" in before.kinds else "integer"
    one, other = ({whole if kind == "integer" else kind for kind in node.kinds} for node in (before, after))
    if one != other:
        yield f"{where or 'body'}: was {before.text()}, is {after.text()}"
    for name, node in before.members.items():
        inside = f"{where}.{name}" if where else name
        if name in after.members:
            yield from _nodes(inside, node, after.members[name])
        elif "object" in after.kinds:
            yield f"{inside}: gone (was {node.text()})"
    for name, node in after.members.items():
        if name not in before.members and "object" in before.kinds:
            yield f"{where}.{name}: new ({node.text()})" if where else f"{name}: new ({node.text()})"
    if before.items is not None and after.items is not None:
        yield from _nodes(f"{where}[]", before.items, after.items)
    elif "array" in before.kinds & after.kinds and (before.items is None) != (after.items is None):
        yield f"{where}[]: was {_items(before)}, is {_items(after)}"


def _items(node: Node) -> str:
    return "empty" if node.items is None else node.items.text()


def _changed(where: str, before: str, after: str) -> list[str]:
    return [f"{where}: was {before or _NONE}, is {after or _NONE}"] if before != after else []


def _label(payload: str) -> str:
    """What kind of event it is: what it brings."""
    if payload == DONE:
        return DONE
    chunk = _parsed(payload)
    if chunk is None:
        return "no JSON object"
    if chunk.get("error"):
        return "error"
    choices = chunk.get("choices")
    if not isinstance(choices, list) or not choices:
        return "usage" if chunk.get("usage") else "other"
    return _choice_label(choices)


def _choice_label(choices: Sequence[Any]) -> str:
    deltas = [choice.get("delta") for choice in choices if isinstance(choice, dict)]
    brought = [name for delta in deltas if isinstance(delta, dict) for name, value in delta.items() if value]
    if any(isinstance(choice, dict) and choice.get("finish_reason") is not None for choice in choices):
        brought.append("finish")
    # a delta that brings nothing yet is one of those that bring text, later
    return "+".join(dict.fromkeys(brought)) or "content"


def _fields(stream: Stream) -> set[str]:
    return {name for block in stream.blocks for name, _ in block.fields}


def _quoted(line_ends: frozenset[bytes]) -> str:
    return ", ".join(sorted(repr(end.decode("latin-1")) for end in line_ends))


def _parsed(payload: str) -> Mapping[str, Any] | None:
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _kind(value: Any, name: str) -> str:
    if isinstance(value, str):
        return json.dumps(value) if name in _TELLING else "string"
    return next(kind for types, kind in _KINDS if isinstance(value, types))


_KINDS: Sequence[tuple[type | tuple[type, ...], str]] = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (list, "array"),
    (dict, "object"),
    (object, "null"),
)
"""The first that fits: Python's bool is an int."""
