"""What a run would cost, from what its dry run asked: requests, completions, tokens, money, time.

Pure. Two figures per row: what a target that keeps the contract bills, and the most that one can bill which accepts
what it should refuse (a clause stops at the first such case).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from mixtral_contract.contract.clauses import Clause
from mixtral_contract.contract.openapi import Operation
from mixtral_contract.contract.presets import Price
from mixtral_contract.primitives.tokenizer import tokenizer
from mixtral_contract.suite.client.budget import may_cost
from mixtral_contract.suite.client.request_log import LoggedRequest, RequestLog

SMOKE_COMPLETIONS = 3
"""What the smoke tier uses up at most, per dialect."""

_BEYOND = 10_000_000
"""More tokens than any model holds: what is asked beyond it bounds nothing."""

ROWS: Sequence[tuple[str, Callable[[Clause], bool]]] = (
    ("--tier smoke", lambda clause: clause.judged == "passive"),
    ("--level must", lambda clause: clause.level == "must"),
    ("--level should", lambda clause: clause.level != "info"),
    ("everything", lambda _clause: True),
)
"""What can be asked for, and which clauses it judges."""


@dataclass(frozen=True, slots=True)
class Row:
    """The bill of one choice of clauses; tokens count prompts and the most that may come back, None: no bound."""

    name: str
    clauses: int
    requests: int
    completions: int
    most_completions: int
    tokens: int | None


def bill(log: RequestLog, clauses: Iterable[Clause], operations: Mapping[str, Operation]) -> list[Row]:
    """A row for each choice, of the clauses that a dry run judged."""
    judged = list(clauses)
    return [_row(name, [clause for clause in judged if chosen(clause)], log, operations) for name, chosen in ROWS]


def _row(name: str, clauses: Sequence[Clause], log: RequestLog, operations: Mapping[str, Operation]) -> Row:
    requests = log.of(clause.id for clause in clauses)
    billed = [request for request in requests if request.billed]
    refused = [request for request in requests if not request.billed and may_cost(request.exchange.request)]
    # of a clause's own refusals the first that is accepted ends it; each shared one is asked once
    accepted = len({(each.dialect, each.shared or each.clause) for each in refused})
    most = len(billed) + accepted
    if name == "--tier smoke":
        most = min(most, SMOKE_COMPLETIONS * len({request.dialect for request in requests}))
    tokens = [_tokens(request, operations[request.dialect]) for request in billed]
    bounded = [count for count in tokens if count is not None]
    return Row(
        name=name,
        clauses=len(clauses),
        requests=len(requests),
        completions=min(len(billed), most),
        most_completions=most,
        tokens=sum(bounded) if len(bounded) == len(tokens) else None,
    )


def _tokens(request: LoggedRequest, operation: Operation) -> int | None:
    """The request's prompt tokens and the most that its answer may have; None where no document bounds that."""
    body = json.loads(request.exchange.request.body)
    model = operation.model(body.get("model")) or operation.models[0]
    # half of a surrogate pair, which a clause may send, is no text to a tokenizer
    text = json.dumps(body["messages"], ensure_ascii=False).encode("utf-8", "replace")
    prompt = tokenizer(model.tokenizer).count_chat(json.loads(text), image_tokens=model.image_tokens)
    most = body.get("max_tokens") or operation.defaults.get("max_tokens")
    if most is None:
        return None
    # a clause may ask for more than any model holds
    held = _BEYOND if model.context_window is None else max(prompt, model.context_window)
    tokens = min(prompt + int(most), held)
    return None if tokens == _BEYOND else tokens


def lines(rows: Sequence[Row], *, price: Price | None, rpm: float | None, context_window: int | None) -> list[str]:
    """The bill for a terminal."""
    head = f"{'':16}{'clauses':>8}{'requests':>10}{'completions':>13}{'at most':>9}{'tokens at most':>16}"
    shown = [head + (f"{'price':>12}" if price else "") + (f"{'time':>10}" if rpm else "")]
    for row in rows:
        tokens = "no bound" if row.tokens is None else f"{row.tokens:,}"
        counts = f"{row.clauses:>8}{row.requests:>10}{row.completions:>13}{row.most_completions:>9}"
        # a space of its own: a number that fills its column would run into the one before it
        text = f"{row.name:16}{counts} {tokens:>15}"
        if price:
            text += f"{f'${price.usd_per_completion * row.most_completions:.4f}':>12}"
        if rpm:
            text += f"{f'{row.requests / rpm:.1f} min':>10}"
        shown.append(text)
    shown += ["", "completions  of a target that keeps the contract: it bills no refusal"]
    shown += ["at most      of one that accepts what it should refuse; --budget N is a hard cap on it"]
    if any(row.tokens is None for row in rows):
        window = f" but the model's window of {context_window:,}" if context_window else ""
        shown.append(f"no bound     no document bounds the answer of this dialect{window}; one word is asked for")
    if price:
        shown.append(
            f"price        ${price.usd_per_completion} per completion in the mean ({price.source}, {price.date})"
        )
    return shown
