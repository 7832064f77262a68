"""The loads of a sweep."""

from __future__ import annotations

import argparse

import pytest

from mixtral_contract.load.settings.sweep import Sweep, parse_sweep


@pytest.mark.parametrize(
    ("text", "loads", "is_open"),
    [
        ("1..64", (1, 2, 4, 8, 16, 32, 64), False),
        ("1..5", (1, 2, 4, 5), False),
        ("3..24", (3, 6, 12, 24), False),
        ("1,4,16", (1, 4, 16), False),
        ("7", (7,), False),
        ("rate:2..32", (2, 4, 8, 16, 32), True),
        ("rate:0.5,1.5", (0.5, 1.5), True),
    ],
)
def test_sweep__is_a_list_or_doubles(text: str, loads: tuple[float, ...], *, is_open: bool) -> None:
    """Both ends of a range are in it."""
    assert parse_sweep(text) == Sweep(loads, is_open)


@pytest.mark.parametrize(
    "text",
    ["", "x", "0..4", "1..", "4..1", "2..2", "4,2", "2,2", "1.5", "1.5..3", "rate:", "rate:nan", "users:1..4", "-1..4"],
)
def test_sweep__refuses_anything_else(text: str) -> None:
    """Users are whole, loads rise."""
    with pytest.raises(argparse.ArgumentTypeError, match="expected"):
        parse_sweep(text)
