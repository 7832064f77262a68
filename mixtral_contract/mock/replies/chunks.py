"""The chunks of a scripted choice, step by step, with the oddities that it is to have.

A chunk is here what stands in `choices` of one: index, delta, logprobs, finish_reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from mixtral_contract.mock.completions.choices import Choice
from mixtral_contract.mock.messages.messages import Write
from mixtral_contract.mock.replies.drafting import CallDelta, ChoiceDraft, Item, Step, TextDelta
from mixtral_contract.mock.replies.scripted_reply import Failure, Finish

Chunk = dict[str, Any]
Event = Chunk | Failure | Write
"""What leaves as one event: a chunk, an error, or what is neither."""

Oddities = Mapping[str, str]
Key = str | int
"""A text's name, or a call's number."""


def events(index: int, draft: ChoiceDraft, oddities: Oddities) -> list[list[Event]]:
    """What leaves with each token of the choice, at least one step: the first opens it, the last has its end."""
    steps = [*_whole_ones(draft.steps, oddities)] or [[]]
    choice = _Choice(index, draft.choice, steps, oddities)
    opening = [*choice.events(draft.before), *choice.opening()]
    written: list[list[Event]] = [[*choice.events(step)] for step in steps]
    written[0][:0] = opening
    written[-1] += choice.ending()
    return written


class _Choice:
    """One choice on its way: what its chunks have in common, and whether it has ended."""

    def __init__(self, index: int, choice: Choice, steps: Sequence[Step], oddities: Oddities) -> None:
        self._index = index
        self._choice = choice
        self._oddities = oddities
        self._unlikely = {} if choice.logprobs is None else {"logprobs": None}
        self._over = False
        items = [item for step in steps for item in step]
        said = [item for item in items if isinstance(item, TextDelta | CallDelta)]
        self._last = said[-1] if said and oddities.get("finish_reason") == "with-content" else None

    def opening(self) -> Iterator[Event]:
        """The chunk that says the role; what comes before it says nothing."""
        content = None if self._choice.says_no_text else ""
        role = {} if self._oddities.get("role") == "missing" else {"role": "assistant"}
        if not self._over:
            yield self._chunk({**role, "content": content}, role=False)

    def events(self, step: Step) -> Iterator[Event]:
        """What the items of one step are."""
        for item in step:
            if isinstance(item, Finish):
                yield from self.ending()
            elif isinstance(item, Failure) or (isinstance(item, Write) and item.ending is not None):
                self._over = True
                yield item
            elif isinstance(item, Write):
                yield item
            else:
                yield self._said(item)

    def ending(self) -> Iterator[Event]:
        """The chunk with finish_reason, once; none where the choice broke off or never ends."""
        over, self._over = self._over, True
        if over or self._choice.finish_reason is None or self._last is not None:
            return
        for _ in range(2 if self._oddities.get("finish_reason") == "twice" else 1):
            yield self._chunk({}, finish_reason=self._choice.finish_reason)

    def _said(self, item: TextDelta | CallDelta) -> Chunk:
        finish_reason = self._choice.finish_reason if item is self._last else None
        if isinstance(item, CallDelta):
            return self._chunk({"tool_calls": [_call(item, self._oddities)]}, finish_reason=finish_reason)
        chunk = self._chunk({item.name: item.text}, finish_reason=finish_reason)
        if item.logprobs:
            chunk["logprobs"] = {"content": [*item.logprobs], "refusal": None}
        return chunk

    def _chunk(self, delta: Chunk, *, finish_reason: str | None = None, role: bool = True) -> Chunk:
        if role and self._oddities.get("role") == "each":
            delta = {"role": "assistant", **delta}
        return {"index": self._index, "delta": delta, **self._unlikely, "finish_reason": finish_reason}


def _call(item: CallDelta, oddities: Oddities) -> Chunk:
    """A fragment of a call as it is written."""
    call: Chunk = {"index": item.number}
    if oddities.get("tool_index") == "same":
        call["index"] = 0
    elif oddities.get("tool_index") == "missing":
        del call["index"]
    function: Chunk = {"arguments": item.fragment}
    if item.opens or oddities.get("tool_id") == "each":
        call |= {"id": item.id, "type": "function"}
        function = {"name": item.name, **function}
    if oddities.get("tool_id") == "missing":
        call.pop("id", None)
    if oddities.get("tool_arguments") == "object":
        function["arguments"] = as_object(item.fragment)
    return call | {"function": function}


def as_object(arguments: str) -> Any:
    """The arguments as what they are the text of; that text where it is no JSON."""
    try:
        return orjson.loads(arguments)
    except ValueError:
        return arguments


def _whole_ones(steps: Sequence[Step], oddities: Oddities) -> Iterator[Step]:
    """The steps, with texts or calls that are to be one delta at the last of theirs."""
    joined: dict[Key, list[TextDelta | CallDelta]] = {}
    last = {key: item for step in steps for item in step if (key := _key(item, oddities)) is not None}
    for step in steps:
        made: Step = []
        for item in step:
            key = _key(item, oddities)
            if key is None:
                made.append(item)
                continue
            assert isinstance(item, TextDelta | CallDelta)
            joined.setdefault(key, []).append(item)
            if item is last[key]:
                made.append(_joined(joined[key]))
        yield made


def _joined(items: Sequence[TextDelta | CallDelta]) -> Item:
    """One text, or one call, of all its deltas."""
    text = "".join(item.text if isinstance(item, TextDelta) else item.fragment for item in items)
    first = items[0]
    if isinstance(first, CallDelta):
        return first._replace(fragment=text)
    entries = (entry for item in items if isinstance(item, TextDelta) for entry in item.logprobs)
    return first._replace(text=text, logprobs=tuple(entries))


def _key(item: Item, oddities: Oddities) -> Key | None:
    """What the item is to be one delta with; None where it stays as it is."""
    if isinstance(item, TextDelta):
        return item.name if oddities.get("deltas") == "whole" else None
    whole = oddities.get("tool_fragments") == "whole" or "tool_arguments" in oddities
    return item.number if isinstance(item, CallDelta) and whole else None
