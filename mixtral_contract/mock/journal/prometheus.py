"""The metrics in the text format that Prometheus scrapes.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (version 0.0.4).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mixtral_contract.mock.journal.journal import ENDS, Journal
from mixtral_contract.mock.journal.metrics import Histogram, Metrics, ModelMetrics

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_REASONS = ("stop", "length", "abort")
_Labels = Mapping[str, str]
_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(frozen=True, slots=True)
class Load:
    """What one model is doing at this moment; `cache` is the share of the engine's room for tokens that is taken."""

    running: int = 0
    waiting: int = 0
    cache: float = 0.0


def exposition(metrics: Metrics, journal: Journal, loads: Mapping[str, Load]) -> bytes:
    """All series; `loads` names every model that there is."""
    return "".join((*_of_models(metrics, loads), *_of_mock(metrics, journal))).encode()


def _of_models(metrics: Metrics, loads: Mapping[str, Load]) -> Iterator[str]:
    models = {name: metrics.models.get(name, ModelMetrics()) for name in loads}
    labels = {name: {"engine": "0", "model_name": name} for name in loads}
    yield from _gauge(
        "vllm:num_requests_running",
        "Requests that have their turn.",
        ((labels[name], load.running) for name, load in loads.items()),
    )
    yield from _gauge(
        "vllm:num_requests_waiting",
        "Requests that wait for their turn.",
        ((labels[name], load.waiting) for name, load in loads.items()),
    )
    for series in ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"):  # its name now, and until 2025
        yield from _gauge(
            series,
            "Share of the KV cache in use, 1 is all; 0 where the pace has none.",
            ((labels[name], load.cache) for name, load in loads.items()),
        )
    yield from _counter(
        "vllm:prompt_tokens_total",
        "Prompt tokens of completions.",
        ((labels[name], model.prompt_tokens) for name, model in models.items()),
    )
    yield from _counter(
        "vllm:generation_tokens_total",
        "Tokens sent.",
        ((labels[name], model.generation_tokens) for name, model in models.items()),
    )
    yield from _counter(
        "vllm:request_success_total",
        "Completions by the reason for which they ended.",
        (
            (labels[name] | {"finished_reason": reason}, model.finished[reason])
            for name, model in models.items()
            for reason in sorted({*_REASONS, *model.finished})
        ),
    )
    for series, explanation, attribute in _HISTOGRAMS:
        yield from _histogram(
            series, explanation, ((labels[name], getattr(model, attribute)) for name, model in models.items())
        )


_HISTOGRAMS = (
    ("vllm:time_to_first_token_seconds", "From the request to its first token.", "first_token"),
    ("vllm:inter_token_latency_seconds", "From one token to the next.", "between_tokens"),
    ("vllm:time_per_output_token_seconds", "The older name of inter_token_latency_seconds.", "between_tokens"),
    ("vllm:request_time_per_output_token_seconds", "The mean gap between tokens, per request.", "per_token"),
    ("vllm:e2e_request_latency_seconds", "From the request to its last token.", "whole"),
    ("vllm:request_queue_time_seconds", "From the request to its turn.", "queue"),
)


def _of_mock(metrics: Metrics, journal: Journal) -> Iterator[str]:
    yield from _counter(
        "mock_requests_total",
        "Requests answered, by what they were answered with; condition is empty for completions.",
        (
            ({"dialect": dialect or "", "status": str(status or ""), "condition": condition or ""}, count)
            for (dialect, status, condition), count in metrics.count_by("dialect", "status", "condition").items()
        ),
    )
    ends = metrics.count_by("end")
    yield from _counter(
        "mock_ends_total", "Requests by how their answer ended.", (({"end": end}, ends[end]) for end in ENDS)
    )
    yield from _counter(
        "mock_incidents_total",
        "Incidents that were applied.",
        (({"name": name}, count) for name, count in metrics.count_by("incident").items() if name is not None),
    )
    yield from _histogram(
        "mock_send_lateness_seconds",
        "Per deadline: how much later the tokens due then had been handed to the socket.",
        (({}, metrics.lateness),),
    )
    yield from _gauge("mock_journal_requests", "Requests in the journal.", (({}, len(journal)),))
    yield from _gauge("mock_journal_bytes", "What the journal occupies, about.", (({}, journal.bytes),))


def _gauge(name: str, explanation: str, samples: Iterable[tuple[_Labels, float]]) -> Iterator[str]:
    return _plain(name, "gauge", explanation, samples)


def _counter(name: str, explanation: str, samples: Iterable[tuple[_Labels, float]]) -> Iterator[str]:
    return _plain(name, "counter", explanation, samples)


def _plain(name: str, kind: str, explanation: str, samples: Iterable[tuple[_Labels, float]]) -> Iterator[str]:
    yield _head(name, kind, explanation)
    for labels, value in samples:
        yield _sample(name, labels, value)


def _histogram(name: str, explanation: str, samples: Iterable[tuple[_Labels, Histogram]]) -> Iterator[str]:
    yield _head(name, "histogram", explanation)
    for labels, histogram in samples:
        for bound_ns, count in histogram.cumulative():
            bound = "+Inf" if bound_ns is None else repr(bound_ns / 1e9)
            yield _sample(f"{name}_bucket", {**labels, "le": bound}, count)
        yield _sample(f"{name}_sum", labels, histogram.sum_ns / 1e9)
        yield _sample(f"{name}_count", labels, histogram.count)


def _head(name: str, kind: str, explanation: str) -> str:
    return f"# HELP {name} {explanation}\n# TYPE {name} {kind}\n"


def _sample(name: str, labels: _Labels, value: float) -> str:
    inside = ",".join(f'{label}="{text.translate(_ESCAPED)}"' for label, text in labels.items())
    return f"{name}{{{inside}}} {value}\n" if inside else f"{name} {value}\n"
