"""Which names are those of one model."""

from __future__ import annotations

import pytest

from mixtral_contract.suite.verdicts.model_names import is_named, is_snapshot


@pytest.mark.parametrize("found", ["gpt-4o-2024-08-06", "gpt-4o-20240806", "gpt-4o-0613", "gpt-4o-2404"])
def test_date_after_the_alias__is_a_snapshot_of_it(found: str) -> None:
    """As OpenAI, Anthropic and Mistral write it."""
    assert is_snapshot(found, "gpt-4o")
    assert is_named(found, "gpt-4o")


@pytest.mark.parametrize("found", ["gpt-4o-mini", "gpt-4o-mini-2024-07-18", "gpt-4", "gpt-4o-", "gpt-4o-9999", None, 7])
def test_other_name__is_none(found: object) -> None:
    """Another model that begins alike, and what is no name."""
    assert not is_named(found, "gpt-4o")


def test_name_itself__is_no_snapshot() -> None:
    """It is what was asked for."""
    assert is_named("gpt-4o", "gpt-4o")
    assert not is_snapshot("gpt-4o", "gpt-4o")
