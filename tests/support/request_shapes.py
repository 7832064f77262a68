"""What a field of a request has to look like, as another server checks it."""

from __future__ import annotations

from typing import Any


def is_number(value: Any) -> bool:
    """Whether it is a number that the server can count with."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**63


def no_constant(name: str) -> Any:
    """Refuses NaN and Infinity, which are no JSON."""
    raise ValueError(name)


def is_message(message: Any) -> bool:
    """Whether it is a message that the server takes."""
    if not isinstance(message, dict) or message.get("role") not in ("system", "user", "assistant"):
        return False
    content = message.get("content")
    if isinstance(content, list):
        return bool(content) and all(map(_is_part, content))
    return isinstance(content, str) and not any("\ud800" <= each <= "\udfff" for each in content)


def _is_part(part: Any) -> bool:
    if not isinstance(part, dict):
        return False
    if part.get("type") == "text":
        return isinstance(part.get("text"), str)
    url = part.get("image_url", {}).get("url") if isinstance(part.get("image_url"), dict) else None
    return part.get("type") == "image_url" and isinstance(url, str) and url.startswith(("http", "data:image/"))
