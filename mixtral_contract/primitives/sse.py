"""Server-sent events as a reader sees them: bytes in, events out, no I/O.

Follows the stream interpretation of the WHATWG HTML standard, section 9.2.6. Knows nothing of JSON, of `[DONE]` or of
time; what a chat completion stream must be is for the suite to judge.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Event:
    """One dispatched event: its data (lines joined by a line feed), its type and the last id seen."""

    data: str
    type: str = "message"
    last_event_id: str = ""


class Decoder:
    """Decodes one stream; how the bytes are cut into `received` never changes the events."""

    def __init__(self) -> None:
        self._rest = b""
        self._started = False
        self._after_cr = False
        self._data: list[str] = []
        self._type = ""
        self._id = ""
        self.retry_ms: int | None = None
        self.comments: list[str] = []

    @property
    def pending(self) -> bool:
        """Whether something was received that no blank line has dispatched yet; at the end of a stream it is lost."""
        return bool(self._rest or self._data or self._type)

    def feed(self, received: bytes) -> list[Event]:
        """The events that these bytes complete, in order; an incomplete one waits for the next call."""
        text = self._rest + received
        if not self._started:
            # "stream = [ bom ] *event": one BOM at the very start is not part of the first line
            if len(text) < len(_BOM) and _BOM.startswith(text):
                self._rest = text
                return []
            text = text.removeprefix(_BOM)
            self._started = True
        if self._after_cr and text:
            # a line feed right after a carriage return belongs to the line end already taken
            text = text.removeprefix(b"\n")
            self._after_cr = False
        events: list[Event] = []
        start = 0
        for end in _LINE_END.finditer(text):
            event = self._line(text[start : end.start()])
            start = end.end()
            if event is not None:
                events.append(event)
            self._after_cr = end.group() == b"\r" and start == len(text)
        self._rest = text[start:]
        return events

    def _line(self, line: bytes) -> Event | None:
        if not line:
            return self._dispatch()
        if line.startswith(b":"):
            self.comments.append(line[1:].decode("utf-8", "replace"))
            return None
        name, _, value = line.partition(b":")
        # "If value starts with a U+0020 SPACE character, remove it from value": one space, no more
        self._field(name, value.removeprefix(b" ").decode("utf-8", "replace"))
        return None

    def _field(self, name: bytes, value: str) -> None:
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._type = value
        elif name == b"id" and "\0" not in value:
            self._id = value
        elif name == b"retry" and value.isascii() and value.isdigit():
            self.retry_ms = int(value)

    def _dispatch(self) -> Event | None:
        data, self._data = self._data, []
        kind, self._type = self._type, ""
        # "If the data buffer is an empty string, set the data buffer and the event type buffer to the empty string
        # and return": a lone `data:` line leaves a line feed there and is dispatched with empty data
        return Event("\n".join(data), kind or "message", self._id) if data else None
