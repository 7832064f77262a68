"""Writes into a journal's entry what the service found out and decided; the edges call it and add when what left."""

from __future__ import annotations

from mock_server.checks import Call
from mock_server.credentials import misplaced
from mock_server.incidents import HEADER
from mock_server.journal import COMPLETE, CUT, Entry
from mock_server.message import Reply, Request

PROTOCOL = "protocol"
COMPLETION = "completion"

_STREAM_ENDS = (b"[DONE]", b'"finish_reason":"')
_LONGEST_ID = 128


def received(request: Request, now_ns: int, connection: int | None = None) -> Entry:
    """The entry of a request that is complete."""
    headers = request.headers
    entry = Entry(now_ns, request.method, request.path, request.body, connection)
    # differs from run to run, and tells two keys apart without keeping either
    entry.credential = hash((headers.get("authorization"), headers.get("x-api-key")))
    if "x-request-id" in headers:
        entry.request_id = headers["x-request-id"][:_LONGEST_ID]
    return entry


def malformed(path: str, now_ns: int, connection: int | None = None) -> Entry:
    """The entry of what was no request."""
    return Entry(now_ns, "", path, b"", connection)


def identify(entry: Entry, call: Call) -> None:
    """Writes down who asks for what, as far as the checks of the call found it out."""
    known = vars(call).get
    operation, standing, question = known("operation"), known("standing"), known("question")
    entry.dialect = operation.dialect if operation is not None and operation.path == entry.path else None
    if standing is not None and standing.account.key:
        entry.account = standing.account.name
    if operation is not None and entry.dialect is not None:
        request = call.request
        credentials = operation.credentials
        if request.query or standing is None or len(credentials) > 1 or not standing.account.key:
            entry.misplaced = misplaced(operation, request)
    if question is not None:
        entry.model, entry.stream = question.model.name, question.stream
        script, completion = known("script"), known("completion")
        if script is not None:
            entry.prompt_tokens = script.prompt_tokens
        if completion is not None:
            entry.completion_id, entry.finish_reason = completion.id, completion.finish_reason
            entry.completion_tokens, entry.steps = completion.usage["completion_tokens"], completion.steps


def ending(entry: Entry) -> str:
    """How an answer ended of which every byte is out."""
    return CUT if entry.truncated else COMPLETE


def decide(entry: Entry, reply: Reply, step: str | None, now_ns: int) -> None:
    """Writes down what the request is answered with; `step` is where it was refused, None for a completion."""
    entry.status, entry.refusal, entry.decided_ns = reply.status, reply.refusal, now_ns
    entry.step = "incident" if step == "check" else step or COMPLETION
    entry.incident = reply.headers.get(HEADER)
    if entry.incident is not None and reply.frames is not None:
        # an incident may leave out the end of a stream, and every byte of the rest is out then
        entry.truncated = not any(end in reply.frames[-1] for end in _STREAM_ENDS)
