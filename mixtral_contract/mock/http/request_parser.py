"""HTTP/1.1 requests: received bytes in, requests out. No I/O.

httptools parses. What is no request (bad syntax, too large) ends the conversation as a `Malformed`; everything else is
for the service to judge.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, NoReturn
from urllib.parse import unquote

import httptools

from mixtral_contract.mock.messages.limits import Limits, Phase, Progress
from mixtral_contract.mock.messages.messages import Head, Request
from mixtral_contract.primitives.bounded.bounded_cache import BoundedCache

_HEAD_END = b"\r\n\r\n"
_LONGEST_REMEMBERED = 2048
_REMEMBERED = 1024
"""How many heads are kept, and of up to how many bytes."""


class Received(NamedTuple):
    """One complete request and what its connection asks for."""

    request: Request
    keep_alive: bool
    http_1_0: bool


class Malformed(NamedTuple):
    """What is no request; nothing after it is read. `path` is "" when it was not known yet."""

    status: int
    message: str
    path: str


class Known(NamedTuple):
    """A head that was read before: its request, how long the body is, and the request target."""

    request: Request
    body_bytes: int
    url: bytes


Heads = BoundedCache[bytes, Known]
"""The heads that a server's connections read before: the same bytes say the same thing.

Kept are those of requests that say the length of their body and leave the connection open, as most do.
"""


def heads() -> Heads:
    """An empty cache, for all connections of a server."""
    return Heads(_REMEMBERED)


class Reader:
    """Reads one connection's requests; how the bytes are cut into `received` does not change them.

    A request that comes in one piece and has a head that is among `known` is not parsed.
    """

    def __init__(self, limits: Limits | None = None, known: Heads | None = None) -> None:
        self._limits = limits or Limits()
        self._known = known
        self._parser = httptools.HttpRequestParser(self)
        self._complete: list[Received | Malformed] = []
        self._fault: Malformed | None = None
        self._ended = False
        self._begun = 0
        self._idle_bytes = 0
        self._large = False
        self.awaits_continue = False
        self.on_message_begin()
        self._open = self._moved = False

    @property
    def progress(self) -> Progress:
        """What is waited for, and two counts of which one changes when there is some progress.

        The bytes of a head are none, it must be complete in time; nor are those around a chunked body.
        """
        phase = Phase.IDLE if not self._open else Phase.HEAD if self._in_head else Phase.BODY
        return phase, self._begun, self._body_bytes

    def feed(self, received: bytes) -> list[Received | Malformed]:
        """The requests that these bytes complete, in order; after a malformed or a last one nothing more."""
        if not self._open and not self._ended and self._known is not None:
            end = received.find(_HEAD_END) + len(_HEAD_END)
            known = self._known.get(received[:end])
            if known is not None and known.body_bytes == len(received) - end:
                self._begun += 1
                self._url, self._body_bytes = known.url, known.body_bytes
                return [Received(known.request.again(received[end:]), True, False)]  # noqa: FBT003  kept open, 1.1
        self._complete = []
        while received and not self._ended:
            received = self._parse(received)
        return self._complete

    def expire(self) -> list[Received | Malformed]:
        """The refusal of the request that is not complete in time; nothing more is read."""
        self._complete = []
        self._end(Malformed(408, f"expected {self.progress[0].value} in time, got none", self._path()))
        return self._complete

    def close(self) -> None:
        """Nothing more is received: lets go of the parser, which holds on to this reader."""
        self._ended = True
        del self._parser

    def _parse(self, received: bytes) -> bytes:
        """Reads these bytes; returns those that are to be read next, mostly none."""
        if len(received) > self._limits.head_bytes:
            self._large = True
        is_between = not self._open
        try:
            self._parser.feed_data(received)
        except httptools.HttpParserUpgrade as upgrade:
            return self._without_upgrade(received[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._end(self._fault or Malformed(400, f"expected an HTTP/1.1 request, got {error}", self._path()))
            return b""
        if self._open:
            self._watch(len(received))
        else:
            self._large = self._moved = False
            if is_between and self._known is not None and len(self._complete) == 1 and not self._ended:
                self._learn(received, self._known)
        return b""

    def _learn(self, received: bytes, known: Heads) -> None:
        """Keeps the head of the one request that these bytes are."""
        (complete,) = self._complete
        assert isinstance(complete, Received)
        request = complete.request
        end = received.find(_HEAD_END) + len(_HEAD_END)
        if (
            end <= _LONGEST_REMEMBERED
            and end + len(request.body) == len(received)
            and not complete.http_1_0
            and "content-length" in request.headers
            and "expect" not in request.headers
        ):
            request.head = Head()
            known.put(received[:end], Known(request.again(b""), len(request.body), self._url))

    def _without_upgrade(self, rest: bytes) -> bytes:
        """RFC 9110 section 7.8: a server may ignore Upgrade. The parser stopped at it, and skipped the body."""
        upgraded = self._complete.pop()
        assert isinstance(upgraded, Received)
        if upgraded.request.method == "CONNECT":
            self._ended = True
            self._complete.append(upgraded)
            return b""
        kept = [(name, value) for name, value in self._fields if name.lower() != "upgrade"]
        version = self._parser.get_http_version().encode()
        head = b"%b %b HTTP/%b\r\n" % (upgraded.request.method.encode(), self._url, version)
        head += "".join(f"{name}: {value}\r\n" for name, value in kept).encode("latin-1")
        self._parser, self._ended = httptools.HttpRequestParser(self), False
        return head + b"\r\n" + rest

    def _watch(self, received: int) -> None:
        """Refuses what comes without end and leads nowhere: a head, a chunk's extension, a trailer."""
        self._large = self._large or self._in_head
        if self._moved:
            self._moved, self._idle_bytes = False, 0
            return
        self._idle_bytes += received
        if self._idle_bytes > self._limits.head_bytes:
            self._end(self._too_long_head())

    def _too_long_head(self) -> Malformed:
        message = f"expected a head of at most {self._limits.head_bytes} bytes, got more"
        return Malformed(431, message, self._path())

    def _end(self, malformed: Malformed) -> None:
        # bytes after a request that said `Connection: close` are no fault of that request
        if not self._ended:
            self._complete.append(malformed)
        self._ended = True
        self.awaits_continue = False

    def _refuse(self, malformed: Malformed) -> NoReturn:
        self._fault = malformed
        raise ValueError(malformed.message)  # stops the parser, from within its callbacks

    def _path(self) -> str:
        return _target(self._url)[0]

    # callbacks of the parser

    def on_message_begin(self) -> None:
        """A request begins."""
        self._url = b""
        self._fields: list[tuple[str, str]] = []
        self._body: bytes | bytearray = b""
        self._body_bytes = 0
        self._in_head = self._open = self._moved = True
        self._begun += 1

    def on_url(self, url: bytes) -> None:
        """Some of the request target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One field; those after the body, trailers, are left out."""
        if self._in_head:
            self._fields.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """The head is there, the body follows."""
        self._in_head, self._moved = False, True
        path, query = _target(self._url)
        self._request = Request(self._parser.get_method().decode(), path, query, tuple(self._fields), b"")
        headers = self._request.headers
        version = self._parser.get_http_version()
        if version != "1.1" or "transfer-encoding" in headers or "," in headers.get("host", ","):
            self._refuse_ambiguous(headers, version)
        if self._large and self._head_bytes() > self._limits.head_bytes:
            self._refuse(self._too_long_head())
        # RFC 9110 section 10.1.1: a server ignores the expectation of an HTTP/1.0 client
        expected = headers.get("expect", "").lower() == "100-continue"
        self.awaits_continue = expected and version != "1.0"
        self._refuse_longer(int(headers.get("content-length", "0") or 0))

    def on_body(self, body: bytes) -> None:
        """Some of the body."""
        self._moved = True
        self._body_bytes += len(body)
        self._refuse_longer(self._body_bytes)
        if not self._body:
            self._body = body
            return
        if isinstance(self._body, bytes):
            # grows in place: a body in a million chunks takes no more memory than in one
            self._body = bytearray(self._body)
        self._body += body

    def on_message_complete(self) -> None:
        """The request is there."""
        self._open = self.awaits_continue = False
        self._request.body = bytes(self._body)
        keep_alive = self._parser.should_keep_alive()
        self._complete.append(Received(self._request, keep_alive, self._parser.get_http_version() == "1.0"))
        self._ended = not keep_alive

    def _head_bytes(self) -> int:
        return len(self._url) + sum(len(name) + len(value) + len(": \r\n") for name, value in self._fields)

    def _refuse_ambiguous(self, headers: Mapping[str, str], version: str) -> None:
        """Refuses what two servers may understand differently; the parser refuses the rest of it."""
        host, coding = headers.get("host"), headers.get("transfer-encoding")
        fault = None
        if version not in ("1.0", "1.1"):
            fault = f"expected HTTP/1.1, got HTTP/{version}"
        elif (host is None and version == "1.1") or (host is not None and "," in host):
            # RFC 9112 section 3.2: 400 to a request that lacks Host, or has more than one
            fault = f"host: expected one, got {'none' if host is None else 'more'}"
        elif coding is not None and (version == "1.0" or coding.lower() != "chunked"):
            # RFC 9112 section 6.1: faulty in HTTP/1.0; other codings are not known here
            fault = f"transfer-encoding: expected chunked in HTTP/1.1, got {coding[:20]!r} in HTTP/{version}"
        if fault is not None:
            self._refuse(Malformed(400, fault, self._path()))

    def _refuse_longer(self, body_bytes: int) -> None:
        if body_bytes > self._limits.body_bytes:
            message = f"expected a body of at most {self._limits.body_bytes} bytes, got more"
            self._refuse(Malformed(413, message, self._path()))


def _target(url: bytes) -> tuple[str, str]:
    """Path, percent-decoded, and query of a request target."""
    text = url.decode("latin-1")
    if not text.startswith("/") and "://" in text:
        # RFC 9112 section 3.2.2: a server accepts the absolute form too
        text = "/" + text.partition("://")[2].partition("/")[2]
    path, _, query = text.partition("?")
    return unquote(path.partition("#")[0]) if "%" in path else path, query
