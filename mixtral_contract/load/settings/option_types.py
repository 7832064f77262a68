"""What the values of options are read by: a text in, a value out, or what was expected instead."""

from __future__ import annotations

import argparse
import math


def at_least_one(text: str) -> int:
    """The whole number that the text is.

    Raises: ArgumentTypeError when it is none, or below 1.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def not_negative(text: str) -> int:
    """The whole number that the text is.

    Raises: ArgumentTypeError when it is none, or below 0.
    """
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 0, got {text!r}")
    return int(text)


def percent(text: str) -> float:
    """The share that the text is, as `5%` or `0.05`.

    Raises: ArgumentTypeError for anything else, or what is not from 0 to 1.
    """
    number = text.removesuffix("%")
    try:
        value = float(number) / (100 if number != text else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"expected a share such as 5% or 0.05, got {text!r}")
    return value


def positive(text: str) -> float:
    """The number above 0 that the text is.

    Raises: ArgumentTypeError for anything else.
    """
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return value


def share(text: str) -> float:
    """The number from 0 to 1 that the text is.

    Raises: ArgumentTypeError for anything else.
    """
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1, got {text!r}")
    return value


def yes_or_no(text: str) -> bool | None:
    """What the text answers; None for no text, as a web page's form has it.

    Raises: ArgumentTypeError for another answer.
    """
    if text not in ("yes", "no", ""):
        raise argparse.ArgumentTypeError(f"expected yes or no, got {text!r}")
    return text == "yes" if text else None
