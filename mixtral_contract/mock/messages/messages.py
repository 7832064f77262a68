"""The values that pass between the edges and the core: a request, the reply to it, and the bytes it becomes.

They know no socket, no clock and no contract.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from mixtral_contract.mock.accounts.rate_limits import Quota

_new = object.__new__

HEAD = -1
"""Where in `disturbed` the writes stand that come before the head."""


class Head:
    """What is found out once about the head of requests that have the same one, by whoever reads it; None until then.

    `sender` and `place` are the recorder's, `admission` is the service's.
    """

    __slots__ = ("admission", "place", "sender")

    def __init__(self) -> None:
        self.sender: Any = None
        self.place: Any = None
        self.admission: Any = None


@dataclass(slots=True)
class Request:
    """One request as received.

    `path` is percent-decoded, `query` is not; `fields` are the header fields in their order, names as they were
    written. `headers` is derived: lower-case names, values of repeated fields joined by a comma. `head` is there when
    the head came before, or may come again; a changed request has none.
    """

    method: str
    path: str
    query: str
    fields: tuple[tuple[str, str], ...]
    body: bytes
    headers: Mapping[str, str] = field(init=False)
    head: Head | None = field(init=False, default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        headers = {name.lower(): value for name, value in self.fields}
        if len(headers) < len(self.fields):
            # RFC 9110 section 5.3: fields of one name are one list
            lists: dict[str, list[str]] = {}
            for name, value in self.fields:
                lists.setdefault(name.lower(), []).append(value)
            headers = {name: ", ".join(values) for name, values in lists.items()}
        self.headers = headers

    def again(self, body: bytes) -> Request:
        """A request with the same head and another body, made without reading the head again."""
        made = _new(Request)
        made.method, made.path, made.query, made.fields = self.method, self.path, self.query, self.fields
        made.headers, made.head, made.body = self.headers, self.head, body
        return made


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request gets no completion.

    `param` is the dotted path of the field at fault, `code` overrides the word that a client reads for the condition,
    `wait_s` is when to come back, `status` overrides the documented one, `preference` is the client's that led here,
    `quota` is what the key's limits said.
    """

    condition: str
    message: str
    param: str | None = None
    code: str | None = None
    wait_s: int | None = None
    status: int | None = None
    preference: str | None = None
    quota: Quota | None = None


class Ending(Enum):
    """How a connection ends amid a reply."""

    FIN = "fin"
    RST = "rst"
    CHUNK = "chunk"
    """By FIN, amid a chunk that was announced longer; where there are no chunks, just by FIN."""


@dataclass(frozen=True, slots=True)
class Write:
    """One write of a disturbed reply: nothing leaves for `before_ns`, then the data does, then the connection may end.

    The data of each write is a chunk of its own where the body is chunked.
    """

    data: bytes = b""
    before_ns: int = 0
    ending: Ending | None = None


Disturbed = Mapping[int, tuple[Write, ...]]
"""The writes in which a frame leaves, by its index (or `HEAD`); a frame that has none here leaves in one."""


@dataclass(slots=True)
class Outgoing:
    """A reply as bytes: the head, what leaves with each token (a whole body is one frame), and the end.

    `chunked` frames are put into chunks of HTTP/1.1 when they leave; `close` ends the connection after the reply.
    A reply that is not `disturbed` (None) may leave in as few writes as its tokens let it.
    """

    head: bytes
    frames: Sequence[bytes]
    end: bytes
    chunked: bool
    close: bool
    disturbed: Disturbed | None = None


@dataclass(slots=True)
class Reply:
    """One answer: either `content` (a JSON value, or bytes sent as they are) or the `frames` of a stream.

    `tokens` is how many tokens pace it, 0 for an answer that leaves at once; frame k leaves with token k, content and
    a stream that is held `together` leave with the last token. `edits` change the bytes before they leave, `disturbed`
    says how they leave. A `scripted` stream may lack its end.
    """

    status: int
    headers: dict[str, str]
    content: Any = None
    frames: Sequence[bytes] | None = None
    tokens: int = 0
    together: bool = False
    refusal: Refusal | None = None
    edits: tuple[Callable[[Outgoing], Outgoing], ...] = ()
    disturbed: Disturbed | None = None
    scripted: bool = False


Answer = Reply | Callable[[], Reply]
"""What a route beside the contract answers; a function is to be called in another thread, because it takes long."""


class Routes(Protocol):
    """What a mock answers beside the contract."""

    def answer(self, request: Request, peer: str | None) -> Answer | None:
        """The answer to a request of the client at the address `peer`; None for a path that has none here."""
