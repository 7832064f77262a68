"""Text that somebody else wrote, as Markdown shows it."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


def plain(text: str, most: int | None = None) -> str:
    """The text in one line, as it stands, of at most so many characters: a label or an answer is anybody's."""
    line = " ".join(text.split())
    if most is not None and len(line) > most:
        line = f"{line[: most - 1]}…"
    return _SPECIAL.sub(r"\\\1", line)
