"""The figures of a load run: one row for each. Whatever counts, shows, limits or compares a figure reads it here.

Source of `also_called`: the code or the documentation of vllm bench serve (2026-08), guidellm 0.8.1, aiperf 0.13.0,
genai-perf and llmperf, each as far as it was read.
"""

from __future__ import annotations

from collections.abc import Sequence

from mixtral_contract.load.units.metric import Metric, Place, Source

SPREADS: Sequence[Metric] = (
    Metric(
        key="ttft_ms",
        label="Time to first token",
        unit="ms",
        definition="Time to first token: from the moment before the request is written to the first event with "
        "non-empty content. An event that only names the role, is empty or carries usage is no token. A new connection "
        "(TCP, TLS) is not in it, but in connect_ms. Of the ok requests sent in the window.",
        source=Source.VALUE,
        needs_stream=True,
        is_objective=True,
        bound="e2e_ms",
        shown=Place.TERMINAL
        | Place.TABLE
        | Place.CARD
        | Place.LIVE
        | Place.STAGES
        | Place.TIMELINE
        | Place.REQUESTS
        | Place.OVERLAY,
        compared=(50, 95),
        error="ttft_error_ms",
        also_called={
            "vllm": "ttft; ends with the first event that has choices: one that only names the role counts, "
            "ours does not",
            "guidellm": "time_to_first_token_ms; from the first write of the request, by the wall clock",
            "aiperf": "time_to_first_token; role-only and usage-only events excluded, as here",
            "genai-perf": "time_to_first_token",
            "llmperf": "ttft_s; a new connection is in it",
        },
    ),
    Metric(
        key="icl_ms",
        label="Inter-chunk latency",
        unit="ms",
        definition="Inter-chunk latency: the gap between neighbouring events with content in one stream. Events that "
        "one recv brought are 0 apart. One event may hold several tokens. Of the ok requests sent in the window.",
        source=Source.VALUES,
        needs_stream=True,
        shown=Place.TERMINAL | Place.TABLE | Place.CARD | Place.LIVE | Place.OVERLAY,
        compared=(50, 99),
        error="gap_error_ms",
        also_called={"vllm": "itl; each event taken for one token", "aiperf": "inter_chunk_latency"},
    ),
    Metric(
        key="itl_ms",
        label="Inter-token latency",
        unit="ms",
        definition="Inter-token latency: the gap between neighbouring content of one stream divided by its tokens, "
        "once per token; only where the server says with each event how many tokens there are so far. Else icl_ms is "
        "all there is.",
        source=Source.COUNTED,
        needs_stream=True,
        shown=Place.TERMINAL | Place.TABLE | Place.LIVE,
        also_called={},
    ),
    Metric(
        key="tpot_ms",
        label="Time per output token",
        unit="ms",
        definition="Time per output token: (last content - first content) / (completion_tokens - tokens of the first "
        "content) of one stream. The first content is taken for one token unless its event says how many it has. No "
        "value where one recv brought all content. Of the ok requests sent in the window.",
        source=Source.VALUE,
        needs_stream=True,
        is_objective=True,
        shown=Place.TERMINAL | Place.TABLE | Place.CARD | Place.LIVE | Place.STAGES | Place.REQUESTS | Place.OVERLAY,
        compared=(50, 95),
        also_called={
            "vllm": "tpot; (e2el - ttft) / (tokens - 1)",
            "guidellm": "inter_token_latency_ms; its time_per_output_token_ms has the first token in it",
            "aiperf": "inter_token_latency; a mean per request, as here",
            "genai-perf": "inter_token_latency; a mean per request, as here",
        },
    ),
    Metric(
        key="e2e_ms",
        label="End to end",
        unit="ms",
        definition="End to end: from the moment before the request is written to the last byte of its answer. Of the "
        "ok requests sent in the window.",
        source=Source.VALUE,
        is_objective=True,
        bound="e2e_ms",
        shown=Place.TERMINAL
        | Place.TABLE
        | Place.CARD
        | Place.LIVE
        | Place.STAGES
        | Place.TIMELINE
        | Place.REQUESTS
        | Place.OVERLAY,
        compared=(50, 95),
        # the end of an answer is read as its first token is
        error="ttft_error_ms",
        also_called={
            "vllm": "e2el; ends with the last token, not with the last byte",
            "guidellm": "request_latency, in seconds",
            "aiperf": "request_latency; ends with the last content, not with the last byte",
            "genai-perf": "request_latency",
            "llmperf": "end_to_end_latency_s; its inter_token_latency_s is that divided by all tokens, the first "
            "included",
        },
    ),
    Metric(
        key="stream_tokens_per_s",
        label="Rate of one stream",
        unit="tokens/s",
        definition="Rate of one stream after its first content: (completion_tokens - tokens of the first content) / "
        "(last content - first content). Its percentiles count from the slowest stream.",
        source=Source.VALUE,
        needs_stream=True,
        shown=Place.TERMINAL | Place.TABLE,
        also_called={
            "aiperf": "output_token_throughput_per_user",
            "genai-perf": "output_token_throughput_per_user; in older ones output_token_throughput_per_request",
            "llmperf": "request_output_throughput_token_per_s; over the whole request, ttft included",
        },
    ),
    Metric(
        key="schedule_ttft_ms",
        label="Time to first token, from the schedule",
        unit="ms",
        definition="As ttft_ms, but from the moment at which the schedule wanted the request: a request that left "
        "late, because the instrument or its connections were late, counts in full. Open loop only.",
        source=Source.VALUE,
        needs_stream=True,
        is_objective=True,
        bound="schedule_e2e_ms",
        shown=Place.TERMINAL | Place.TABLE | Place.LIVE,
        compared=(95,),
    ),
    Metric(
        key="schedule_e2e_ms",
        label="End to end, from the schedule",
        unit="ms",
        definition="As e2e_ms, from the moment at which the schedule wanted the request. Open loop only.",
        source=Source.VALUE,
        is_objective=True,
        bound="schedule_e2e_ms",
        shown=Place.TERMINAL | Place.TABLE | Place.LIVE | Place.OVERLAY,
        compared=(95,),
        also_called={
            "vllm": "e2el_including_client_queue; only the wait for --max-concurrency is added",
            "guidellm": "request_scheduled_latency, in seconds",
            "aiperf": "effective_latency",
        },
    ),
    Metric(
        key="dispatch_lag_ms",
        label="Dispatch lag",
        unit="ms",
        definition="From the moment at which the schedule wanted a request to the moment before it was written, "
        "less the time for a new connection (connect_ms): what the instrument adds. Open loop only.",
        source=Source.VALUE,
        shown=Place.TABLE,
        also_called={
            "vllm": "client_queue_time; only the wait for --max-concurrency",
            "guidellm": "request_dispatch_delay, in seconds; a new connection is in it",
        },
    ),
    Metric(
        key="connect_ms",
        label="Connect",
        unit="ms",
        definition="TCP connect, and TLS handshake where there is one, of the requests that needed a new connection.",
        source=Source.VALUE,
        shown=Place.TABLE,
    ),
    Metric(
        key="loop_lag_ms",
        label="Loop lag",
        unit="ms",
        definition="By how much the loop of the instrument came late, of ticks wanted every 10 ms in the window; "
        "a stall counts once for each tick that it swallowed.",
    ),
)
"""The figures of which the whole spread is kept."""

NUMBERS: Sequence[Metric] = (
    Metric(
        key="output_tokens_per_s",
        label="Output tokens",
        unit="/s",
        definition="Output tokens that arrived inside the window, whoever asked for them, divided by its "
        "length. Only tokens of requests that ended ok; usage's count is spread evenly over the events with content.",
        is_spread=False,
        shown=Place.CARD | Place.LIVE,
        compared=(0,),
        also_called={
            "vllm": "output_throughput; over the whole run, ramp and drain included",
            "guidellm": "output_tokens_per_second",
            "aiperf": "output_token_throughput; over the whole run",
            "genai-perf": "output_token_throughput",
            "llmperf": "mean_output_throughput_token_per_s; over the whole run",
        },
    ),
    Metric(
        key="requests_per_s",
        label="Completions",
        unit="/s",
        definition="Requests that ended ok inside the window, divided by its length.",
        is_spread=False,
        shown=Place.CARD,
        compared=(0,),
        also_called={
            "vllm": "request_throughput; over the whole run, ramp and drain included",
            "guidellm": "requests_per_second",
            "aiperf": "request_throughput",
            "genai-perf": "request_throughput",
            "llmperf": "num_completed_requests_per_min, per minute",
        },
    ),
    Metric(
        key="error_share",
        label="Failed",
        unit="%",
        definition="Failed requests divided by ok and failed ones, of those sent in the window; 429 is a failure.",
        is_spread=False,
        also_called={
            "vllm": "failed, a count",
            "aiperf": "request_error_rate, in percent",
            "llmperf": "error_rate",
        },
    ),
    Metric(
        key="slo.goodput_per_s",
        label="Goodput",
        unit="/s",
        definition=None,
        is_spread=False,
        also_called={
            "vllm": "request_goodput; a request of one token keeps every tpot",
            "guidellm": "goodput",
            "aiperf": "goodput",
            "genai-perf": "request_goodput",
        },
    ),
)
"""The figures that are one number."""

METRICS = (*SPREADS, *NUMBERS)


def spreads_in(place: Place) -> list[Metric]:
    """The figures with a spread that this place shows, in the order of the table."""
    return [metric for metric in SPREADS if metric.shown & place]


def keys_in(place: Place) -> tuple[str, ...]:
    """The keys of the same."""
    return tuple(metric.key for metric in spreads_in(place))


def streamed_names(conjunction: str) -> str:
    """The latencies that need a stream and that people look for first, in a sentence: `ttft, icl or tpot`."""
    *names, last = (metric.name for metric in spreads_in(Place.CARD) if metric.needs_stream)
    return f"{', '.join(names)} {conjunction} {last}"


def label_of(key: str) -> str:
    """What people call the figure.

    Raises: KeyError.
    """
    return _LABELS[key]


_LABELS = {metric.key: metric.label for metric in METRICS}
