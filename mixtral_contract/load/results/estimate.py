"""What a run may cost, before it starts: how many requests, and how much at most. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from mixtral_contract.load.costs.cost import Cost
from mixtral_contract.load.costs.pricing import Budget
from mixtral_contract.load.settings.settings import Settings


@dataclass(frozen=True, slots=True)
class Estimate:
    """About how many requests, None when answers decide that; what they cost at most, in the price's unit; in words."""

    requests: float | None
    at_most: float | None
    text: str


def estimate(settings: Settings, run_time_s: float | None) -> Estimate:
    """The estimate of a run that sends requests for so long; None is a run without a limit."""
    cost = settings.cost
    requests = _requests(settings, run_time_s)
    each = cost.worst_by_price
    at_most = None if requests is None or each is None else requests * each
    text = f"{_many(settings, requests)}, {_price(cost, each, at_most)}"
    if cost.budget is not None:
        text = f"{text}, and {_promise(cost, cost.budget)}"
    return Estimate(requests, at_most, text)


def _promise(cost: Cost, budget: Budget) -> str:
    """What the budget holds: without an if only where no answer can be dearer than was asked for."""
    if cost.is_exact and cost.worst is not None:
        return f"never more than {budget}"
    if cost.worst is None:
        return f"no request more once {budget} are spent, by what the target says is left"
    return f"never more than {budget} if answers keep max_tokens; a longer one is learned from, but may be beyond it"


def _requests(settings: Settings, run_time_s: float | None) -> float | None:
    """How many requests are due; None where a server's speed decides it, or a search's luck."""
    if settings.staging is not None:
        return settings.staging.requests
    if settings.trace:
        within_ns = None if run_time_s is None else run_time_s * 1e9
        return float(sum(within_ns is None or arrival.due_ns < within_ns for arrival in settings.trace))
    rate_per_s = settings.arrivals.rate_per_s
    return None if rate_per_s is None or run_time_s is None else rate_per_s * run_time_s


def _many(settings: Settings, requests: float | None) -> str:
    if requests is not None:
        return f"about {requests:.0f} requests"
    probe = None if settings.staging is None else settings.staging.requests_of_a_probe
    if probe is not None:
        return f"a search, as many requests as it takes: about {probe:.0f} in its first probe"
    return "as many requests as are answered"


def _price(cost: Cost, each: float | None, at_most: float | None) -> str:
    if cost.price is None or each is None:
        return "at a price that is not known"
    if at_most is None:
        return f"each at most {each:.3g} {cost.price.unit} (by {cost.price.source})"
    return f"at most about {at_most:.3g} {cost.price.unit} together (by {cost.price.source})"
