"""What a user asked for and cannot have."""

from __future__ import annotations


class UsageError(ValueError):
    """The run cannot be made as asked; the message is one line that says what to change."""
