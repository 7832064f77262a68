"""What clauses read of a stream; a part that is missing has clauses of its own, and is UNSUPPORTED here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mixtral_contract.suite.http.event_stream import Stream
from mixtral_contract.suite.verdicts.verdict import Unsupported


def chunks_of(stream: Stream) -> tuple[Mapping[str, Any], ...]:
    """The chunks of the stream.

    Raises: Unsupported when there is none.
    """
    if not stream.chunks:
        raise Unsupported("no chunk to look at", exchange=stream.exchange)
    return stream.chunks


def whole_text(body: Any) -> str:
    """The text of a whole completion, to compare a stream's with; `body` is its JSON, whatever that is.

    Raises: Unsupported when it has none.
    """
    try:
        text = body["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        text = None
    if not isinstance(text, str):
        raise Unsupported("no whole text to compare")
    return text
