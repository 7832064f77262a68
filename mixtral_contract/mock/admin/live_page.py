"""The live page at `/_mock/`: one HTML file that loads nothing from elsewhere."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from pathlib import Path

_PAGE = Path(__file__).with_name("live_page.html")
_INLINE = re.compile(rb"<(script|style)>(.*?)</\1>", re.DOTALL)


@functools.cache
def content() -> bytes:
    """The page."""
    return _PAGE.read_bytes()


@functools.cache
def headers() -> dict[str, str]:
    """Its media type, and a policy that lets run and apply what stands in it, and nothing else.

    Source: https://www.w3.org/TR/CSP3/
    """
    allowed = {"script": "", "style": ""}
    for kind, text in _INLINE.findall(content()):
        digest = base64.b64encode(hashlib.sha256(text).digest()).decode()
        allowed[kind.decode()] += f" 'sha256-{digest}'"
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src{allowed['script']}",
            f"style-src{allowed['style']}",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
    return {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": policy,
        "referrer-policy": "no-referrer",
    }
