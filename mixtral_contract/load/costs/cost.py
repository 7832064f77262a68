"""What a run may cost: its price and budget, and the bill after it. Pure."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from mixtral_contract.contract.presets import Preset
from mixtral_contract.load.costs.pricing import (
    CREDITS,
    REQUESTS,
    USD,
    Budget,
    Price,
    Purse,
    parse_budget,
    parse_price,
)
from mixtral_contract.load.prompt_files.own_prompt import OwnPrompt
from mixtral_contract.load.units.usage_error import UsageError, read_option
from mixtral_contract.load.workload.arrivals import Arrival
from mixtral_contract.load.workload.lengths import Lengths

_ROUNDING = 1e-9

_TEMPLATE_TOKENS = 16
"""At most so many tokens does a chat template add to a prompt of one message."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What is known of it before the run; token counts are the most of one request, None when there is no most."""

    price: Price | None
    budget: Budget | None
    prompt_tokens: int | None
    output_tokens: int | None
    turns: int = 1
    context_tokens: int | None = None
    """The most that prompt and answer have together, by the contract; None where it does not say."""

    @property
    def counts_requests(self) -> bool:
        """Whether the budget is a number of requests, whatever becomes of them."""
        return self.budget is not None and self.budget.unit == REQUESTS

    @property
    def worst(self) -> float | None:
        """The most that one request can cost, in the budget's unit or else the price's; None: it is not known."""
        return 1.0 if self.counts_requests else self.worst_by_price

    @property
    def worst_by_price(self) -> float | None:
        """The most that one request can cost, in the price's unit; None: it is not known."""
        if self.price is None:
            return None
        if not self.price.depends_on_length:
            return self.price.per_request
        if self.prompt_tokens is None or self.output_tokens is None:
            return None
        return self.price.cost(1, self.prompt_tokens, self.output_tokens)

    @property
    def is_exact(self) -> bool:
        """Whether no request can cost more than the worst, whatever the server does."""
        return self.counts_requests or self.price is None or not self.price.depends_on_length

    @property
    def ceiling(self) -> float | None:
        """What a request costs whose answer fills the context window; None where that is not known."""
        if self.price is None or self.prompt_tokens is None or self.context_tokens is None:
            return None
        dearest = max(self.price.per_prompt_token, self.price.per_output_token)
        return self.price.per_request + dearest * max(self.context_tokens, self.prompt_tokens)

    def worst_after(self, prompt_tokens: int, output_tokens: int) -> float | None:
        """The most that one request can cost when prompts and answers as long as these were seen."""
        if self.is_exact or self.prompt_tokens is None or self.output_tokens is None:
            return self.worst
        output = max(self.output_tokens, output_tokens)
        # a conversation says long answers again
        prompt = max(self.prompt_tokens + (self.turns - 1) * (output - self.output_tokens), prompt_tokens)
        return None if self.price is None else self.price.cost(1, prompt, output)

    def purse(self, workers: int) -> Purse | None:
        """What one of so many processes pays from: an equal share; None without a budget."""
        if self.budget is None:
            return None
        return Purse(self.budget.amount / workers, self.worst, is_exact=self.is_exact, ceiling=self.ceiling)

    def paid(self, requests: int, prompt_tokens: int, output_tokens: int) -> float | None:
        """What so much costs in the budget's unit or else the price's."""
        if self.counts_requests:
            return float(requests)
        return None if self.price is None else self.price.cost(requests, prompt_tokens, output_tokens)


def read_cost(
    options: argparse.Namespace,
    preset: Preset | None,
    *,
    prompts: Lengths,
    outputs: Lengths,
    own: Sequence[OwnPrompt],
    trace: Sequence[Arrival],
    is_bounded: bool,
    context_tokens: int | None = None,
) -> Cost:
    """Price and budget in these options; `is_bounded` tells whether tokens are all that is asked for, and limited.

    `context_tokens` are the most that the model takes, prompt and answer together; None where that is not known.

    Raises: UsageError when the budget could not be held.
    """
    price = read_option("--price", lambda: parse_price(options.price) if options.price else _published(preset))
    budget = read_option("--budget", lambda: parse_budget(options.budget) if options.budget else None)
    own = [turn for each in own for turn in (each, *each.follow_ups)]
    output = _most([outputs.most, *map(_answer, own), *(each.output_tokens for each in trace)], outputs)
    prompt = _most([prompts.most, *map(_bytes, own), *(each.prompt_tokens for each in trace)], prompts)
    if not is_bounded:
        prompt = output = None
    if prompt is not None and output is not None:
        prompt = options.turns * (prompt + _TEMPLATE_TOKENS) + (options.turns - 1) * output
    if budget is not None and budget.unit == CREDITS and (price is None or price.unit != CREDITS):
        price = None
    cost = Cost(price, budget, prompt, output, options.turns, context_tokens)
    if budget is not None and budget.unit == USD and (price is None or price.unit != USD):
        raise UsageError("--budget: expected --price with it, in usd: no price is published for this target")
    if budget is not None and price is not None and cost.worst is None:
        raise UsageError("--budget: expected a largest length of prompts and answers with a price per token")
    if budget is not None and cost.worst is not None and cost.worst > budget.amount:
        raise UsageError(f"--budget: expected enough for one request, {cost.worst:g} {budget.unit}, got {budget}")
    return cost


def bill(cost: Cost, counts: Mapping[str, int], credits_seen: tuple[float, float] | None) -> dict[str, Any]:
    """What the run did cost, for summary.json; `credits_seen` are the most and the least that the target said is left.

    None is what nobody knows.
    """
    by_usage = None
    if cost.price is not None:
        by_usage = cost.price.cost(
            counts["billed_requests"], counts["billed_prompt_tokens"], counts["billed_output_tokens"]
        )
    return {
        "price": None
        if cost.price is None
        else {
            "unit": cost.price.unit,
            "per_request": cost.price.per_request,
            "per_prompt_token": cost.price.per_prompt_token,
            "per_output_token": cost.price.per_output_token,
            "source": cost.price.source,
        },
        "completions": counts["billed_requests"],
        "prompt_tokens": counts["billed_prompt_tokens"],
        "output_tokens": counts["billed_output_tokens"],
        "by_usage": None if by_usage is None else round(by_usage, 9),
        "credits_fell_by": None if credits_seen is None else round(credits_seen[0] - credits_seen[1], 9),
        "budget": None if cost.budget is None else {"amount": cost.budget.amount, "unit": cost.budget.unit},
        "out_of_budget": bool(counts["out_of_budget"]),
    }


def overspent(bill: Mapping[str, Any]) -> float | None:
    """What a run cost by its bill, in the unit of its budget, where that is more than the budget; None where it is not.

    None also where nobody knows, as with credits whose price nobody told.
    """
    budget = bill["budget"]
    if budget is None or budget["unit"] == REQUESTS or bill["by_usage"] is None:
        return None
    spent: float = bill["by_usage"]
    return spent if spent > budget["amount"] * (1 + _ROUNDING) else None


def _published(preset: Preset | None) -> Price | None:
    if preset is None or preset.price is None:
        return None
    published = preset.price
    return Price(
        USD, per_request=published.usd_per_completion, source=f"{published.source} of {published.date}, a mean"
    )


def _most(values: Sequence[int | None], lengths: Lengths) -> int | None:
    """The largest of those that are there; None when what the lengths draw has no largest."""
    return None if lengths.most is None else max(value for value in values if value is not None)


def _bytes(prompt: OwnPrompt) -> int:
    """No prompt has more tokens than bytes."""
    if prompt.prompt_tokens is not None:
        return prompt.prompt_tokens
    return len(orjson.dumps([prompt.messages, prompt.fields]))


def _answer(prompt: OwnPrompt) -> int | None:
    """The longest answer that is asked for; a recorded one has no more tokens than bytes."""
    if prompt.max_tokens is not None or prompt.answer is None:
        return prompt.max_tokens
    return len(prompt.answer.encode())
