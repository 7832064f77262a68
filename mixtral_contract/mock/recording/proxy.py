"""A pass-through to an upstream that hands what it hears to a recorder: nothing is held back, nothing is changed.

What belongs to one connection (RFC 9110 section 7.6.1) is not passed on, and the upstream is asked for no content
coding, so that the recording can be read. A client that leaves ends the request to the upstream at once; an answer that
the upstream cuts off is cut off for the client too. An upstream that gives no answer is a 502, which is not kept.
"""

from __future__ import annotations

import datetime as dt
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import httpx

from mixtral_contract.cassettes.exchange import COMPLETE, CUT, LEFT, Answer, Headers, Piece, Recorded, Request
from mixtral_contract.mock.recording import asgi_helpers as edge
from mixtral_contract.mock.recording.asgi_helpers import Message, Receive, Send
from mixtral_contract.primitives.base_url import BaseUrl

_OF_CONNECTION = frozenset(
    ("connection", "proxy-connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade")
)
_OF_PROXY = frozenset(("proxy-authorization", "proxy-authenticate"))
_MADE_ANEW = frozenset(("host", "content-length", "expect"))
"""Header fields of a request that are said anew: it goes to another host, and its body is whole."""
_CODING = "accept-encoding"

_CONNECT_S = 10.0
_BODILESS = frozenset((204, 304))
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_CODED = frozenset(("gzip", "x-gzip", "deflate"))

Keep = Callable[[Recorded], None]


class _UnreadableError(ValueError):
    """An answer is coded so that no key could be found in it."""


def client(upstream: BaseUrl) -> httpx.AsyncClient:
    """What asks the upstream; over TLS that must prove who it is to certifi's authorities, or those of SSL_CERT_FILE.

    It waits for an answer as long as the one who asked does. To other machines it takes the environment's proxy.
    Every request gets a connection of its own: one that is closed just then would lose what may not be asked twice.
    """
    timeout = httpx.Timeout(None, connect=_CONNECT_S)
    directly = {f"all://{upstream.authority}": None} if upstream.is_loopback else None
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    return httpx.AsyncClient(timeout=timeout, limits=limits, mounts=directly)


class RecordingProxy:
    """The pass-through as an ASGI application; `keep` gets each exchange when it is over, `tell` what is not kept."""

    def __init__(
        self, upstream: BaseUrl, asking: httpx.AsyncClient, *, keep: Keep, tell: Callable[[str], None], most_bytes: int
    ) -> None:
        self._upstream = upstream
        self._asking = asking
        self._keep = keep
        self._tell = tell
        self._most_bytes = most_bytes

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Relays one exchange."""
        try:
            request = await edge.received(scope, receive, self._most_bytes)
        except OverflowError as error:
            await edge.refuse(send, 413, str(error))
            return
        if request is not None:
            await edge.until_gone(receive, self._relay(request, send))

    async def _relay(self, request: Request, send: Send) -> None:
        hearing = _Hearing(request)
        try:
            response = await self._asking.send(self._asked(request, hearing), stream=True)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            got = ": ".join(filter(None, (type(error).__name__, str(error))))
            reason = f"{self._upstream.url}: expected an answer, got {got}"
            self._tell(f"{request.method} {request.path}: not recorded: {reason}")
            await edge.refuse(send, 502, f"upstream {reason}")
            return
        try:
            hearing.begin(response)
            await send(
                {"type": "http.response.start", "status": response.status_code, "headers": _raw(hearing.headers)}
            )
            async for data in response.aiter_raw():
                hearing.hear(data)
                await send({"type": "http.response.body", "body": data, "more_body": True})
            hearing.ending = COMPLETE
            hearing.end_ns = hearing.now_ns()
            await send({"type": "http.response.body", "body": b""})
        except (httpx.TransportError, httpx.StreamError):
            hearing.ending = CUT  # by returning now, this server cuts its own answer off
        finally:
            self._keep_heard(hearing)
            await response.aclose()

    def _keep_heard(self, hearing: _Hearing) -> None:
        try:
            self._keep(hearing.recorded())
        except _UnreadableError as error:
            self._tell(f"{hearing.request.method} {hearing.request.path}: not recorded: {error}")

    def _asked(self, request: Request, hearing: _Hearing) -> httpx.Request:
        target = self._upstream.target(request.path) + (f"?{request.query}" if request.query else "")
        headers = [*_raw(passed_on(request.headers, (*_MADE_ANEW, _CODING))), (b"Accept-Encoding", b"identity")]
        return httpx.Request(
            request.method,
            f"{self._upstream.scheme}://{self._upstream.authority}",
            headers=headers,
            content=request.body,
            # the target as the client wrote it: a URL would be put into a form of its own
            extensions={"target": target.encode("latin-1"), "trace": hearing.trace},
        )


class _Hearing:
    """What was heard of one exchange so far; times count from when the request had been sent."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.headers: Headers = ()
        self.ending = LEFT
        self.end_ns: int | None = None
        self._at = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._sent_ns = time.monotonic_ns()
        self._pieces: list[Piece] = []

    async def trace(self, event: str, _details: Any) -> None:
        """Hears of the steps of the client below: the last byte of the request is out."""
        if event.endswith("send_request_body.complete"):
            self._sent_ns = time.monotonic_ns()

    def now_ns(self) -> int:
        """The time since the request had been sent."""
        return time.monotonic_ns() - self._sent_ns

    def begin(self, response: httpx.Response) -> None:
        """Hears status and headers."""
        self._head_ns = self.now_ns()
        self._status = response.status_code
        without = frozenset(("content-length",)) if response.status_code in _BODILESS else frozenset[str]()
        received = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw)
        self.headers = passed_on(received, without)

    def hear(self, data: bytes) -> None:
        """Hears some of the body."""
        self._pieces.append(Piece(self.now_ns(), data))

    def recorded(self) -> Recorded:
        """The exchange, its keys still in it; a content coding that came unasked is taken off.

        Raises: _UnreadableError when that cannot be done: no key could be looked for.
        """
        headers, pieces = self.headers, tuple(self._pieces)
        coding = next(
            (value.strip().lower() for name, value in headers if name.lower() == "content-encoding"), "identity"
        )
        if coding != "identity":
            headers = passed_on(headers, ("content-encoding", "content-length"))
            pieces = _decoded(pieces, coding)
        end_ns = self.now_ns() if self.end_ns is None else self.end_ns
        answer = Answer(self._status, headers, self._head_ns, pieces, end_ns, self.ending)
        return Recorded(self._at, replace(self.request, headers=passed_on(self.request.headers, _MADE_ANEW)), answer)


def passed_on(headers: Headers, without: Iterable[str] = ()) -> Headers:
    """The fields that are not of one connection, nor among those `without` which it should be.

    Source: RFC 9110 section 7.6.1.
    """
    named = {
        option.strip().lower() for name, value in headers if name.lower() == "connection" for option in value.split(",")
    }
    dropped = _OF_CONNECTION | _OF_PROXY | named | set(without)
    return tuple((name, value) for name, value in headers if name.lower() not in dropped)


def _raw(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def _decoded(pieces: Sequence[Piece], coding: str) -> tuple[Piece, ...]:
    if coding not in _CODED:
        raise _UnreadableError(f"expected no content coding, got {coding}")
    decoder = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        return tuple(replace(piece, data=decoder.decompress(piece.data)) for piece in pieces)
    except zlib.error as error:
        raise _UnreadableError(f"expected {coding}, got {error}") from error
