"""A replay as an ASGI application: the recorded bytes, cut as they were cut, at the times at which they arrived."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import orjson

from mixtral_contract.cassettes.exchange import Answer, Request
from mixtral_contract.contract.openapi import Contract
from mixtral_contract.mock.messages.messages import Refusal
from mixtral_contract.mock.recording import asgi_helpers as edge
from mixtral_contract.mock.recording.asgi_helpers import Message, Receive, Send
from mixtral_contract.mock.recording.replay import Replay
from mixtral_contract.mock.service.error_responses import ErrorResponses
from mixtral_contract.mock.timing.timer import timer

_BODILESS = frozenset((204, 304))


class Replayer:
    """Answers what was recorded; `speed` 2 is twice as fast as recorded, None leaves no time between the pieces."""

    def __init__(self, replay: Replay, contract: Contract, *, speed: float | None = 1.0, most_bytes: int) -> None:
        self._replay = replay
        self._refusals = ErrorResponses(contract)
        self._speed = speed
        self._most_bytes = most_bytes

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answers one request; one that was not recorded is refused, with the reason."""
        try:
            request = await edge.received(scope, receive, self._most_bytes)
        except OverflowError as error:
            await edge.refuse(send, 413, str(error))
            return
        if request is not None:
            await edge.until_gone(receive, self._answer(request, time.monotonic_ns(), send))

    async def _answer(self, request: Request, asked_ns: int, send: Send) -> None:
        recorded = self._replay.answer(request)
        if recorded is None:
            refusal = Refusal("no-fixture", self._replay.miss(request), status=404)
            reply = self._refusals.render(self._refusals.nearest(request.path), refusal)
            await edge.send_whole(send, reply.status, reply.headers, orjson.dumps(reply.content))
            return
        alarm = _Alarm()
        for at_ns, message in _messages(recorded.answer):
            if self._speed is not None:
                await alarm.wait_until(asked_ns + round(at_ns / self._speed))
            await send(message)


def _messages(answer: Answer) -> Iterator[tuple[int, dict[str, Any]]]:
    """What is sent when; without an end where the answer has none, which cuts it off."""
    headers = [
        (name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in answer.headers
    ]
    if answer.status in _BODILESS:
        headers = [(name, value) for name, value in headers if name.lower() != b"content-length"]
    yield answer.head_ns, {"type": "http.response.start", "status": answer.status, "headers": headers}
    for piece in answer.pieces:
        yield piece.at_ns, {"type": "http.response.body", "body": piece.data, "more_body": True}
    yield answer.end_ns, {"type": "http.response.body", "body": b"", "more_body": not answer.is_whole}


class _Alarm:
    """Waits for a time more finely than the event loop's own milliseconds."""

    def __init__(self) -> None:
        self._timer = timer(self._ring)
        self._rung: asyncio.Future[None] | None = None

    async def wait_until(self, at_ns: int) -> None:
        """Returns when the monotonic clock shows that time."""
        wait_ns = at_ns - time.monotonic_ns()
        if wait_ns <= 0:
            return
        self._rung = asyncio.get_running_loop().create_future()
        self._timer.set(wait_ns)
        try:
            await self._rung
        finally:
            self._timer.clear()

    def _ring(self) -> None:
        if self._rung is not None and not self._rung.done():
            self._rung.set_result(None)
