"""What other tools call the figures of summary.json, and where theirs differ: figures of two tools compare by these.

Source: vllm bench serve (2026-08), guidellm 0.8.1, aiperf 0.13.0 and genai-perf, each read in its own code or
documentation. None: the tool has no such figure, or none was found.
"""

from __future__ import annotations

from collections.abc import Mapping

TOOLS = ("vllm", "guidellm", "aiperf", "genai-perf")

ALSO_CALLED: Mapping[str, Mapping[str, str | None]] = {
    "ttft_ms": {
        "vllm": "ttft; ends with the first event that has choices: one that only names the role counts, ours does not",
        "guidellm": "time_to_first_token_ms; starts with the first write of the request, by the wall clock",
        "aiperf": "time_to_first_token; role-only and usage-only events excluded, as here",
        "genai-perf": "time_to_first_token",
    },
    "icl_ms": {
        "vllm": "itl; each event taken for one token",
        "guidellm": None,
        "aiperf": "inter_chunk_latency",
        "genai-perf": None,
    },
    "itl_ms": {
        "vllm": None,
        "guidellm": None,
        "aiperf": None,
        "genai-perf": None,
    },
    "tpot_ms": {
        "vllm": "tpot",
        "guidellm": "inter_token_latency_ms; its time_per_output_token_ms has the first token in it",
        "aiperf": "inter_token_latency; a mean per request, divided by the tokens after the first event",
        "genai-perf": "inter_token_latency; a mean per request",
    },
    "e2e_ms": {
        "vllm": "e2el",
        "guidellm": "request_latency, in seconds",
        "aiperf": "request_latency; ends with the last content",
        "genai-perf": "request_latency",
    },
    "schedule_e2e_ms": {
        "vllm": None,
        "guidellm": None,
        "aiperf": "effective_latency",
        "genai-perf": None,
    },
    "stream_tokens_per_s": {
        "vllm": None,
        "guidellm": None,
        "aiperf": "output_token_throughput_per_user",
        "genai-perf": "output_token_throughput_per_user",
    },
    "output_tokens_per_s": {
        "vllm": "output_throughput; over the whole run, ramp and drain included",
        "guidellm": "output_tokens_per_second",
        "aiperf": "output_token_throughput; over the whole run",
        "genai-perf": "output_token_throughput",
    },
    "requests_per_s": {
        "vllm": "request_throughput; over the whole run, ramp and drain included",
        "guidellm": "requests_per_second",
        "aiperf": "request_throughput",
        "genai-perf": "request_throughput",
    },
    "slo.goodput_per_s": {
        "vllm": "request_goodput",
        "guidellm": None,
        "aiperf": "goodput",
        "genai-perf": "request_goodput",
    },
}
