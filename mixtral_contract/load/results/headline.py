"""The sentence that says what a run found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mixtral_contract.load.results.formatting import bounded, plus_minus
from mixtral_contract.load.units.numbers import number


def headline(summary: Mapping[str, Any]) -> str:
    """One or two sentences with the figures that most readers came for."""
    ok = summary["outcomes"]["ok"]
    failed = sum(error["count"] for error in summary["errors"])
    if not ok and not failed:
        return "No request was sent and ended in the measured part of the run."
    if not ok:
        kinds = ", ".join(f"{error['count']} {error['outcome']}" for error in summary["errors"])
        return f"No request succeeded: {kinds}."
    found = _streamed(summary) if summary["ttft_ms"]["n"] else _whole(summary)
    return f"{_load(summary)}: {found}. {_failures(failed, ok + failed)}"


def _load(summary: Mapping[str, Any]) -> str:
    users, offered = summary["run"]["users"], summary["offered_per_s"]
    if users is None:
        return f"{number(offered or 0)} requests/s on a schedule"
    return f"{users} {'user' if users == 1 else 'users'} at once"


def _streamed(summary: Mapping[str, Any]) -> str:
    first, rates = summary["ttft_ms"], summary["stream_tokens_per_s"]
    parts = [f"the first token came after {_median(first, plus_minus(summary, 'ttft_ms'))}"]
    rate = rates["mean"] if rates["p50"] is None else rates["p50"]
    if rate is not None:
        # a stream that comes at once has no rate: of most of them there has to be one
        where = "each stream" if 2 * rates["n"] >= first["n"] else f"{rates['n']} of {first['n']} streams"
        parts.append(f"then {number(rate)} tokens/s in {where}")
    return ", ".join(parts) + _total(summary)


def _whole(summary: Mapping[str, Any]) -> str:
    return f"a whole answer came after {_median(summary['e2e_ms'], plus_minus(summary, 'e2e_ms'))}" + _total(summary)


def _median(spread: Mapping[str, Any], error: str) -> str:
    if spread["p50"] is None:
        return f"{number(spread['mean'])} ms on average (too few for a median: {spread['n']})"
    median = f"{bounded(spread, 'p50')} ms{error} in the median"
    if spread["p95"] is not None:
        return f"{median} ({bounded(spread, 'p95')} ms at p95)"
    return f"{median} of {spread['n']}"


def _total(summary: Mapping[str, Any]) -> str:
    rate = summary["output_tokens_per_s"]
    return "" if rate is None else f", {number(rate)} output tokens/s in total"


def _failures(failed: int, total: int) -> str:
    if not failed:
        return f"None of {total} requests failed."
    return f"{failed} of {total} requests failed ({100 * failed / total:.1f} %)."
