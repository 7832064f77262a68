from __future__ import annotations

import argparse
import random
import statistics
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.load.workload.lengths import parse_lengths


def _draw(text: str, count: int = 5000) -> list[int]:
    lengths, chance = parse_lengths(text), random.Random(1)  # noqa: S311 -- repeatable on purpose
    return [lengths.draw(chance) for _ in range(count)]


@pytest.mark.parametrize("text", ["128", "uniform(1,9)", "lognormal(100,0.5)"])
def test_text__is_read_and_written_alike(text: str) -> None:
    """What is shown is what was asked."""
    assert str(parse_lengths(text)) == text


def test_constant__is_always_the_same() -> None:
    """And knows its most."""
    assert set(_draw("7", 10)) == {7}
    assert parse_lengths("7").most == 7


def test_uniform__has_both_ends_and_all_between() -> None:
    """As often as each other, within what chance allows."""
    drawn = _draw("uniform(3, 6)")
    assert set(drawn) == {3, 4, 5, 6}
    assert all(abs(drawn.count(value) - 1250) < 5 * 31 for value in (3, 4, 5, 6))
    assert parse_lengths("uniform(3,6)").most == 6


def test_lognormal__has_the_mean_and_the_variation() -> None:
    """Both are of the lengths, not of their logarithms."""
    drawn = _draw("lognormal(400,0.5)", 20_000)
    mean = statistics.fmean(drawn)
    assert abs(mean - 400) < 8
    assert abs(statistics.pstdev(drawn) / mean - 0.5) < 0.03
    assert parse_lengths("lognormal(400,0.5)").most is None


@given(mean=st.floats(1, 1e5), cv=st.floats(0, 5))
def test_lognormal__is_never_below_one(mean: float, cv: float) -> None:
    """A request has at least one token."""
    assert min(_draw(f"lognormal({mean!r},{cv!r})", 50)) >= 1


def test_file__is_drawn_from(tmp_path: Path) -> None:
    """Each line as likely."""
    path = tmp_path / "lengths"
    path.write_text("5\n5\n\n90\n", encoding="utf-8")
    drawn = _draw(f"file:{path}")
    assert set(drawn) == {5, 90}
    assert 1.7 < drawn.count(5) / drawn.count(90) < 2.3
    assert parse_lengths(f"file:{path}").most == 90


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0", "lengths of at least 1, got '0'"),
        ("1.5", "lengths of at least 1, got '1.5'"),
        ("normal(1,2)", "expected N, uniform"),
        ("uniform(5,4)", "with a not above b"),
        ("uniform(0,4)", "lengths of at least 1, got '0' in 'uniform"),
        ("lognormal(0.5,1)", "mean >= 1"),
        ("lognormal(10,-1)", "cv >= 0"),
        ("lognormal(1e308,1)", "mean >= 1 and cv >= 0, at most 10000000 and 1000"),
        ("lognormal(50,1e200)", "mean >= 1 and cv >= 0, at most 10000000 and 1000"),
        ("99999999999", "expected lengths of at most 10000000, got '99999999999'"),
        ("lognormal(10,inf)", "expected N, uniform"),
        ("file:/nowhere", "file:/nowhere: expected one length a line, got No such file"),
    ],
)
def test_nonsense__is_refused(text: str, said: str) -> None:
    """In one line that says what would be right."""
    with pytest.raises(argparse.ArgumentTypeError) as told:
        parse_lengths(text)
    assert said in str(told.value)


@pytest.mark.parametrize(("content", "said"), [("", "got an empty file"), ("5\nx\n", "got 'x' in 'file:")])
def test_wrong_file__is_told(tmp_path: Path, content: str, said: str) -> None:
    """With its name."""
    path = tmp_path / "lengths"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(argparse.ArgumentTypeError) as told:
        parse_lengths(f"file:{path}")
    assert said in str(told.value)
