"""What a user asked for and cannot have."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class UsageError(ValueError):
    """The run cannot be made as asked; the message is one line that says what to change."""


def read_option(flag: str, read: Callable[[], T], *wrong: type[Exception]) -> T:
    """What `read` returns; what it finds `wrong`, and what argparse would report, becomes the user's.

    Raises: UsageError, with the option in front.
    """
    caught: tuple[type[Exception], ...] = (argparse.ArgumentTypeError, *wrong)
    try:
        return read()
    except caught as error:
        raise UsageError(f"{flag}: {error}") from None
