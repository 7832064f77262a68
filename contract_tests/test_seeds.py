"""RSP: what a seed decides."""

from __future__ import annotations

from typing import Any

import pytest

from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.target.limited_requests import repeatable
from mixtral_contract.suite.verdicts.completion_fields import text_of
from mixtral_contract.suite.verdicts.text_limits import LONGEST_TOKEN, ROOMY, require_same
from mixtral_contract.suite.verdicts.verdict import Unsupported, require


@pytest.mark.clause("RSP-15")
def test_same_seed__gets_the_same_text(endpoint: Endpoint) -> None:
    """Twice the same request at temperature 0."""
    body = repeatable(endpoint)
    first, second = endpoint.complete(body), endpoint.complete(body)
    require_same(text_of(first), text_of(second), second)


@pytest.mark.clause("RSP-33")
def test_seed__is_no_matter_of_temperature(endpoint: Endpoint) -> None:
    """Twice the same request at a high temperature; 0 is a seed like any other."""
    body = endpoint.body(**_hot(endpoint, 0))
    first, second = endpoint.complete(body), endpoint.complete(body)
    require_same(text_of(first), text_of(second), second)


@pytest.mark.clause("RSP-34")
def test_another_seed__gets_another_text(endpoint: Endpoint) -> None:
    """Three seeds at a high temperature, and not one text for all."""
    exchanges = [endpoint.complete(endpoint.body(**_hot(endpoint, seed))) for seed in (0, 1, 2)]
    texts = {text_of(exchange) for exchange in exchanges}
    if len(min(texts, key=len)) < LONGEST_TOKEN // 2:
        raise Unsupported(f"a text too short to differ: {min(texts, key=len)!r}", exchange=exchanges[-1])
    require(len(texts) > 1, expected="more than one text", got=f"three times {texts}"[:200], exchange=exchanges[-1])


def _hot(endpoint: Endpoint, seed: int) -> dict[str, Any]:
    """A task with many answers, at a high temperature; the highest is a bound, which has its own clause."""
    high = 0.9 * endpoint.operation.request.properties["temperature"].get("maximum", 1)
    task = [{"role": "user", "content": "Write a short poem about something that nobody has ever written about."}]
    return {"messages": task, "seed": seed, "temperature": high, "max_tokens": ROOMY}
