"""In process: what the mock adds to a client's call, over the same call with a transport that returns fixed bytes."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import httpx

from benchmarks.command import parser, progress, run
from benchmarks.results import Column, Results
from mixtral_contract.mock.testing.mocks import MixtralApi

_COLUMNS = (
    Column("µs per call", "per_call_us", ranged=True),
    Column("added, ms", "added_ms", "{:.3f}", ranged=True),
)
_FIXED, _MOCK = "fixed bytes", "mock"
_BATCH = 20
_MAX_TOKENS = 20


def main(arguments: list[str] | None = None) -> int:
    """Measures, prints the table and returns the exit status."""
    made = parser("in_process", __doc__ or "", seconds=0.5, rounds=10)
    return run(made.parse_args(arguments), _measure, ("client", "question", "answered by"), _COLUMNS)


def _measure(options: argparse.Namespace) -> Results:
    results = Results("in_process", vars(options))
    for number in range(options.rounds + 1):
        progress(f"round {number} of {options.rounds}")
        for library in _libraries():
            for question in ("same", "distinct", "streamed"):
                rows = _round(library, question, options.seconds)
                if number:  # round 0 warms up
                    for answered_by, row in rows.items():
                        results.add((library.__name__, question, answered_by), row)
    return results


def _libraries() -> list[ModuleType]:
    try:
        import httpx2  # noqa: PLC0415  there only where an SDK brought it
    except ImportError:
        return [httpx]
    return [httpx, httpx2]


def _round(library: ModuleType, question: str, seconds: float) -> dict[str, dict[str, Any]]:
    """One client with fixed bytes and one with the mock, in turns, so that both see the same machine."""
    with MixtralApi() as api, library.Client() as client:
        url, headers = api.urls["nvidia"], {"Authorization": f"Bearer {api.key}"}
        asked = iter(range(10**9))

        def call(asking: Any) -> Any:
            text = f"hello {next(asked)}" if question == "distinct" else "hello"
            body = {"messages": [{"role": "user", "content": text}], "max_tokens": _MAX_TOKENS}
            answer = asking.post(url, json=body | {"stream": question == "streamed"}, headers=headers)
            return answer.raise_for_status()

        answer = call(client)
        fixed = library.MockTransport(
            lambda _: library.Response(200, headers=answer.headers.raw, content=answer.content)
        )
        spent, calls = {_FIXED: 0.0, _MOCK: 0.0}, 0
        with library.Client(transport=fixed) as still:
            while min(spent.values()) < seconds / 2:
                spent[_FIXED] += _timed(lambda: call(still))
                spent[_MOCK] += _timed(lambda: call(client))
                calls += _BATCH
    per_call_us = {name: spent_s / calls * 1e6 for name, spent_s in spent.items()}
    added_ms = (per_call_us[_MOCK] - per_call_us[_FIXED]) / 1e3
    return {
        _FIXED: {"calls": calls, "per_call_us": per_call_us[_FIXED], "added_ms": None},
        _MOCK: {"calls": calls, "per_call_us": per_call_us[_MOCK], "added_ms": added_ms},
    }


def _timed(call: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    for _ in range(_BATCH):
        call()
    return time.perf_counter() - began_s


if __name__ == "__main__":
    sys.exit(main())
