"""The metrics in the text format that Prometheus scrapes, written by its own client library.

Every scrape reads the counts that the mock keeps: requests are not slowed down by the library's own.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (version 0.0.4).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from mixtral_contract.mock.journal.journal import ENDS, Journal
from mixtral_contract.mock.journal.metrics import Histogram, Load, Metrics, ModelMetrics

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_REASONS = ("stop", "length", "abort")
_OF_MODEL = ("engine", "model_name")
_HISTOGRAMS = (
    ("vllm:time_to_first_token_seconds", "From the request to its first token.", "first_token"),
    ("vllm:inter_token_latency_seconds", "From one token to the next.", "between_tokens"),
    ("vllm:time_per_output_token_seconds", "The older name of inter_token_latency_seconds.", "between_tokens"),
    ("vllm:request_time_per_output_token_seconds", "The mean gap between tokens, per request.", "per_token"),
    ("vllm:e2e_request_latency_seconds", "From the request to its last token.", "whole"),
    ("vllm:request_queue_time_seconds", "From the request to its turn.", "queue"),
)


def exposition(metrics: Metrics, journal: Journal, loads: Mapping[str, Load]) -> bytes:
    """All series; `loads` names every model that there is."""
    return generate_latest(_Series(metrics, journal, loads))


class _Series(Collector):
    """The series of one mock as of now."""

    def __init__(self, metrics: Metrics, journal: Journal, loads: Mapping[str, Load]) -> None:
        self._metrics = metrics
        self._journal = journal
        self._loads = loads

    def collect(self) -> Iterator[Metric]:
        """Each metric with its samples."""
        yield from self._of_models()
        yield from self._of_mock()

    def _of_models(self) -> Iterator[Metric]:
        loads, measured = self._loads, self._metrics.models
        models = {("0", name): measured.get(name, ModelMetrics()) for name in loads}
        yield _gauge(
            "vllm:num_requests_running",
            "Requests that have their turn.",
            ((("0", name), load.running) for name, load in loads.items()),
        )
        yield _gauge(
            "vllm:num_requests_waiting",
            "Requests that wait for their turn.",
            ((("0", name), load.waiting) for name, load in loads.items()),
        )
        for series in ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"):  # its name now, and until 2025
            yield _gauge(
                series,
                "Share of the KV cache in use, 1 is all; 0 where the pace has none.",
                ((("0", name), load.cache) for name, load in loads.items()),
            )
        yield _counter(
            "vllm:prompt_tokens_total",
            "Prompt tokens of completions.",
            _OF_MODEL,
            ((labels, model.prompt_tokens) for labels, model in models.items()),
        )
        yield _counter(
            "vllm:generation_tokens_total",
            "Tokens sent.",
            _OF_MODEL,
            ((labels, model.generation_tokens) for labels, model in models.items()),
        )
        yield _counter(
            "vllm:request_success_total",
            "Completions by the reason for which they ended.",
            (*_OF_MODEL, "finished_reason"),
            (
                ((*labels, reason), model.finished[reason])
                for labels, model in models.items()
                for reason in sorted({*_REASONS, *model.finished})
            ),
        )
        for series, explanation, attribute in _HISTOGRAMS:
            samples = ((labels, getattr(model, attribute)) for labels, model in models.items())
            yield _histogram(series, explanation, _OF_MODEL, samples)

    def _of_mock(self) -> Iterator[Metric]:
        metrics, journal = self._metrics, self._journal
        yield _counter(
            "mock_requests_total",
            "Requests answered, by what they were answered with; condition is empty for completions.",
            ("dialect", "status", "condition"),
            (
                ((dialect or "", str(status or ""), condition or ""), count)
                for (dialect, status, condition), count in metrics.count_by("dialect", "status", "condition").items()
            ),
        )
        ends = metrics.count_by("end")
        yield _counter(
            "mock_ends_total", "Requests by how their answer ended.", ("end",), (((end,), ends[end]) for end in ENDS)
        )
        yield _counter(
            "mock_incidents_total",
            "Incidents that were applied.",
            ("name",),
            (((name,), count) for name, count in metrics.count_by("incident").items() if name is not None),
        )
        yield _histogram(
            "mock_send_lateness_seconds",
            "Per deadline: how much later the tokens due then had been handed to the socket.",
            (),
            (((), metrics.lateness),),
        )
        yield GaugeMetricFamily("mock_journal_requests", "Requests in the journal.", len(journal))
        yield GaugeMetricFamily("mock_journal_bytes", "What the journal occupies, about.", journal.bytes)


def _gauge(name: str, explanation: str, samples: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    family = GaugeMetricFamily(name, explanation, labels=_OF_MODEL)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def _counter(
    name: str, explanation: str, names: tuple[str, ...], samples: Iterable[tuple[tuple[str, ...], float]]
) -> Metric:
    family = CounterMetricFamily(name, explanation, labels=names)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def _histogram(
    name: str, explanation: str, names: tuple[str, ...], samples: Iterable[tuple[tuple[str, ...], Histogram]]
) -> Metric:
    family = HistogramMetricFamily(name, explanation, labels=names)
    for labels, histogram in samples:
        buckets = [
            ("+Inf" if bound_ns is None else repr(bound_ns / 1e9), float(count))
            for bound_ns, count in histogram.cumulative()
        ]
        family.add_metric(labels, buckets, sum_value=histogram.sum_ns / 1e9)
    return family
