"""A request that a mock got, as a test asks about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mixtral_contract.mock.fixtures.asked import Message
from mixtral_contract.mock.journal.entry_json import Redact
from mixtral_contract.mock.journal.journal import COMPLETE, Entry
from mixtral_contract.primitives.tokenizer import text_of

_SHOWN = 60


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One request and what became of it; None where it was not found out.

    `body` is the JSON object that was sent, None when it was none; `condition` is why the request was refused, None
    for a completion; `end` says how the answer ended (complete, client-left, cut), None while it is under way. Times
    are seconds: `at_s` since the mock began, `took_s` until the answer ended. No key is in here.
    """

    method: str
    path: str
    dialect: str | None
    account: str | None
    model: str | None
    stream: bool
    body: Mapping[str, Any] | None = field(repr=False)
    status: int | None
    condition: str | None
    message: str | None
    retry_after_s: int | None
    incident: str | None
    finish_reason: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    end: str | None
    at_s: float
    took_s: float | None

    @property
    def messages(self) -> Sequence[Message]:
        """The messages that were sent; none when the body has no list of them."""
        messages = (self.body or {}).get("messages")
        return [Message(each) for each in messages if isinstance(each, dict)] if isinstance(messages, list) else []

    @property
    def prompt(self) -> str | None:
        """What the user said last; None when no user said anything."""
        said = [message.get("content") for message in self.messages if message.get("role") == "user"]
        return text_of(said[-1] or "") if said else None

    @property
    def unmatched(self) -> bool:
        """Whether nothing was there to answer it: no such URL or method, or no scripted reply."""
        return self.condition in ("unknown-url", "wrong-method", "no-fixture") and self.incident is None

    def __str__(self) -> str:
        asked = f"{self.method} {self.path}  {self.model or '(no model)'}{'  stream' if self.stream else ''}"
        prompt = self.prompt
        if prompt is not None:
            asked += f"  {prompt if len(prompt) <= _SHOWN else f'{prompt[:_SHOWN]}...'!r}"
        return f"{self.at_s:8.3f} s  {asked}  → {self._answer}"

    @property
    def _answer(self) -> str:
        said = str(self.status or "no answer")
        if self.condition is not None:
            said += f" {self.condition}"
        elif self.finish_reason is not None:
            said += f" {self.finish_reason}, {self.completion_tokens} tokens"
        if self.retry_after_s is not None:
            said += f", come back in {self.retry_after_s} s"
        if self.incident is not None:
            said += f", incident {self.incident}"
        if self.end not in (COMPLETE, None):
            said += f", {self.end}"
        return f"{said} ({self.message})" if self.unmatched else said


def recorded(entry: Entry, body: Any, began_ns: int, redact: Redact) -> RecordedRequest:
    """An entry of the journal and the body that was sent, for a test."""
    sent = body if isinstance(body, dict) else None
    model = sent.get("model") if sent is not None else None
    refusal = entry.refusal
    return RecordedRequest(
        method=entry.method,
        path=redact(entry.path),
        dialect=entry.dialect,
        account=entry.account,
        model=model if isinstance(model, str) else entry.model,
        stream=bool(sent.get("stream")) if sent is not None and entry.stream is None else bool(entry.stream),
        body=sent,
        status=entry.status,
        condition=entry.condition,
        message=redact(refusal.message) if refusal is not None else None,
        retry_after_s=refusal.wait_s if refusal is not None else None,
        incident=entry.incident,
        finish_reason=entry.finish_reason,
        prompt_tokens=entry.prompt_tokens,
        completion_tokens=entry.completion_tokens,
        end=entry.end,
        at_s=(entry.received_ns - began_ns) / 1e9,
        took_s=None if entry.ended_ns is None else (entry.ended_ns - entry.received_ns) / 1e9,
    )
