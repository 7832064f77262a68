"""A value as it stands in a message."""

from __future__ import annotations

import pytest

from mixtral_contract.primitives.shown import shown


@pytest.mark.parametrize(
    ("value", "text"),
    [("a\nb", r"'a\nb'"), ({"a": 1}, "{'a': 1}"), ("x" * 78, f"'{'x' * 78}'"), ("x" * 79, f"'{'x' * 79}...")],
)
def test_value__is_cut_where_it_is_long(value: object, text: str) -> None:
    """At 80 characters, the quotation marks among them."""
    assert shown(value) == text


def test_limit__may_be_another() -> None:
    """As little as a line has room for."""
    assert shown("abcdef", 4) == "'abc..."
