"""Whether an answer names the model that was asked for: by its name, or by that of a dated snapshot of it."""

from __future__ import annotations

import re

_DATE = re.compile(r"-(?:20\d{2}-?[01]\d-?[0-3]\d|[01]\d[0-3]\d|2\d[01]\d)")
"""As vendors write it: 2024-08-06, 20240806, 0613 (month and day), 2404 (year and month)."""


def is_snapshot(found: object, asked: str) -> bool:
    """Whether it is the name of a snapshot of that alias: `gpt-4o-2024-08-06` of `gpt-4o`."""
    return isinstance(found, str) and found.startswith(asked) and bool(_DATE.fullmatch(found.removeprefix(asked)))


def is_named(found: object, asked: str) -> bool:
    """Whether it is the name that was asked for, or that of a snapshot of it."""
    return found == asked or is_snapshot(found, asked)
