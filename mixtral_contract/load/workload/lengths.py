"""Lengths in tokens as distributions: `128`, `uniform(a,b)`, `lognormal(mean,cv)` or `file:PATH`."""

from __future__ import annotations

import argparse
import math
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

MOST_TOKENS = 10_000_000
"""Nobody asks for more; and to write such a prompt would take the machine's memory."""

_MOST_CV = 1000.0

_CALL = re.compile(r"(uniform|lognormal)\(([^,()]+),([^,()]+)\)")
_FORMS = "N, uniform(a,b), lognormal(mean,cv) or file:PATH"


class Lengths(Protocol):
    """A distribution of whole numbers of at least 1."""

    def draw(self, chance: random.Random) -> int:
        """One length."""
        ...

    @property
    def most(self) -> int | None:
        """The largest length; None where none is the largest."""
        ...


@dataclass(frozen=True, slots=True)
class Constant:
    """Always the same length."""

    tokens: int

    @property
    def most(self) -> int:
        """That length."""
        return self.tokens

    def draw(self, chance: random.Random) -> int:  # noqa: ARG002 -- as the others
        """That length."""
        return self.tokens

    def __str__(self) -> str:
        return str(self.tokens)


@dataclass(frozen=True, slots=True)
class Uniform:
    """Every length from `low` to `high`, both included, as often."""

    low: int
    high: int

    @property
    def most(self) -> int:
        """The highest."""
        return self.high

    def draw(self, chance: random.Random) -> int:
        """One length."""
        return chance.randint(self.low, self.high)

    def __str__(self) -> str:
        return f"uniform({self.low},{self.high})"


@dataclass(frozen=True, slots=True)
class LogNormal:
    """Lengths whose logarithm is normal, by their mean and their coefficient of variation (deviation / mean)."""

    mean: float
    cv: float
    most: None = None

    def draw(self, chance: random.Random) -> int:
        """One length, rounded, at least 1."""
        variance = math.log(1 + self.cv**2)
        return max(1, round(chance.lognormvariate(math.log(self.mean) - variance / 2, math.sqrt(variance))))

    def __str__(self) -> str:
        return f"lognormal({self.mean:g},{self.cv:g})"


@dataclass(frozen=True, slots=True)
class Sampled:
    """Lengths drawn from those in a file, each line as likely."""

    path: Path
    tokens: Sequence[int]

    @property
    def most(self) -> int:
        """The largest in the file."""
        return max(self.tokens)

    def draw(self, chance: random.Random) -> int:
        """One of them."""
        return chance.choice(self.tokens)

    def __str__(self) -> str:
        return f"file:{self.path}"


def parse_lengths(text: str) -> Lengths:
    """The distribution that the text names.

    Raises: ArgumentTypeError for anything else, a length below 1, or a file that cannot be read.
    """
    if text.startswith("file:"):
        return _from_file(Path(text.removeprefix("file:")))
    call = _CALL.fullmatch(text.replace(" ", ""))
    if call is None:
        return Constant(_tokens(text, text))
    name, first, second = call.groups()
    if name == "uniform":
        low, high = _tokens(first, text), _tokens(second, text)
        if low > high:
            raise argparse.ArgumentTypeError(f"expected uniform(a,b) with a not above b, got {text!r}")
        return Uniform(low, high)
    mean, cv = _number(first, text), _number(second, text)
    if not (1 <= mean <= MOST_TOKENS and 0 <= cv <= _MOST_CV):
        raise argparse.ArgumentTypeError(
            f"expected lognormal(mean,cv) with mean >= 1 and cv >= 0, at most {MOST_TOKENS} and {_MOST_CV:g}, "
            f"got {text!r}"
        )
    return LogNormal(mean, cv)


def _from_file(path: Path) -> Sampled:
    try:
        lines = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "bytes that are no UTF-8"
        raise argparse.ArgumentTypeError(f"file:{path}: expected one length a line, got {reason}") from None
    if not lines:
        raise argparse.ArgumentTypeError(f"file:{path}: expected one length a line, got an empty file")
    return Sampled(path, tuple(_tokens(line, f"file:{path}") for line in lines))


def _tokens(number: str, text: str) -> int:
    if not (number.isascii() and number.isdecimal()) or int(number) < 1:
        shown = "" if number == text else f" in {text!r}"
        raise argparse.ArgumentTypeError(f"expected {_FORMS}, lengths of at least 1, got {number!r}{shown}")
    if int(number) > MOST_TOKENS:
        raise argparse.ArgumentTypeError(f"expected lengths of at most {MOST_TOKENS}, got {number[:20]!r}")
    return int(number)


def _number(number: str, text: str) -> float:
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"expected {_FORMS}, got {text!r}")
    return value
