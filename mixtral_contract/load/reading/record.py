"""One request's figures: the definitions of ttft, icl, tpot and e2e in code.

Times inside are nanoseconds, those that follow the run's clock count from its start.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mixtral_contract.load.client.exchange import Exchange
from mixtral_contract.load.reading.completion import Completion
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.reading.token_check import Claim, TokenCount
from mixtral_contract.load.units.metric import Place
from mixtral_contract.load.units.metrics import keys_in
from mixtral_contract.load.units.numbers import rounded

_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000
_WRITTEN = keys_in(Place.REQUESTS)


@dataclass(frozen=True, slots=True)
class Record:
    """One request and what came of it; `started_ns` is when its user turned to it (before it looked for a connection).

    `due_ns` is when an open loop meant it to be sent, None in a closed one. `content` holds (time, events with content)
    per `recv`; `broken` are the clauses that the answer did not keep. `totals`
    are the tokens so far at each of `content`, none where they are not known. `asked_tokens` is max_tokens,
    `asked_prompt_tokens` what the prompt has by Mixtral's tokenizer; `tokens` is what was found of those that came,
    None where the answer did not end well. None is what did not happen, or is not known.
    """

    worker: int
    number: int
    outcome: Outcome
    detail: str | None
    status: int | None
    started_ns: int
    end_ns: int
    sent_ns: int | None
    connect_ns: int | None
    headers_ns: int | None
    first_byte_ns: int | None
    content: tuple[tuple[int, int], ...]
    finish_reason: str | None
    prompt_tokens: int | None
    usage_tokens: int | None
    received_bytes: int
    streamed: bool
    sent_again: bool = False
    due_ns: int | None = None
    completion_id: str | None = None
    broken: tuple[str, ...] = ()
    totals: tuple[int, ...] = ()
    asked_tokens: int | None = None
    asked_prompt_tokens: int | None = None
    tokens: TokenCount | None = None
    content_events: int = field(init=False)
    """How many events carried content."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "content_events", sum([count for _, count in self.content]))

    @property
    def window_ns(self) -> int:
        """The time by which it belongs to a window: when it was due, in a closed loop when it was sent."""
        return self.origin_ns if self.due_ns is None else self.due_ns

    @property
    def dispatch_lag_ms(self) -> float | None:
        """From due to sent, less the time for a new connection: what the instrument adds; None in a closed loop."""
        if self.due_ns is None or self.sent_ns is None:
            return None
        return (self.sent_ns - self.due_ns - (self.connect_ns or 0)) / _NS_PER_MS

    @property
    def origin_ns(self) -> int:
        """When it was sent; when it was started, if it never was."""
        return self.started_ns if self.sent_ns is None else self.sent_ns

    @property
    def output_tokens(self) -> int:
        """The answer's length: what was found to have come; else completion_tokens of usage, else the events."""
        if self.tokens is not None:
            return self.tokens.received
        return self.content_events if self.usage_tokens is None else self.usage_tokens

    @property
    def tokens_from(self) -> str | None:
        """Who says so: usage, events, or text, which was counted; None without an answer."""
        if self.tokens is not None:
            return self.tokens.source
        return "usage" if self.usage_tokens is not None else "events" if self.content else None

    @property
    def billed_tokens(self) -> int:
        """What the server bills: what its usage claims, true or not."""
        return self.output_tokens if self.usage_tokens is None else self.usage_tokens

    @property
    def prompt_asked_tokens(self) -> int | None:
        """The prompt's length by Mixtral's tokenizer, without the template; None where it was not counted."""
        return self.asked_prompt_tokens

    @property
    def prompt_usage_tokens(self) -> int | None:
        """The prompt's length by usage."""
        return self.prompt_tokens

    @property
    def output_asked_tokens(self) -> int | None:
        """The longest answer that was asked for; None where the dialect has no such field."""
        return self.asked_tokens

    @property
    def output_received_tokens(self) -> int | None:
        """The answer's length, as the rates have it."""
        return self.output_tokens

    @property
    def e2e_ms(self) -> float:
        """From sending to the last byte of the answer, or to the failure."""
        return (self.end_ns - self.origin_ns) / _NS_PER_MS

    @property
    def connect_ms(self) -> float | None:
        """The time for a new connection, and its TLS handshake; None on one that was there."""
        return None if self.connect_ns is None else self.connect_ns / _NS_PER_MS

    @property
    def ttft_ms(self) -> float | None:
        """From sending to the first event with content; None without a stream or without content."""
        if not self.streamed or not self.content:
            return None
        return (self.content[0][0] - self.origin_ns) / _NS_PER_MS

    @property
    def schedule_e2e_ms(self) -> float | None:
        """From due to the last byte, so that a late start is no gift to the server; None in a closed loop."""
        return None if self.due_ns is None else (self.end_ns - self.due_ns) / _NS_PER_MS

    @property
    def schedule_ttft_ms(self) -> float | None:
        """From due to the first event with content; None in a closed loop, without a stream or without content."""
        if self.due_ns is None or self.ttft_ms is None:
            return None
        return (self.content[0][0] - self.due_ns) / _NS_PER_MS

    @property
    def _generation_ns(self) -> int | None:
        """First to last content; None when one `recv` brought all of it, which says nothing of the time between."""
        if not self.streamed or len(self.content) < 2 or self._generated < 1:
            return None
        return self.content[-1][0] - self.content[0][0]

    @property
    def _generated(self) -> int:
        """The tokens that came in that time: all but those of the first content, one where that is not known."""
        first = self.totals[0] if self.totals else self.tokens and self.tokens.first
        return self.output_tokens - (first or 1)

    @property
    def tpot_ms(self) -> float | None:
        """Mean time per token after the first."""
        duration_ns = self._generation_ns
        return None if duration_ns is None else duration_ns / _NS_PER_MS / self._generated

    @property
    def stream_tokens_per_s(self) -> float | None:
        """The rate at which this answer's tokens after the first came."""
        duration_ns = self._generation_ns
        return None if duration_ns is None else self._generated * _NS_PER_S / duration_ns

    def icl_ms(self) -> list[float]:
        """The gaps between neighbouring events with content; those of one `recv` are 0."""
        if not self.streamed:
            return []
        together = self.content_events - len(self.content)
        apart = [(later - earlier) / _NS_PER_MS for (earlier, _), (later, _) in itertools.pairwise(self.content)]
        return [0.0] * together + apart

    def itl_ms(self) -> Iterator[tuple[float, int]]:
        """The time per token between neighbouring content, and of how many tokens; nothing where they are not known."""
        if not self.totals:
            return
        pairs = zip(itertools.pairwise(self.content), itertools.pairwise(self.totals), strict=True)
        for ((earlier, _), (later, _)), (before, after) in pairs:
            if after > before:
                yield (later - earlier) / _NS_PER_MS / (after - before), after - before

    def tokens_by_time(self) -> Iterator[tuple[int, int]]:
        """(time, tokens) whose sum is `output_tokens`: they are spread evenly over the events with content."""
        seen_events = given = 0
        events, tokens = self.content_events, self.output_tokens
        if tokens == events:
            yield from self.content
            return
        for time_ns, count in self.content:
            seen_events += count
            due = tokens * seen_events // events
            yield time_ns, due - given
            given = due

    def tokens_by_second(self) -> Counter[int]:
        """How many tokens came in which second of the run."""
        if self.output_tokens == self.content_events == len(self.content):
            return Counter([time_ns // _NS_PER_S for time_ns, _ in self.content])
        seconds = Counter[int]()
        for time_ns, tokens in self.tokens_by_time():
            seconds[time_ns // _NS_PER_S] += tokens
        return seconds

    def line(self) -> dict[str, Any]:
        """The record as a line of requests.jsonl: times in ms from sending, rounded to a microsecond."""
        origin_ns = self.origin_ns
        half_up_ns = origin_ns - 500

        def since_sent(time_ns: int | None) -> float | None:
            return None if time_ns is None else round((time_ns - origin_ns) / _NS_PER_MS, 3)

        return {
            "request": f"{self.worker}-{self.number}",
            "due_s": None if self.due_ns is None else round(self.due_ns / _NS_PER_S, 6),
            "sent_s": round(self.origin_ns / _NS_PER_S, 6),
            "completion_id": self.completion_id,
            "outcome": self.outcome,
            "status": self.status,
            "detail": self.detail,
            "broken": self.broken,
            "reused_connection": self.sent_ns is not None and self.connect_ns is None,
            "sent_again": self.sent_again,
            "connect_ms": rounded(self.connect_ms),
            "first_byte_ms": since_sent(self.first_byte_ns),
            "headers_ms": since_sent(self.headers_ns),
            **{key: rounded(getattr(self, key)) for key in _WRITTEN},
            "finish_reason": self.finish_reason,
            "prompt_tokens": self.prompt_tokens,
            "output_tokens": None if self.tokens_from is None else self.output_tokens,
            "tokens_from": self.tokens_from,
            "usage_tokens": self.usage_tokens,
            "counted_tokens": None if self.tokens is None else self.tokens.counted,
            "asked_tokens": self.asked_tokens,
            "asked_prompt_tokens": self.asked_prompt_tokens,
            "received_bytes": self.received_bytes,
            # whole microseconds, for `round` takes as long as all else that is done with an event here
            "content_ms": [[(time_ns - half_up_ns) // 1000 / 1000, count] for time_ns, count in self.content],
        }


def _totals(completion: Completion) -> tuple[int, ...]:
    """The running totals, if they are there for all content and can be true."""
    totals = tuple(completion.totals)
    rising = all(before <= after for before, after in itertools.pairwise((1, *totals)))
    return totals if len(totals) == len(completion.content) and rising else ()


def make_record(
    exchange: Exchange,
    completion: Completion,
    *,
    run_start_ns: int,
    worker: int,
    number: int,
    streamed: bool,
    tokens: TokenCount | None = None,
) -> Record:
    """The record of an exchange that was read as that completion, on the clock of the run."""

    def on_run_clock(stamp_ns: int | None) -> int | None:
        return None if stamp_ns is None else stamp_ns - run_start_ns

    end_ns = exchange.started_ns if exchange.end_ns is None else exchange.end_ns
    return Record(
        worker=worker,
        number=number,
        outcome=completion.outcome,
        detail=completion.detail,
        status=exchange.status,
        started_ns=exchange.started_ns - run_start_ns,
        end_ns=end_ns - run_start_ns,
        sent_ns=on_run_clock(exchange.sent_ns),
        connect_ns=exchange.connect_ns,
        headers_ns=on_run_clock(exchange.headers_ns),
        first_byte_ns=on_run_clock(exchange.first_byte_ns),
        content=tuple((stamp_ns - run_start_ns, count) for stamp_ns, count in completion.content),
        finish_reason=completion.finish_reason,
        prompt_tokens=completion.prompt_tokens,
        usage_tokens=completion.completion_tokens,
        received_bytes=exchange.received_bytes,
        streamed=streamed,
        sent_again=exchange.sent_again,
        due_ns=on_run_clock(exchange.due_ns),
        completion_id=completion.id,
        broken=tuple(sorted(completion.broken)),
        # what tells false totals tells none on the way to them
        totals=_totals(completion) if tokens is None or tokens.claim is not Claim.REFUTED else (),
        asked_tokens=exchange.asked_tokens,
        asked_prompt_tokens=exchange.asked_prompt_tokens,
        tokens=tokens,
    )
