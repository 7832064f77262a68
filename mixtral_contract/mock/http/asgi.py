"""The mock as an ASGI application, for clients of the same process (httpx, httpx2, Starlette's TestClient, respx).

The same service at the same pace as over a socket. The bytes are the ASGI server's: Date, framing and what a reply's
`edits` would do to them are not to be had here, so of all incidents a wrong content-length is not. Where one ends the
connection, in whatever way, the application raises `CutError`: a client of the same process gets to see it, a server
ends the connection for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping, Sequence
from typing import Any

import orjson

from mixtral_contract.mock.http.connection import LONG_BODY_BYTES
from mixtral_contract.mock.journal.journal import CLIENT_LEFT, CUT, Entry
from mixtral_contract.mock.messages.messages import HEAD, Disturbed, Reply, Request, Write
from mixtral_contract.mock.service import journaling as recorder
from mixtral_contract.mock.service.call import Call
from mixtral_contract.mock.service.mock import Mock
from mixtral_contract.mock.timing.engine import Generation

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class CutError(ConnectionError):
    """An incident ended the connection; the message says how."""


class App:
    """The application, as in `httpx.ASGITransport(App(build(Contract.load())))`."""

    def __init__(self, mock: Mock) -> None:
        self._mock = mock

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serves one scope of the types http and lifespan.

        Raises: ValueError for another type.
        """
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            raise ValueError(f"scope: expected http or lifespan, got {scope['type']!r}")

    async def _http(self, scope: Message, receive: Receive, send: Send) -> None:
        mock = self._mock
        most_bytes = mock.limits.body_bytes
        body = await _body(receive, most_bytes)
        if len(body) > most_bytes:
            message = f"expected a body of at most {most_bytes} bytes, got more"
            await _send_whole(mock.service.refuse_protocol(413, message, scope["path"]), send)
            return
        request = _request(scope, body)
        if not mock.service.contract.at(request.path):
            aside = mock.routes.answer(request, (scope.get("client") or (None,))[0])
            if aside is not None:
                reply = aside if isinstance(aside, Reply) else await asyncio.to_thread(aside)
                await _send_whole(reply, send, without_body=request.method == "HEAD")
                return
        now_ns = mock.clock()
        entry = mock.journal.begin(recorder.received(request, now_ns))
        sending = _Sending(send, entry, mock.clock)
        end = CLIENT_LEFT
        try:
            await self._answer(Call(request, now_ns), entry, receive, sending)
            if sending.finished:
                end = recorder.ending(entry)
        except CutError:
            end = CUT
            raise
        finally:
            mock.journal.end(entry, end, mock.clock())

    async def _answer(self, call: Call, entry: Entry, receive: Receive, send: Send) -> None:
        service = self._mock.service
        refused = service.admit(call) or await self._read(call) or service.prepare(call)
        recorder.identify(entry, call)
        if refused is not None:
            recorder.decide(entry, refused, call.refused_at, self._mock.clock())
            await _until_gone(receive, _send_whole(refused, send, without_body=call.request.method == "HEAD"))
        else:
            await _until_gone(receive, self._generate(call, entry, send))

    async def _read(self, call: Call) -> Reply | None:
        if len(call.request.body) < LONG_BODY_BYTES:
            return self._mock.service.read(call)
        return await asyncio.to_thread(self._mock.service.read, call)

    async def _generate(self, call: Call, entry: Entry, send: Send) -> None:
        """Sends a completion as its tokens become due, once its turn has come."""
        more = asyncio.Event()
        turn: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

        def begin() -> None:
            reply = service.settle(call)
            if reply.tokens:
                generation.tokens, generation.together = reply.tokens, reply.together or reply.frames is None
            else:
                pacer.cancel(generation)
            turn.set_result(reply)

        service, pacer = self._mock.service, self._mock.pacer()
        generation = Generation(
            tokens=call.completion.steps,
            prompt_tokens=call.script.prompt_tokens,
            begin=begin,
            deliver=more.set,
            refuse=lambda overload: turn.set_result(service.overloaded(call, overload)),
        )
        entry.generation = generation
        try:
            pacer.start(generation, call.now_ns)
            reply = await turn
            recorder.decide(entry, reply, call.refused_at, self._mock.clock())
            if reply.tokens and reply.frames is not None:
                await self._stream(reply, reply.frames, generation, more, send)
                return
            while reply.tokens and not generation.finished:
                await more.wait()
                more.clear()
            await _send_whole(reply, send)
            if reply.tokens:
                generation.sent.append(generation.due, self._mock.clock())
        finally:
            pacer.cancel(generation)
            service.abandon(call)

    async def _stream(
        self, reply: Reply, frames: Sequence[bytes], generation: Generation, more: asyncio.Event, send: Send
    ) -> None:
        await _start(reply, _headers(reply), send)
        sent = 0
        while sent < len(frames):
            await more.wait()
            more.clear()
            due = min(generation.due, len(frames))
            for body in _bodies(frames, sent, due, reply.disturbed):
                await _write(body, send)
            generation.sent.append(due, self._mock.clock())
            sent = due
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Sending:
    """Sends messages and writes into the journal's entry when the first one left, and how much did."""

    def __init__(self, send: Send, entry: Entry, clock: Callable[[], int]) -> None:
        self._send = send
        self._entry = entry
        self._clock = clock
        self.finished = False

    async def __call__(self, message: Message) -> None:
        """Sends one message."""
        await self._send(message)
        entry = self._entry
        entry.wrote(len(message.get("body", b"")), self._clock())
        self.finished = message["type"] == "http.response.body" and not message.get("more_body", False)


async def _send_whole(reply: Reply, send: Send, *, without_body: bool = False) -> None:
    if reply.frames is not None:
        body = b"".join(reply.frames)
    else:
        body = reply.content if isinstance(reply.content, bytes) else orjson.dumps(reply.content)
    await _start(reply, [*_headers(reply), (b"content-length", b"%d" % len(body))], send)
    if reply.disturbed is not None:
        for write in _bodies([body], 0, 1, reply.disturbed):
            await _write(write, send)
        body = b""
    await send({"type": "http.response.body", "body": b"" if without_body else body})


async def _start(reply: Reply, headers: list[tuple[bytes, bytes]], send: Send) -> None:
    for write in (reply.disturbed or {}).get(HEAD, ()):
        await _write(write, send)
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})


def _bodies(frames: Sequence[bytes], start: int, end: int, disturbed: Disturbed | None) -> list[Write]:
    """The writes of these frames: one for all of them, unless they are disturbed."""
    if disturbed is None:
        return [Write(b"".join(frames[start:end]))]
    return [write for index in range(start, end) for write in disturbed.get(index, (Write(frames[index]),))]


async def _write(write: Write, send: Send) -> None:
    if write.before_ns:
        await asyncio.sleep(write.before_ns / 1e9)
    if write.data:
        await send({"type": "http.response.body", "body": write.data, "more_body": True})
    if write.ending is not None:
        raise CutError(f"an incident ended the connection by {write.ending.value}")


async def _until_gone(receive: Receive, sending: Coroutine[Any, Any, None]) -> None:
    """Runs the sending until it is done or the client has gone."""
    sent, gone = asyncio.ensure_future(sending), asyncio.ensure_future(receive())
    try:
        await asyncio.wait((sent, gone), return_when=asyncio.FIRST_COMPLETED)
        if sent.done():
            sent.result()
    finally:
        sent.cancel()
        gone.cancel()
        await asyncio.gather(sent, gone, return_exceptions=True)


async def _body(receive: Receive, most_bytes: int) -> bytes:
    """The request's body, or as much of it as shows that it is too long; what a client sent that left midway."""
    received, length = [], 0
    more = True
    while more and length <= most_bytes:
        message = await receive()
        received.append(message.get("body", b""))
        length += len(received[-1])
        more = message.get("more_body", False)
    return b"".join(received)


async def _lifespan(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


def _request(scope: Message, body: bytes) -> Request:
    fields = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    return Request(scope["method"], scope["path"], scope["query_string"].decode("latin-1"), fields, body)


def _headers(reply: Reply) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in reply.headers.items()]
