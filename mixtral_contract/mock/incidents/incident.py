"""What an incident is: a fault that a correct client must survive, as a small change of one reply.

An incident either refuses the call (a status on demand) or changes the passage of whatever the reply is: which events
there are, in which writes they leave, when, and how the connection ends. `ReplyEdit` is what it changes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import orjson

from mixtral_contract.contract.openapi import Operation
from mixtral_contract.mock.messages.messages import HEAD, Refusal, Reply, Write

_EVENT = re.compile(rb".+?(?:\r?\n\r?\n|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class EventPosition:
    """Where an event stands: the events that leave with the same token, and its index among them."""

    writes: list[Write]
    index: int

    @property
    def write(self) -> Write:
        """The event."""
        return self.writes[self.index]

    def put(self, *writes: Write) -> None:
        """Puts these in the place of the event."""
        self.writes[self.index : self.index + 1] = writes


class ReplyEdit:
    """A reply on its way out: the writes that leave with each token, and those before the head.

    A write is one event of a stream or a whole body, as long as no incident cuts it further.
    """

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.streams = reply.frames is not None
        disturbed = reply.disturbed or {}
        self.head: list[Write] = [*disturbed.get(HEAD, ())]
        if reply.frames is not None:
            events = ([Write(event) for event in _EVENT.findall(frame)] for frame in reply.frames)
        else:
            events = ([Write(body)] for body in (_body(reply),))
        self.frames = [[*disturbed.get(index, writes)] for index, writes in enumerate(events)]

    def say(self, body: bytes) -> None:
        """Puts a whole body in the place of what is there; its length is announced whatever becomes of it."""
        self.reply.content = body
        self.frames = [[Write(body)]]

    def places(self) -> Iterator[EventPosition]:
        """Every event, in order; a wait, or an end, without bytes is none."""
        for writes in self.frames:
            for index in range(len(writes)):
                if writes[index].data:
                    yield EventPosition(writes, index)

    def after(self, events: int) -> EventPosition:
        """The event that follows so many; the last one where there are no more, so that an incident always shows."""
        places = list(self.places())
        if not places:
            self.append(Write())
            return EventPosition(self.frames[-1], 0)
        return places[min(events, len(places) - 1)]

    def truncate(self, events: int) -> Write:
        """Ends the body after so many events, and always before the last; the first event that is left out."""
        place = self.after(events)
        left_out = place.write
        del place.writes[place.index :]
        frame = next(index for index, writes in enumerate(self.frames) if writes is place.writes)
        del self.frames[frame + 1 :]
        return left_out

    def append(self, *writes: Write) -> None:
        """Adds writes at the end."""
        self.frames[-1].extend(writes)

    def edit(self, change: Callable[[bytes], bytes]) -> None:
        """Changes the bytes of every event."""
        for writes in self.frames:
            writes[:] = [replace(write, data=change(write.data)) if write.data else write for write in writes]

    def finish(self) -> None:
        """Puts what became of it into the reply."""
        reply, frames = self.reply, [b"".join(write.data for write in writes) for writes in self.frames]
        if self.streams:
            reply.frames, reply.tokens = frames, len(frames)
        disturbed = {index: tuple(writes) for index, writes in enumerate(self.frames) if _is_disturbed(writes)}
        if self.head:
            disturbed[HEAD] = tuple(self.head)
        # a frame that holds nothing cannot leave as a chunk: that would end the body
        reply.disturbed = disturbed if disturbed or (self.streams and b"" in frames) else None


class Parameter(NamedTuple):
    """An argument of an incident: what it is when it is not given, what is expected, and how it is read.

    `read` raises ValueError for what is not expected.
    """

    default: str
    expected: str
    read: Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the table of incidents.

    `refuse` says with what a call is refused, None to answer it; `change` changes the passage of the reply. Both get
    the arguments by name.
    """

    summary: str
    parameters: Mapping[str, Parameter]
    change: Callable[..., None] | None = None
    refuse: Callable[..., Refusal] | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident with its arguments; `text` names both, `rank` is its place in the order of application."""

    text: str
    rank: int
    kind: Kind
    arguments: Mapping[str, Any]

    def refusal(self, operation: Operation) -> Refusal | None:
        """Why the call is refused; None when this incident refuses nothing."""
        return None if self.kind.refuse is None else self.kind.refuse(operation, **self.arguments)

    def change(self, passage: ReplyEdit) -> None:
        """Changes the passage of the reply."""
        if self.kind.change is not None:
            self.kind.change(passage, **self.arguments)


def apply_incidents(incidents: Sequence[Incident], reply: Reply, header: str) -> Reply:
    """The reply after these incidents, which the header names; they are applied in the order of the table."""
    if not incidents:
        return reply
    ranked = sorted(incidents, key=lambda incident: incident.rank)
    reply.headers[header] = ", ".join(incident.text for incident in ranked)
    passage = ReplyEdit(reply)
    for incident in ranked:
        incident.change(passage)
    passage.finish()
    return reply


def _body(reply: Reply) -> bytes:
    return reply.content if isinstance(reply.content, bytes) else orjson.dumps(reply.content)


def _is_disturbed(writes: list[Write]) -> bool:
    return any(write.before_ns or write.ending for write in writes)
