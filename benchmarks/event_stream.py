"""The bytes of one streamed answer of the mock, cut as they leave when it is paced: what the bound in C sends too."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

from benchmarks.servers import Server, ask
from benchmarks.workload import NUMBER, Call, prompts

_TRIED = 100
_CHUNK = re.compile(rb"([0-9a-f]+)\r\n")
_AROUND = 3
"""Events of a stream that carry no token: the opening one, the one with the finish reason, and [DONE]."""


@dataclass(frozen=True, slots=True)
class EventStream:
    """A request, the head of its answer, and its events in chunks of HTTP/1.1, one chunk per token."""

    request: bytes
    head: bytes
    chunks: tuple[bytes, ...]

    @property
    def tokens(self) -> int:
        """How many tokens the answer has."""
        return len(self.chunks)


def long_stream(unpaced: Server, called: Call) -> EventStream:
    """A long answer of an unpaced mock: the longest to some of the distinct prompts."""
    tried = (prompt.replace(NUMBER, "once") for prompt in islice(prompts("distinct"), _TRIED))
    requests = [called.request(prompt, stream=True) for prompt in tried]
    answer, request = max(
        ((ask(unpaced.port, request), request) for request in requests), key=lambda pair: len(pair[0])
    )
    head, _, body = answer.partition(b"\r\n\r\n")
    events = [event + b"\n\n" for event in _unchunked(body).split(b"\n\n")[:-1]]
    frames = [b"".join(events[:2]), *events[2 : 1 - _AROUND], b"".join(events[1 - _AROUND :])]
    frames[-2:] = [frames[-2] + frames[-1]]
    chunks = [b"%x\r\n%b\r\n" % (len(frame), frame) for frame in frames]
    return EventStream(request, head + b"\r\n\r\n", (*chunks[:-1], chunks[-1] + b"0\r\n\r\n"))


def _unchunked(body: bytes) -> bytes:
    """What the chunks of a body carry."""
    data, at = b"", 0
    while (size := _CHUNK.match(body, at)) is not None:
        length = int(size[1], 16)
        data += body[size.end() : size.end() + length]
        at = size.end() + length + 2
    return data
