"""Reads an exchange as a completion: its outcome, its content by arrival, its finish_reason and usage.

Runs after the answer has ended: parsing JSON between two `recv` calls would delay the stamps of every other stream in
the process. It runs in steps, for even then a long answer, or many that end together, would delay those that still run.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson

from mixtral_contract.contract.openapi import EVENT_STREAM, JSON
from mixtral_contract.load.client.exchange import Exchange
from mixtral_contract.load.reading.answer_fields import (
    QUOTED,
    MalformedError,
    as_object,
    choices_of,
    finish_reason_of,
    json_object,
)
from mixtral_contract.load.reading.clause_checks import (
    StreamJudge,
    calls_of,
    carries_token,
    judge_answer,
    written,
)
from mixtral_contract.load.reading.event_template import EventTemplate, event_template_of
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.primitives.sse import Decoder

DONE = "[DONE]"
_SHOWN = QUOTED // 2
"""Longest detail, in characters."""

_STEP = 16
"""Pieces of a stream that are read in one step."""

_SHORT = 8
"""Pieces of a stream that is read before it is believed."""

_OF_EVENTS = (b"data:", b"event:", b"id:", b"retry:", b":")
"""How lines of an event stream begin."""

T = TypeVar("T")


@dataclass(slots=True)
class Completion:
    """What an answer says.

    `content` holds (stamp in ns, events with content) for each `recv` that brought any; for an answer in one piece the
    end and one event. Token counts are those of `usage`, None when the server sent none; `totals` are the tokens so far
    for each entry of `content`, where the usage of each event tells them; `reasoning_tokens` are those that usage
    counts, shown or not. `texts` are what each event with content said, `calls` how many calls it made. `broken` are
    the clauses that an answer with status 200 did not keep, of those that are cheap to judge. `secrets` are what a
    detail never shows.
    """

    outcome: Outcome = Outcome.OK
    detail: str | None = None
    content: list[tuple[int, int]] = field(default_factory=list)
    id: str | None = None
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = field(default=None, compare=False)
    texts: list[bytes] = field(default_factory=list, compare=False)
    calls: int = field(default=0, compare=False)
    totals: list[int] = field(default_factory=list)
    broken: set[str] = field(default_factory=set, compare=False)
    secrets: tuple[str, ...] = field(default=(), compare=False, repr=False)

    def end_as(self, outcome: Outcome, detail: str) -> None:
        """Settles the outcome."""
        self.outcome = outcome
        for secret in self.secrets:
            # before the cut, which would leave a part of it
            detail = detail.replace(secret, "***")
        self.detail = detail if len(detail) <= _SHOWN else detail[:_SHOWN] + "..."

    def read_id(self, answer: dict[str, Any]) -> None:
        """Takes the completion's id, the first one in a stream."""
        if self.id is None and isinstance(answer.get("id"), str):
            self.id = answer["id"]

    def read_usage(self, usage: Any) -> None:
        """Takes the token counts; the last ones in a stream stand.

        Raises: MalformedError.
        """
        if usage is None:
            return
        prompt, completion = as_object(usage, "usage").get("prompt_tokens"), usage.get("completion_tokens")
        for name, count in (("prompt_tokens", prompt), ("completion_tokens", completion)):
            if type(count) is not int or count < 0:
                raise MalformedError(f"usage.{name}: expected a count, got {count!r}")
        self.prompt_tokens, self.completion_tokens = prompt, completion
        details = usage.get("completion_tokens_details")
        reasoning = details.get("reasoning_tokens") if isinstance(details, dict) else None
        self.reasoning_tokens = reasoning if type(reasoning) is int else None


def read_completion(exchange: Exchange, *, streamed: bool) -> Completion:
    """The completion in an exchange; `streamed` tells whether an event stream was asked for."""
    return returned(reading(exchange, streamed=streamed))


def returned(steps: Generator[None, None, T]) -> T:
    """What the steps come to, all of them at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


def reading(exchange: Exchange, *, streamed: bool, secrets: tuple[str, ...] = ()) -> Generator[None, None, Completion]:
    """As `read_completion`, in steps of a few events; `secrets` are what a server may quote and nobody is to see."""
    completion = Completion(secrets=secrets)
    if exchange.status is None:
        completion.end_as(_without_answer(exchange), exchange.failure or "no answer")
    elif exchange.status != 200:
        outcome = Outcome.RATE_LIMITED if exchange.status == 429 else Outcome.HTTP_ERROR
        completion.end_as(outcome, _refusal(exchange))
    else:
        yield from _read_success(exchange, completion, EVENT_STREAM if streamed else JSON)
    return completion


def _refusal(exchange: Exchange) -> str:
    """What an answer with another status says: where it points to, or its body's words."""
    location = exchange.headers.get("location")
    if location is not None and 300 <= (exchange.status or 0) < 400:
        return f"redirects to {location}, which is not followed"
    return error_text(exchange.body())


def _without_answer(exchange: Exchange) -> Outcome:
    if exchange.timed_out:
        return Outcome.TIMEOUT
    return Outcome.UNANSWERED if exchange.unanswered else Outcome.CONNECTION_ERROR


def looks_whole(exchange: Exchange) -> bool:
    """Whether a stream seems to be a whole completion, as far as can be told without reading it.

    What is short is not believed: it may be an error inside an answer with status 200.
    """
    if exchange.status != 200 or not exchange.complete or exchange.timed_out or len(exchange.received) < _SHORT:
        return False
    return exchange.received[-1][1].rstrip().endswith(DONE.encode())


def error_text(body: bytes) -> str:
    """What an error's body says, in one line: its message where it is JSON of a known kind, else its start."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = body.decode("utf-8", "replace")
    while isinstance(said, dict):
        said = next((said[name] for name in ("error", "message", "detail", "title") if said.get(name)), str(said))
    return " ".join(str(said).split())[:QUOTED]


def _read_success(exchange: Exchange, completion: Completion, expected: str) -> Generator[None, None, None]:
    if not _is_readable(exchange, completion, expected):
        return
    try:
        if expected == EVENT_STREAM:
            done = yield from _read_stream(exchange, completion)
        else:
            done = _read_answer(exchange, completion)
    except MalformedError as error:
        completion.broken.add("SSE-06" if expected == EVENT_STREAM else "RSP-19")
        completion.end_as(Outcome.MALFORMED, str(error))
        return
    if not exchange.complete and exchange.failure and not exchange.timed_out:
        completion.broken.add("SSE-13" if expected == EVENT_STREAM else "HTTP-14")
    if exchange.timed_out:
        completion.end_as(Outcome.TIMEOUT, exchange.failure or "timeout")
    elif completion.outcome is not Outcome.OK:
        return
    elif cut := _cut(exchange, completion, done=done):
        completion.end_as(Outcome.TRUNCATED, cut)
    elif not completion.content:
        completion.end_as(Outcome.EMPTY, _emptiness(completion))


def _cut(exchange: Exchange, completion: Completion, *, done: bool) -> str | None:
    """What shows that a part of the answer may be missing; None where all of it is there."""
    if not exchange.complete:
        return exchange.failure or "cut"
    if completion.finish_reason is None:
        return "ended without a finish_reason" if done else _unfinished(exchange, completion)
    if done:
        return None
    if exchange.failure:
        return exchange.failure
    if "SSE-07" in completion.broken:
        return "ended within an event"
    return "ended without data: [DONE] and usage" if completion.completion_tokens is None else None


def _unfinished(exchange: Exchange, completion: Completion) -> str:
    """What is missing of a stream without `[DONE]`: its end, or all of it, and what stands in its place."""
    body = exchange.body().lstrip()
    if completion.content or body.startswith(_OF_EVENTS):
        return "ended without a finish_reason"
    said = error_text(body)
    return "ended without data: [DONE]" + (f": {said}" if said else "")


def _emptiness(completion: Completion) -> str:
    claimed = completion.completion_tokens
    return f"nothing was said, finish_reason {completion.finish_reason}, usage claims {claimed or 0} tokens"


def _is_readable(exchange: Exchange, completion: Completion, expected: str) -> bool:
    """Whether the answer has the media type and the coding that were asked for; else its outcome is settled."""
    media_type = exchange.headers.get("content-type", "").partition(";")[0].strip().lower()
    coding = exchange.headers.get("content-encoding", "identity").strip().lower()
    if media_type != expected:
        completion.broken.add("SSE-01" if expected == EVENT_STREAM else "HTTP-05")
        said = error_text(exchange.body())
        words = f": {said}" if said else ""
        completion.end_as(Outcome.WRONG_CONTENT_TYPE, f"expected {expected}, got {media_type or 'none'}{words}")
    elif coding != "identity":
        completion.end_as(Outcome.MALFORMED, f"content-encoding: expected identity, as was asked for, got {coding}")
    else:
        return True
    return False


def _read_stream(exchange: Exchange, completion: Completion) -> Generator[None, None, bool]:
    """Reads the events; whether `[DONE]`, be it without its blank line, or an error came."""
    decoder, judge, done = Decoder(), StreamJudge(), False
    shape: EventTemplate | None = None
    content, texts = completion.content, completion.texts
    completion.broken = judge.broken
    for number, (stamp_ns, received) in enumerate(exchange.received):
        if number % _STEP == 0:
            yield
        if shape is not None and (text := shape.text_in(received)) is not None:
            _count_content(content, stamp_ns)
            texts.append(text)
            continue
        # a shape holds only as long as nothing else comes: what follows another event is to be judged anew
        shape = None
        events = decoder.feed(received)
        for event in events:
            if event.data.strip() == DONE:
                done = True
                judge.done(event.data)
                continue
            judge.event(event.type, event.data)
            if done:
                # what comes after the end is wrong, and no part of the completion
                continue
            chunk = None if event.type == "error" else json_object(event.data)
            if chunk is None or chunk.get("error"):
                judge.broken.add("ERR-15")
                completion.end_as(Outcome.ERROR_EVENT, error_text(event.data.encode()))
                return True
            _read_chunk(chunk, stamp_ns, completion, judge)
            if len(events) == 1:
                shape = event_template_of(received, chunk)
    if exchange.complete and not exchange.timed_out:
        judge.end(rest=decoder.pending)
        done = done or _is_done(decoder)
    return done


def _is_done(decoder: Decoder) -> bool:
    """Whether what no blank line has ended is `[DONE]`."""
    # one line end for the line, one that may belong to a carriage return before it, and the blank line
    return [event.data.strip() for event in decoder.feed(b"\n\n\n")] == [DONE]


def _read_chunk(chunk: dict[str, Any], stamp_ns: int, completion: Completion, judge: StreamJudge) -> None:
    completion.read_usage(chunk.get("usage"))
    completion.read_id(chunk)
    choices = choices_of(chunk)
    judge.chunk(chunk, choices)
    for choice in choices:
        delta = as_object(choice.get("delta"), "delta")
        if carries_token(delta):
            _count_content(completion.content, stamp_ns)
            completion.texts.append(written(delta))
            completion.calls += calls_of(delta)
            if chunk.get("usage") is not None and completion.completion_tokens is not None:
                _note_total(completion, completion.completion_tokens)
        completion.finish_reason = finish_reason_of(choice) or completion.finish_reason


def _count_content(content: list[tuple[int, int]], stamp_ns: int) -> None:
    if content and content[-1][0] == stamp_ns:
        content[-1] = (stamp_ns, content[-1][1] + 1)
    else:
        content.append((stamp_ns, 1))


def _note_total(completion: Completion, tokens: int) -> None:
    """Notes how many tokens there are with this event; once an event did not say, the list stays too short."""
    known, received = len(completion.totals), len(completion.content)
    if known == received:
        completion.totals[-1] = tokens
    elif known == received - 1:
        completion.totals.append(tokens)


def _read_answer(exchange: Exchange, completion: Completion) -> bool:
    """Reads an answer in one piece; a cut one is no JSON, and is not called malformed for it."""
    if not exchange.complete:
        return False
    answer = json_object(exchange.body())
    if answer.get("error"):
        completion.broken.add("ERR-12")
        completion.end_as(Outcome.ERROR_EVENT, error_text(exchange.body()))
        return True
    completion.read_usage(answer.get("usage"))
    completion.read_id(answer)
    choices = choices_of(answer)
    completion.broken.update(judge_answer(answer, choices))
    for choice in choices:
        message = as_object(choice.get("message"), "message")
        if carries_token(message):
            _count_content(completion.content, exchange.end_ns or 0)
            completion.texts.append(written(message))
            completion.calls += calls_of(message)
        completion.finish_reason = finish_reason_of(choice) or completion.finish_reason
    return True
