"""What is wrong in an answer as a whole, so that most of what can be asked of it fails at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mixtral_contract.suite.http.event_stream import DONE, Stream
from mixtral_contract.suite.http.exchange import Exchange

_OK = 200
_COMPLETE = "complete"
_MEDIA_TYPE = "text/event-stream"


def fault_of(exchange: Exchange) -> str | None:
    """The first of the contract's `FAULTS` that the answer has; None where it has none, or is a refusal."""
    if exchange.status != _OK:
        return None
    stream = Stream(exchange) if exchange.media_type == _MEDIA_TYPE else None
    return next((name for name, has in DETECTORS.items() if has(exchange, stream)), None)


def _is_stream_by_another_name(exchange: Exchange, stream: Stream | None) -> bool:
    return stream is None and exchange.body.lstrip().startswith((b"data:", b":", b"event:", b"id:"))


def _has_event_without_json(_: Exchange, stream: Stream | None) -> bool:
    return stream is not None and sum(payload != DONE for payload in stream.payloads) > len(stream.chunks)


def _is_error(exchange: Exchange, stream: Stream | None) -> bool:
    return stream is None and isinstance(exchange.json, dict) and "error" in exchange.json


def _has_error_event(_: Exchange, stream: Stream | None) -> bool:
    return stream is not None and any(chunk.get("error") for chunk in stream.chunks)


DETECTORS: Mapping[str, Callable[[Exchange, Stream | None], bool]] = {
    "cut answer": lambda exchange, stream: stream is None and exchange.ending != _COMPLETE,
    "cut stream": lambda exchange, stream: stream is not None and exchange.ending != _COMPLETE,
    "no event stream": _is_stream_by_another_name,
    "event without JSON": _has_event_without_json,
    "error in a 200": _is_error,
    "error in a stream": _has_error_event,
    "no finish_reason": lambda _, stream: stream is not None and not stream.finish_reasons,
    "no [DONE]": lambda _, stream: stream is not None and DONE not in stream.payloads,
}
"""How each of the contract's faults is seen, in their order; the stream is None where the answer is none."""
