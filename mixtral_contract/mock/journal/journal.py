"""What the mock did, request by request: the ground truth that a client's own figures can be held against.

Bounded in requests and in bytes, the oldest goes. Pure: times are arguments, in nanoseconds of the mock's clock.
Cheap while it is written: an entry keeps what was known anyway, and is put into words (`record`) only when it is read.
No key is kept, nor any header that could carry one: `credential` tells equal ones apart and is never shown.
"""

from __future__ import annotations

import itertools
import zlib
from collections import deque
from collections.abc import Callable

from mixtral_contract.mock.journal.key_placement import Misplaced
from mixtral_contract.mock.messages.messages import Refusal
from mixtral_contract.mock.timing import token_times as steps
from mixtral_contract.mock.timing.engine import Generation
from mixtral_contract.mock.timing.token_times import Steps

MOST_REQUESTS = 10_000
MOST_BYTES = 32 * 1024 * 1024

COMPLETE = "complete"
CLIENT_LEFT = "client-left"
CUT = "cut"
SERVER_STOPPED = "server-stopped"
ENDS = (COMPLETE, CLIENT_LEFT, CUT, SERVER_STOPPED)
"""How an answer ended: in full, when the client went, as an incident wanted it, or with the server."""

_ENTRY_BYTES = 800
"""What an entry occupies beside its texts and times; a test holds it."""

_WHOLE_BODY_BYTES = 64 * 1024


class Entry:
    """One request and what became of it; whatever is None was not found out, or did not happen.

    `id` counts the requests in the order in which they ended, so that who has read up to one id misses none; it is 0
    while the request is under way. `dues` and `sent` are steps: so many tokens were due, and out, at that time. A
    completion takes as many `steps` as its longest choice has tokens: choices are written side by side. `body` and
    `answer` are what was asked and what was decided to answer, where that is kept. `size` is about how many bytes the
    entry occupies.
    """

    __slots__ = (
        "_at_once", "_bytes_sent", "_crc", "_dues", "_sent", "account", "answer", "body", "body_bytes", "completion_id",
        "completion_tokens", "connection", "credential", "decided_ns", "dialect", "end", "ended_ns", "finish_reason",
        "generation", "head_ns", "id", "incident", "method", "misplaced", "model", "path", "prompt_tokens",
        "received_ns", "refusal", "request_id", "size", "status", "step", "steps", "stream", "truncated",
    )  # fmt: skip

    dialect: str | None
    account: str | None
    model: str | None
    stream: bool | None
    status: int | None
    refusal: Refusal | None
    step: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    steps: int | None
    completion_id: str | None
    request_id: str | None
    finish_reason: str | None
    incident: str | None
    misplaced: Misplaced | None
    decided_ns: int | None
    head_ns: int | None
    ended_ns: int | None
    end: str | None
    generation: Generation | None
    body: bytes | None
    answer: bytes | None
    _dues: Steps
    _sent: Steps

    def __init__(
        self,
        received_ns: int,
        method: str,
        path: str,
        body: bytes,
        connection: int | None = None,
    ) -> None:
        self.received_ns = received_ns
        self.method = method
        self.path = path
        self.body_bytes = len(body)
        self._crc = _crc(body)
        self.connection = connection
        self.id = self.credential = self._bytes_sent = self._at_once = self.size = 0
        self.truncated = False
        self.dialect = self.account = self.model = self.stream = self.misplaced = self.request_id = None
        self.status = self.refusal = self.step = self.incident = self.end = None
        self.prompt_tokens = self.completion_tokens = self.steps = self.completion_id = self.finish_reason = None
        self.decided_ns = self.head_ns = self.ended_ns = self.generation = None
        self.body = self.answer = None
        self._dues = self._sent = ()

    @property
    def fingerprint(self) -> str:
        """The same for the same body, in any process; of a very long body, of its beginning, its end and its length."""
        return f"{self._crc:08x}-{self.body_bytes}"

    @property
    def dues(self) -> Steps:
        """How many tokens were due at which time, ascending."""
        if self.generation is not None:
            return self.generation.dues
        return ((self._at_once, self.received_ns),) if self._at_once else self._dues

    @property
    def sent(self) -> Steps:
        """How many tokens had been handed to the socket at which time, ascending."""
        if self.generation is not None:
            return self.generation.sent
        return ((self._at_once, self.head_ns or 0),) if self._at_once else self._sent

    @property
    def bytes_sent(self) -> int:
        """How much of the answer was handed to the socket."""
        return self._bytes_sent + (self.generation.bytes_sent if self.generation is not None else 0)

    def wrote(self, length: int, now_ns: int) -> None:
        """Writes down that so many bytes were handed to the socket; with the first ones the head was."""
        self._bytes_sent += length
        if self.head_ns is None:
            self.head_ns = now_ns

    @property
    def condition(self) -> str | None:
        """Why the request was refused; None for a completion."""
        return None if self.refusal is None else self.refusal.condition

    def left_at_once(self, tokens: int, sent_ns: int, bytes_sent: int) -> None:
        """Writes down that all tokens were due when they were asked for, and that they left in one write with the head.

        Two numbers say it, not two lists of steps: most of what a fast server answers is of this kind.
        """
        self._at_once, self.head_ns, self._bytes_sent = tokens, sent_ns, bytes_sent

    @property
    def is_at_once(self) -> bool:
        """Whether all tokens left in one write with the head."""
        return self._at_once > 0

    def settle(self) -> None:
        """Lets go of the generation, which holds on to the connection."""
        if self.generation is not None:
            self._dues, self._sent = self.generation.dues, self.generation.sent
            self._bytes_sent += self.generation.bytes_sent
            self.generation = None
        size = _ENTRY_BYTES + len(self.path) + steps.size(self._dues) + steps.size(self._sent)
        if self.request_id is not None:
            size += len(self.request_id)
        if self.refusal is not None:
            size += len(self.refusal.message)
        if self.body is not None:
            size += len(self.body) + len(self.answer or b"")
        self.size = size


class Journal:
    """The requests under way, and as many ended ones as there is room for; with bodies if it `keeps_bodies`."""

    def __init__(
        self, *, most_requests: int = MOST_REQUESTS, most_bytes: int = MOST_BYTES, keeps_bodies: bool = False
    ) -> None:
        self.most_requests = most_requests
        self.most_bytes = most_bytes
        self.bytes = 0
        self.keeps_bodies = keeps_bodies
        self.running: dict[Entry, None] = {}
        self.readers: list[Callable[[Entry], None]] = []
        self._entries: deque[Entry] = deque()
        self._last_id = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def last_id(self) -> int:
        """The id of the request that ended last; 0 when none has."""
        return self._last_id

    @property
    def dropped(self) -> int:
        """How many ended requests are not in here any more."""
        return self._last_id - len(self._entries)

    def begin(self, entry: Entry) -> Entry:
        """Takes in a request that has just been received."""
        self.running[entry] = None
        return entry

    def end(self, entry: Entry, end: str, now_ns: int) -> None:
        """Writes down how a request ended; the first end counts."""
        if entry.end is not None:
            return
        self.running.pop(entry, None)
        self._last_id = entry.id = self._last_id + 1
        entry.end, entry.ended_ns = end, now_ns
        for read in self.readers:
            read(entry)
        entry.settle()
        entries = self._entries
        entries.append(entry)
        self.bytes += entry.size
        while len(entries) > self.most_requests or self.bytes > self.most_bytes:
            self.bytes -= entries.popleft().size

    def entries(self, since: int = 0) -> list[Entry]:
        """The ended requests with a greater id, the oldest first."""
        missed = max(0, since - self.dropped)
        return list(itertools.islice(self._entries, missed, None))

    def clear(self) -> None:
        """Forgets the ended requests; ids go on, and what is under way stays."""
        self._entries.clear()
        self.bytes = 0

    def stop(self, now_ns: int) -> None:
        """Ends everything that is under way with the server."""
        for entry in list(self.running):
            self.end(entry, SERVER_STOPPED, now_ns)


def _crc(body: bytes) -> int:
    if len(body) <= _WHOLE_BODY_BYTES:
        return zlib.crc32(body)
    half = _WHOLE_BODY_BYTES // 2
    return zlib.crc32(body[-half:], zlib.crc32(body[:half]))
