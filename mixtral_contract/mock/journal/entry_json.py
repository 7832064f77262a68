"""An entry of the journal in JSON: what `GET /_mock/journal`, `/_mock/journal.jsonl` and `--journal FILE` say.

FIELDS is the documentation of the format. Times that end in `_after_ns` count from the moment at which the request
was complete at the server; add `received_ns` for Unix time, `received_monotonic_ns` for `time.monotonic_ns()` of any
process on the same machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import orjson

from mixtral_contract.mock.journal.journal import Entry
from mixtral_contract.mock.timing.token_times import by_token

FIELDS = {
    "process": "the process that answered; each counts for itself",
    "id": "counts requests in the order in which they ended; 0 while under way",
    "received_ns": "when the request was complete here, Unix time",
    "received_monotonic_ns": "the same moment on the machine's monotonic clock",
    "request_id": "the request's own X-Request-Id",
    "connection": "number of the client's connection; null in process",
    "method": "as received",
    "path": "as received, without the query",
    "body_bytes": "length of the request's body",
    "fingerprint": "the same for the same body",
    "dialect": "the operation that the request was meant for",
    "account": "name of the account, never the key",
    "model": "the model asked",
    "stream": "whether a stream was asked for",
    "status": "what the request was answered with; null when it got no answer",
    "condition": "why it was refused: a condition of the contract; null for a completion",
    "step": "where it was decided: a step of the service, completion for a completion",
    "message": "what the refusal said",
    "retry_after_s": "the wait that the refusal asked for",
    "misplaced": "where a key was that is not read there",
    "incident": "the incident that was applied",
    "prompt_tokens": "by the model's tokenizer",
    "completion_tokens": "how many the whole completion has, sent or not, as its usage says",
    "steps": "how many the longest of its choices has: they are written side by side",
    "completion_id": "the completion's id, as the client reads it",
    "finish_reason": "why the completion ends where it does",
    "decided_after_ns": "when the status was decided: for a completion the end of its wait for a turn",
    "head_after_ns": "when the status line was handed to the socket",
    "first_after_ns": "when the first token was handed to the socket",
    "ended_after_ns": "when the answer was out, or cut, or the client gone",
    "bytes_sent": "of the answer, head and framing included",
    "end": "complete, client-left, cut (by an incident) or server-stopped; null while under way",
    "latest_ns": "the most by which a token left after it was due",
    "due_after_ns": "per token (per step, where there are several choices): when it was due",
    "sent_after_ns": "likewise: when it was handed to the socket; shorter than due_after_ns when some never were",
    "request_body": "the body that was sent, as JSON, or as text where it is none; only with bodies=yes",
    "answer": "what was decided to answer, likewise: of a stream the text of all its events; only with bodies=yes",
}
"""Every field, in its order, and what it says; null where it does not apply."""

_VENDOR_KEY = re.compile(r"nvapi-[\w-]+|SG_[0-9A-Fa-f]{8,}|sk-[\w-]{8,}")
_GONE = "[key]"

Redact = Callable[[str], str]


class Origin(NamedTuple):
    """What the entries of one server have in common: its clock's lead over the monotonic one, its keys, its process."""

    offset_ns: int
    redact: Redact
    process: int


def redactor(keys: Iterable[str]) -> Redact:
    """What takes these keys, and what looks like a vendor's, out of a text."""
    known = sorted(filter(None, keys), key=len, reverse=True)

    def redact(text: str) -> str:
        text = _VENDOR_KEY.sub(_GONE, text)
        for key in known:
            text = text.replace(key, _GONE)
        return text

    return redact


def record(entry: Entry, origin: Origin, *, tokens: bool = True, bodies: bool = False) -> dict[str, Any]:
    """The entry's fields; `tokens` are the two that are as long as the completion, `bodies` what was said."""
    received_ns, refusal, redact = entry.received_ns, entry.refusal, origin.redact
    due, sent = by_token(entry.dues), by_token(entry.sent)

    def after(at_ns: int | None) -> int | None:
        return None if at_ns is None else at_ns - received_ns

    fields: dict[str, Any] = {
        "process": origin.process,
        "id": entry.id,
        "received_ns": received_ns,
        "received_monotonic_ns": received_ns - origin.offset_ns,
        "request_id": _text(entry.request_id, redact),
        "connection": entry.connection,
        "method": entry.method,
        "path": _text(entry.path, redact),
        "body_bytes": entry.body_bytes,
        "fingerprint": entry.fingerprint,
        "dialect": entry.dialect,
        "account": entry.account,
        "model": entry.model,
        "stream": entry.stream,
        "status": entry.status,
        "condition": entry.condition,
        "step": entry.step,
        "message": _text(refusal.message, redact) if refusal else None,
        "retry_after_s": refusal.wait_s if refusal else None,
        "misplaced": entry.misplaced.found if entry.misplaced else None,
        "incident": entry.incident,
        "prompt_tokens": entry.prompt_tokens,
        "completion_tokens": entry.completion_tokens,
        "steps": entry.steps,
        "completion_id": entry.completion_id,
        "finish_reason": entry.finish_reason,
        "decided_after_ns": after(entry.decided_ns),
        "head_after_ns": after(entry.head_ns),
        "first_after_ns": after(sent[0] if sent else None),
        "ended_after_ns": after(entry.ended_ns),
        "bytes_sent": entry.bytes_sent,
        "end": entry.end,
        "latest_ns": max((at - ought for at, ought in zip(sent, due, strict=False)), default=None),
    }
    if tokens:
        fields["due_after_ns"] = [at - received_ns for at in due]
        fields["sent_after_ns"] = [at - received_ns for at in sent]
    if bodies:
        fields |= {"request_body": _said(entry.body, redact), "answer": _said(entry.answer, redact)}
    return fields


def line(entry: Entry, origin: Origin, *, bodies: bool = False) -> bytes:
    """The entry as one line of JSON."""
    return orjson.dumps(record(entry, origin, bodies=bodies), option=orjson.OPT_APPEND_NEWLINE)


def _said(body: bytes | None, redact: Redact) -> Any:
    """A body without keys, as JSON where it is that."""
    if body is None:
        return None
    text = redact(body.decode("utf-8", "replace"))
    try:
        return orjson.loads(text)
    except ValueError:
        return text


def _text(text: str | None, redact: Redact) -> str | None:
    return None if text is None else redact(text)
