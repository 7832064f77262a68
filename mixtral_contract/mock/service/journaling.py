"""Writes into a journal's entry what the service found out and decided; the edges call it and add when what left."""

from __future__ import annotations

import orjson

from mixtral_contract.contract.openapi import Operation
from mixtral_contract.mock.incidents.active import HEADER
from mixtral_contract.mock.journal.journal import COMPLETE, CUT, Entry
from mixtral_contract.mock.journal.key_placement import Misplaced, misplaced
from mixtral_contract.mock.messages.messages import Reply, Request
from mixtral_contract.mock.service.call import Call

PROTOCOL = "protocol"
COMPLETION = "completion"

_STREAM_ENDS = (b"[DONE]", b'"finish_reason":"')
_LONGEST_ID = 128


def received(request: Request, now_ns: int, connection: int | None = None) -> Entry:
    """The entry of a request that is complete."""
    entry = Entry(now_ns, request.method, request.path, request.body, connection)
    head = request.head
    sender = _sender(request) if head is None else head.sender
    if sender is None and head is not None:
        sender = head.sender = _sender(request)
    entry.credential, entry.request_id = sender
    return entry


def _sender(request: Request) -> tuple[int, str | None]:
    headers = request.headers
    name = headers["x-request-id"][:_LONGEST_ID] if "x-request-id" in headers else None
    # differs from run to run, and tells two keys apart without keeping either
    return hash((headers.get("authorization"), headers.get("x-api-key"))), name


def _answer(reply: Reply) -> bytes:
    """What is to be answered, as bytes."""
    if reply.frames is not None:
        return b"".join(reply.frames)
    return reply.content if isinstance(reply.content, bytes) else orjson.dumps(reply.content)


def malformed(path: str, now_ns: int, connection: int | None = None) -> Entry:
    """The entry of what was no request."""
    return Entry(now_ns, "", path, b"", connection)


def identify(entry: Entry, call: Call) -> None:
    """Writes down who asks for what, as far as the checks of the call found it out."""
    operation, standing = getattr(call, "operation", None), getattr(call, "standing", None)
    asked = getattr(call, "completion_request", None)
    if standing is not None and standing.account.key:
        entry.account = standing.account.name
    if operation is not None and operation.is_at(entry.path):
        entry.dialect = operation.dialect
        entry.misplaced = _misplaced(operation, call.request)
    if asked is not None:
        entry.model, entry.stream = asked.model.name, asked.stream
        script, completion = getattr(call, "script", None), getattr(call, "completion", None)
        if script is not None:
            entry.prompt_tokens = script.prompt_tokens
        if completion is not None:
            entry.completion_id, entry.finish_reason = completion.id, completion.finish_reason
            entry.completion_tokens, entry.steps = completion.usage["completion_tokens"], completion.steps


def _misplaced(operation: Operation, request: Request) -> Misplaced | None:
    head = request.head
    if head is None:
        return misplaced(operation, request)
    if head.place is None:
        head.place = (misplaced(operation, request),)
    place: Misplaced | None = head.place[0]
    return place


def ending(entry: Entry) -> str:
    """How an answer ended of which every byte is out."""
    return CUT if entry.truncated else COMPLETE


def decide(entry: Entry, reply: Reply, step: str | None, now_ns: int) -> None:
    """Writes down what the request is answered with; `step` is where it was refused, None for a completion."""
    entry.status, entry.refusal, entry.decided_ns = reply.status, reply.refusal, now_ns
    entry.step = step or COMPLETION
    if entry.body is not None:
        entry.answer = _answer(reply)
    entry.incident = reply.headers.get(HEADER)
    if reply.frames is not None and (entry.incident is not None or reply.scripted):
        # an incident, or a script, may leave out the end of a stream, and every byte of the rest is out then
        entry.truncated = not any(end in reply.frames[-1] for end in _STREAM_ENDS)
