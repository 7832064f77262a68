"""Each request for OpenTelemetry, where Locust's --otel sends what it knows: the conventions' names for client figures.

Every request that ends is told, warm-up included: where they go, windows are cut anew. The conventions' time per
output chunk is not told: to note one value per event would cost more than to read the event.

Source: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/ (in development; as of 2026-11).
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Protocol

from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.reading.record import Record
from mixtral_contract.load.requests.encoder import fields
from mixtral_contract.load.requests.generator import ChatRequest
from mixtral_contract.load.settings.settings import Settings

NAME = "mixtral-load"
_SECONDS = tuple(0.01 * 2**power for power in range(14))
_TOKENS = tuple(4**power for power in range(14))
"""The bounds of buckets that the conventions recommend."""
_MS_PER_S = 1000

Attributes = Mapping[str, str | int]


class Histogram(Protocol):
    """What OpenTelemetry counts values in."""

    def record(self, amount: float, attributes: Attributes) -> None:
        """Counts a value."""


class Meter(Protocol):
    """What OpenTelemetry makes its instruments with."""

    def create_histogram(
        self, name: str, unit: str, description: str, *, explicit_bucket_boundaries_advisory: Sequence[float]
    ) -> Histogram:
        """A histogram; the same one again for the same name."""


class Telemetry:
    """Tells a meter of the requests of a run."""

    def __init__(self, meter: Meter, settings: Settings) -> None:
        def histogram(name: str, unit: str, description: str, bounds: Sequence[float]) -> Histogram:
            return meter.create_histogram(name, unit, description, explicit_bucket_boundaries_advisory=bounds)

        self._duration = histogram(
            "gen_ai.client.operation.duration", "s", "From sending to the last byte, or to the failure.", _SECONDS
        )
        self._first = histogram(
            "gen_ai.client.operation.time_to_first_chunk", "s", "From sending to the first content (ttft).", _SECONDS
        )
        self._tokens = histogram("gen_ai.client.token.usage", "{token}", "Tokens by the server's usage.", _TOKENS)
        self._about = _about(settings)

    def tell(self, record: Record) -> None:
        """Counts a request, unless it was cut off with the run."""
        if record.outcome is Outcome.UNFINISHED:
            return
        error = {"error.type": str(record.outcome)} if record.outcome.failed else {}
        self._duration.record(record.e2e_ms / _MS_PER_S, {**self._about, **error})
        if record.outcome.failed:
            return
        if record.ttft_ms is not None:
            self._first.record(record.ttft_ms / _MS_PER_S, self._about)
        for kind, tokens in (("input", record.prompt_tokens), ("output", record.usage_tokens)):
            if tokens is not None:
                self._tokens.record(tokens, {**self._about, "gen_ai.token.type": kind})


def telemetry(settings: Settings) -> Telemetry | None:
    """What tells OpenTelemetry of a run; None where its packages are missing, which Locust has said by then."""
    try:
        metrics = importlib.import_module("opentelemetry.metrics")
    except ImportError:
        return None
    return Telemetry(metrics.get_meter(NAME), settings)


def _about(settings: Settings) -> dict[str, str | int]:
    model = fields(settings, ChatRequest((), 0)).get("model")
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": settings.operation.dialect,
        **({} if model is None else {"gen_ai.request.model": model}),
        "server.address": settings.target.host,
        "server.port": settings.target.port,
    }
