"""Streams of other kinds than the simplest: what goes wrong late, at a limit, at a stop sequence or beyond ASCII.

Where nobody counts completions the clauses that judge every stream judge these too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LONG = {"messages": [{"role": "user", "content": "Count from one to two hundred in words."}], "max_tokens": 160}
_WIDE = {"messages": [{"role": "user", "content": "Repeat exactly: \U0001f408 \u732b caf\u00e9"}], "max_tokens": 64}

FURTHER: Mapping[str, Mapping[str, Any]] = {
    "long stream": LONG,
    "stream ended by a stop sequence": {"stop": "e"},
    "stream that counts": {"stream_options": {"include_usage": True}},
    "stream beyond ASCII": _WIDE,
}
"""What is changed in the simplest request for a stream."""
