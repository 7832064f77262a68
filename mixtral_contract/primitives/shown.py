"""A value as it stands in a message."""

from __future__ import annotations

from typing import Any

_MOST = 80


def shown(value: Any, most: int = _MOST) -> str:
    """The value as Python writes it, of at most so many characters; dots where it goes on."""
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}..."
