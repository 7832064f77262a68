"""An event stream as received: its blocks line by line, its chunks, and when each content arrived.

Two readings side by side: `blocks` cut the bytes as they stand (what is judged), `chunks` are what a reader that
follows the standard gets out of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mixtral_contract.primitives.sse import Decoder
from mixtral_contract.suite.http.exchange import Exchange

DONE = "[DONE]"
_LINE = re.compile(rb"([^\r\n]*)(\r\n|\n|\r|\Z)")


@dataclass(frozen=True, slots=True)
class Block:
    """Lines up to a blank line; `terminated` is False for a last one without it."""

    lines: tuple[bytes, ...]
    terminated: bool

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """The fields of the block, comments left out."""
        found = []
        for line in self.lines:
            name, _, value = line.partition(b":")
            if name:
                found.append((name.decode("utf-8", "replace"), value.removeprefix(b" ").decode("utf-8", "replace")))
        return tuple(found)

    @property
    def data(self) -> str | None:
        """The data lines joined; None without any."""
        values = [value for name, value in self.fields if name == "data"]
        return "\n".join(values) if values else None


class Stream:
    """One exchange read as a stream of chunks."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    @cached_property
    def line_ends(self) -> frozenset[bytes]:
        """The kinds of line end that occur."""
        return frozenset(end for line in _LINE.finditer(self.exchange.body) if (end := line[2]))

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks in order; a byte order mark is left out."""
        blocks: list[Block] = []
        lines: list[bytes] = []
        # one at a time: a body of millions of empty lines has no blocks
        for match in _LINE.finditer(self.exchange.body.removeprefix(b"\xef\xbb\xbf")):
            if line := match[1]:
                lines.append(line)
            elif lines:
                blocks.append(Block(tuple(lines), terminated=True))
                lines = []
        # the pattern's last match is empty: what lines remain then had no blank line; an empty body has no lines
        if blocks and not self._ends_blank:
            blocks[-1] = Block(blocks[-1].lines, terminated=False)
        return tuple(blocks)

    @property
    def _ends_blank(self) -> bool:
        text = self.exchange.body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return text.endswith(b"\n\n")

    @cached_property
    def payloads(self) -> tuple[str, ...]:
        """The data of each block that has any, `[DONE]` included."""
        return tuple(block.data for block in self.blocks if block.data is not None)

    @cached_property
    def chunks(self) -> tuple[Mapping[str, Any], ...]:
        """The JSON objects among the payloads."""
        parsed = (_object(payload) for payload in self.payloads)
        return tuple(chunk for chunk in parsed if chunk is not None)

    @cached_property
    def choices(self) -> tuple[Mapping[str, Any], ...]:
        """Every choice of every chunk, in order."""
        return tuple(
            choice
            for chunk in self.chunks
            if isinstance(chunk.get("choices"), list)
            for choice in chunk["choices"]
            if isinstance(choice, dict)
        )

    @property
    def contents(self) -> list[str]:
        """The content of each delta that has one, empty ones included."""
        contents = (_delta(choice).get("content") for choice in self.choices)
        return [content for content in contents if isinstance(content, str)]

    @cached_property
    def text(self) -> str:
        """The contents of all deltas joined."""
        return "".join(self.contents)

    @property
    def finish_reasons(self) -> list[Any]:
        """The finish reasons that are not null, in order."""
        reasons = (choice.get("finish_reason") for choice in self.choices)
        return [reason for reason in reasons if reason is not None]

    @property
    def usage(self) -> Mapping[str, Any] | None:
        """The last usage in the stream; None without any."""
        found = [chunk["usage"] for chunk in self.chunks if isinstance(chunk.get("usage"), dict)]
        return found[-1] if found else None

    def content_times_ns(self) -> list[int]:
        """When each event with content arrived, on the exchange's clock."""
        decoder = Decoder()
        times = []
        for at_ns, piece in self.exchange.received:
            for event in decoder.feed(piece):
                chunk = _object(event.data)
                choices = chunk.get("choices") if chunk else None
                if isinstance(choices, list) and any(_delta(choice).get("content") for choice in choices):
                    times.append(at_ns)
        return times


def _object(payload: str) -> Mapping[str, Any] | None:
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _delta(choice: Any) -> Mapping[str, Any]:
    delta = choice.get("delta") if isinstance(choice, dict) else None
    return delta if isinstance(delta, dict) else {}
