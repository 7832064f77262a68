"""What the journal tells of the client: where it retries, waits, reads and authenticates otherwise than it should.

Pure: entries in, findings out. The mock sees one side of the wire only, so a finding claims no more than was seen:
`possible` is what an honest client may have done for a reason that the mock cannot know.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from mixtral_contract.mock.journal.journal import CLIENT_LEFT, COMPLETE, Entry
from mixtral_contract.mock.journal.retries import Retry, conversations, ended_ns, retries, told_to_wait_ns, truncated

FINAL = frozenset((400, 401, 403, 404, 405, 406, 413, 415, 422, 431))
"""Statuses that the same request gets again: RFC 9110 section 15.5 for all, OpenAI's SDK for which it never retries."""

PATIENCE_S = 60.0
"""How long a stream may stay silent before a client should give up, unless the caller says otherwise."""

_EARLY_NS = 50_000_000
"""What clocks and roundings may take off a wait of whole seconds."""
_AT_ONCE_NS = 100_000_000
_UNHURRIED_NS = 5_000_000_000
_GROWTH = 1.5
_FEW_CONNECTIONS = 5


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that a client should do: what it is held to, and how sure a finding is."""

    id: str
    level: str
    statement: str


RULES = {
    rule.id: rule
    for rule in (
        Rule("final-retried", "fault", "A refusal that repeating cannot change (400, 401, 404, ...) is not retried."),
        Rule("retry-after-ignored", "fault", "The next attempt comes after the wait that Retry-After asks for."),
        Rule("retry-storm", "fault", "Waits between attempts grow, or are long from the start."),
        Rule("truncated-accepted", "possible", "A stream that ends without its end is asked for again."),
        Rule("key-misplaced", "fault", "The key is sent where the operation reads it, and never in the URL."),
        Rule("key-undocumented", "possible", "The key is sent in the header that the operation's own page prints."),
        Rule("no-read-timeout", "possible", "A client gives up on a stream that has gone silent."),
        Rule("stream-abandoned", "possible", "A stream is read to its end."),
        Rule("connection-not-reused", "possible", "One connection serves one request after the other."),
    )
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that a client did not keep: which requests show it, what was expected and what came."""

    rule: str
    level: str
    account: str | None
    dialect: str | None
    requests: tuple[int, ...]
    expected: str
    got: str

    def as_json(self) -> dict[str, Any]:
        """The finding as a JSON object."""
        return asdict(self)


def grade(entries: Iterable[Entry], now_ns: int, *, patience_s: float = PATIENCE_S) -> list[Finding]:
    """The findings, in the order of the first request that shows them."""
    seen = list(entries)
    patience_ns = round(patience_s * 1e9)
    findings = [finding for attempts in conversations(seen) for finding in _of_conversation(attempts, now_ns)]
    for check in (_misplaced_keys, _abandoned, _single_use_connections):
        findings.extend(check(seen))
    findings.extend(_silent_streams(seen, now_ns, patience_ns))
    return sorted(findings, key=lambda finding: (finding.requests[0], finding.rule))


def _of_conversation(attempts: list[Entry], now_ns: int) -> Iterator[Finding]:
    steps = list(retries(attempts))
    final = [step for step in steps if step.failed.status in FINAL]
    if final:
        status = final[0].failed.status
        yield _finding(
            "final-retried",
            [final[0].failed, *(step.again for step in final)],
            f"no second attempt at what was answered {status}",
            f"the same request {_times(len(final))} more, first after {_seconds(final[0].wait_ns)}",
        )
    early = [step for step in steps if step.wait_ns + _EARLY_NS < told_to_wait_ns(step.failed)]
    if early:
        wait_s = told_to_wait_ns(early[0].failed) // 1_000_000_000
        yield _finding(
            "retry-after-ignored",
            [early[0].failed, *(step.again for step in early)],
            f"the next attempt {wait_s} s after the {early[0].failed.status} at the soonest",
            f"one after {_seconds(early[0].wait_ns)}",
        )
    yield from _storm(steps)
    last = attempts[-1]
    if truncated(last):
        yield _finding(
            "truncated-accepted",
            [last],
            "another attempt, or an error that the client's user sees",
            f"no attempt in {_seconds(now_ns - ended_ns(last))}: it possibly took a truncated answer for a whole one",
        )


def _storm(steps: Sequence[Retry]) -> Iterator[Finding]:
    """Retries without backoff, where retrying may help and the wait was the client's choice."""
    free = [step for step in steps if not _waited_as_told(step) and _may_be_retried(step.failed)]
    waits = [step.wait_ns for step in free]
    at_once = len(waits) >= 2 and max(waits) < _AT_ONCE_NS
    steady = len(waits) >= 3 and max(waits) < _GROWTH * waits[0] and max(waits) < _UNHURRIED_NS
    if at_once or steady:
        yield _finding(
            "retry-storm",
            [free[0].failed, *(step.again for step in free)],
            "waits that grow from one attempt to the next",
            f"{len(waits) + 1} attempts, {_seconds(min(waits))} to {_seconds(max(waits))} apart",
        )


def _waited_as_told(step: Retry) -> bool:
    told_ns = told_to_wait_ns(step.failed)
    return told_ns > 0 and step.wait_ns + _EARLY_NS >= told_ns


def _may_be_retried(failed: Entry) -> bool:
    return failed.status not in FINAL and failed.end != CLIENT_LEFT


def _misplaced_keys(entries: Sequence[Entry]) -> Iterator[Finding]:
    strayed = (entry for entry in entries if entry.misplaced is not None)
    for (misplaced, *_), shown in _grouped(strayed, lambda entry: (entry.misplaced, entry.account, entry.dialect)):
        rule = "key-undocumented" if misplaced.accepted else "key-misplaced"
        got = f"a key in {misplaced.found}, {_times(len(shown))}"
        yield _finding(rule, shown, f"the key in {misplaced.expected}", got)


def _abandoned(entries: Sequence[Entry]) -> Iterator[Finding]:
    left = (entry for entry in entries if entry.end == CLIENT_LEFT and entry.stream and entry.status == 200)
    for _, shown in _grouped(left, lambda entry: (entry.account, entry.dialect)):
        out = sum(entry.sent[-1][0] if entry.sent else 0 for entry in shown)
        ought = sum(entry.completion_tokens or 0 for entry in shown)
        yield _finding(
            "stream-abandoned",
            shown,
            "streams read to their end",
            f"the client left {len(shown)} of them, with {out} of {ought} tokens out",
        )


def _single_use_connections(entries: Sequence[Entry]) -> Iterator[Finding]:
    whole = (entry for entry in entries if entry.connection is not None and entry.end == COMPLETE)
    for _, shown in _grouped(whole, lambda entry: (entry.credential, entry.account)):
        last_ns, one_by_one = 0, []
        for entry in sorted(shown, key=lambda entry: entry.received_ns):
            if entry.received_ns >= last_ns:
                one_by_one.append(entry)
            last_ns = max(last_ns, ended_ns(entry))
        if len(one_by_one) >= _FEW_CONNECTIONS and len({entry.connection for entry in one_by_one}) == len(one_by_one):
            yield _finding(
                "connection-not-reused",
                one_by_one,
                "one connection for requests that come one after the other",
                f"{len(one_by_one)} connections for as many requests",
            )


def _silent_streams(entries: Sequence[Entry], now_ns: int, patience_ns: int) -> Iterator[Finding]:
    for entry in entries:
        if not entry.stream or entry.head_ns is None:
            continue
        moments = [entry.head_ns, *(at_ns for _, at_ns in entry.sent), entry.ended_ns or now_ns]
        silence_ns = max(after - before for before, after in pairwise(moments))
        if silence_ns > patience_ns:
            yield _finding(
                "no-read-timeout",
                [entry],
                f"a client that gives up after {_seconds(patience_ns)} without a byte",
                f"one that still read after {_seconds(silence_ns)}",
            )


def _grouped(entries: Iterable[Entry], by: Callable[[Entry], tuple[Any, ...]]) -> Iterator[tuple[Any, list[Entry]]]:
    groups: dict[tuple[Any, ...], list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[by(entry)].append(entry)
    return iter(groups.items())


def _finding(rule: str, shown: Sequence[Entry], expected: str, got: str) -> Finding:
    first = shown[0]
    ids = tuple(entry.id for entry in shown)
    return Finding(rule, RULES[rule].level, first.account, first.dialect, ids, expected, got)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _seconds(duration_ns: int) -> str:
    return f"{duration_ns / 1e9:.3g} s"
