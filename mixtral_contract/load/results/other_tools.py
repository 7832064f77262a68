"""What other tools call the figures of summary.json, and where theirs differ: figures of two tools compare by these.

Source: the code or the documentation of vllm bench serve (2026-08), guidellm 0.8.1, aiperf 0.13.0, genai-perf and
llmperf, each as far as it was read. None: the tool has no such figure, or none was found.
"""

from __future__ import annotations

from collections.abc import Mapping

TOOLS = ("vllm", "guidellm", "aiperf", "genai-perf", "llmperf")

ALSO_CALLED: Mapping[str, Mapping[str, str | None]] = {
    "ttft_ms": {
        "vllm": "ttft; ends with the first event that has choices: one that only names the role counts, ours does not",
        "guidellm": "time_to_first_token_ms; from the first write of the request, by the wall clock",
        "aiperf": "time_to_first_token; role-only and usage-only events excluded, as here",
        "genai-perf": "time_to_first_token",
        "llmperf": "ttft_s; a new connection is in it",
    },
    "icl_ms": {
        "vllm": "itl; each event taken for one token",
        "guidellm": None,
        "aiperf": "inter_chunk_latency",
        "genai-perf": None,
        "llmperf": None,
    },
    "itl_ms": {
        "vllm": None,
        "guidellm": None,
        "aiperf": None,
        "genai-perf": None,
        "llmperf": None,
    },
    "tpot_ms": {
        "vllm": "tpot; (e2el - ttft) / (tokens - 1)",
        "guidellm": "inter_token_latency_ms; its time_per_output_token_ms has the first token in it",
        "aiperf": "inter_token_latency; a mean per request, as here",
        "genai-perf": "inter_token_latency; a mean per request, as here",
        "llmperf": None,
    },
    "e2e_ms": {
        "vllm": "e2el; ends with the last token, not with the last byte",
        "guidellm": "request_latency, in seconds",
        "aiperf": "request_latency; ends with the last content, not with the last byte",
        "genai-perf": "request_latency",
        "llmperf": "end_to_end_latency_s; its inter_token_latency_s is that divided by all tokens, the first included",
    },
    "schedule_e2e_ms": {
        "vllm": "e2el_including_client_queue; only the wait for --max-concurrency is added",
        "guidellm": "request_scheduled_latency, in seconds",
        "aiperf": "effective_latency",
        "genai-perf": None,
        "llmperf": None,
    },
    "dispatch_lag_ms": {
        "vllm": "client_queue_time; only the wait for --max-concurrency",
        "guidellm": "request_dispatch_delay, in seconds; a new connection is in it",
        "aiperf": None,
        "genai-perf": None,
        "llmperf": None,
    },
    "stream_tokens_per_s": {
        "vllm": None,
        "guidellm": None,
        "aiperf": "output_token_throughput_per_user",
        "genai-perf": "output_token_throughput_per_user; in older ones output_token_throughput_per_request",
        "llmperf": "request_output_throughput_token_per_s; over the whole request, ttft included",
    },
    "output_tokens_per_s": {
        "vllm": "output_throughput; over the whole run, ramp and drain included",
        "guidellm": "output_tokens_per_second",
        "aiperf": "output_token_throughput; over the whole run",
        "genai-perf": "output_token_throughput",
        "llmperf": "mean_output_throughput_token_per_s; over the whole run",
    },
    "requests_per_s": {
        "vllm": "request_throughput; over the whole run, ramp and drain included",
        "guidellm": "requests_per_second",
        "aiperf": "request_throughput",
        "genai-perf": "request_throughput",
        "llmperf": "num_completed_requests_per_min, per minute",
    },
    "error_share": {
        "vllm": "failed, a count",
        "guidellm": None,
        "aiperf": "request_error_rate, in percent",
        "genai-perf": None,
        "llmperf": "error_rate",
    },
    "slo.goodput_per_s": {
        "vllm": "request_goodput; a request of one token keeps every tpot",
        "guidellm": "goodput",
        "aiperf": "goodput",
        "genai-perf": "request_goodput",
        "llmperf": None,
    },
}
