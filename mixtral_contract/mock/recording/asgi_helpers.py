"""What the ASGI applications beside the mock's own have in common: bodies in, the client's leaving, and a refusal."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any

import orjson

from mixtral_contract.cassettes.exchange import Request
from mixtral_contract.contract.openapi import JSON

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

_UNFINISHED = "without completing response"


async def received(scope: Message, receive: Receive, most_bytes: int) -> Request | None:
    """The request of a scope with all of its body; None when the client left before its end.

    Raises: OverflowError for a longer body.
    """
    body, length, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body.append(message.get("body", b""))
        length += len(body[-1])
        if length > most_bytes:
            raise OverflowError(f"expected a body of at most {most_bytes} bytes, got more")
        more = message.get("more_body", False)
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    path = scope.get("raw_path") or scope["path"].encode()
    return Request(
        scope["method"], path.decode("latin-1"), scope["query_string"].decode("latin-1"), headers, b"".join(body)
    )


async def until_gone(receive: Receive, answering: Coroutine[Any, Any, None]) -> None:
    """Answers, and gives that up when the client has gone."""
    answered, gone = asyncio.ensure_future(answering), asyncio.ensure_future(receive())
    try:
        await asyncio.wait((answered, gone), return_when=asyncio.FIRST_COMPLETED)
        if answered.done():
            answered.result()
    finally:
        answered.cancel()
        gone.cancel()
        await asyncio.gather(answered, gone, return_exceptions=True)


async def refuse(send: Send, status: int, message: str) -> None:
    """Sends a refusal of this server's own, in the shape that OpenAI's clients read."""
    body = orjson.dumps({"error": {"message": message, "type": "mock_server", "code": status}})
    await send_whole(send, status, {"content-type": JSON}, body)


async def send_whole(send: Send, status: int, headers: MutableMapping[str, str], body: bytes) -> None:
    """Sends an answer in one piece."""
    fields = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
    fields.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


def cut_in_silence() -> None:
    """Lets uvicorn end a connection amid an answer, which it does when an application returns then, without a word."""
    logging.getLogger("uvicorn.error").addFilter(lambda record: _UNFINISHED not in record.getMessage())
