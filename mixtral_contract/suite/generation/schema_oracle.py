"""schemathesis as the oracle of schemas: whether an answer keeps what the contract says of its status and type.

And as the source of requests that nobody wrote down: near misses of the examples, its coverage cases, and what it draws
at random.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import time
from collections.abc import Iterator
from functools import cached_property
from itertools import zip_longest
from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.config import GenerationConfig
from schemathesis.core import NotSet
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation import GenerationMode

from mixtral_contract.contract.openapi import Contract, Operation
from mixtral_contract.suite.generation.near_misses import near_misses
from mixtral_contract.suite.http.exchange import Exchange

_SHOWN = 300
_BATCH = 5
"""How many random cases are drawn between two looks at the clock."""
_BOM = b"\xef\xbb\xbf"
_TAKEN_OFF = frozenset(("transfer-encoding", "content-encoding"))
"""Codings that the body no longer has."""


class Oracle:
    """The contract as schemathesis reads it."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract

    @cached_property
    def _schema(self) -> Any:
        return schemathesis.openapi.from_dict(dict(self._contract.document))

    def bodies(self, dialect: str, until_s: float) -> Iterator[bytes]:
        """Bodies that keep the contract and bodies that do not, in the same order in every run, until the time is over.

        First the near misses of the documented examples, then the coverage cases (each bound, type and missing field in
        turn), then random ones. `until_s` is a time of the monotonic clock.
        """
        operation = self._contract.operations[dialect]
        for body in itertools.chain.from_iterable(map(near_misses, _bases(operation))):
            if time.monotonic() >= until_s:
                return
            yield json.dumps(body).encode()
        schema = self._schema[operation.template][operation.method]
        drawn = itertools.chain(self._coverage(schema), _random(schema, until_s))
        for case in drawn:
            if time.monotonic() >= until_s:
                return
            if case.method == operation.method and not isinstance(case.body, NotSet):
                yield case.body if isinstance(case.body, bytes) else json.dumps(case.body).encode()

    def _coverage(self, schema: Any) -> Iterator[Any]:
        modes = [GenerationMode.NEGATIVE, GenerationMode.POSITIVE]
        for cases in zip_longest(
            *(
                self._schema.iter_coverage_cases(
                    operation=schema, generation_modes=[mode], generation_config=GenerationConfig()
                )
                for mode in modes
            )
        ):
            yield from filter(None, cases)

    def departures(self, dialect: str, exchange: Exchange) -> list[str]:
        """What schemathesis has against the answer, a line each; empty when it keeps the schema."""
        operation = self._contract.operations[dialect]
        response = httpx.Response(
            exchange.status or 0,
            headers=[
                (name.encode("latin-1"), value.encode("latin-1"))
                for name, value in exchange.headers
                if name.lower() not in _TAKEN_OFF
            ],
            # a byte order mark has a clause of its own
            content=exchange.body.removeprefix(_BOM),
            request=httpx.Request(exchange.request.method, exchange.request.url),
        )
        response.elapsed = dt.timedelta(microseconds=(exchange.end_ns - exchange.sent_ns) / 1000)
        try:
            self._schema[operation.template][operation.method].validate_response(response)
        except Failure as failure:
            return [_line(failure)]
        except FailureGroup as group:
            return [_line(failure) for failure in group.exceptions]
        return []


def _bases(operation: Operation) -> list[Any]:
    """The documented examples, and the shortest request with its text as a part where that is admitted."""
    shortest = operation.minimal_request
    parts = [{**message, "content": [{"type": "text", "text": message["content"]}]} for message in shortest["messages"]]
    return [
        body
        for body in ({**shortest, "messages": parts}, *operation.examples.values())
        if operation.request.is_valid(body)
    ]


def _random(schema: Any, until_s: float) -> Iterator[Any]:
    """What schemathesis draws, in batches, the same in every run."""
    for number in itertools.count():
        if time.monotonic() >= until_s:
            return
        for mode in (GenerationMode.NEGATIVE, GenerationMode.POSITIVE):
            yield from _drawn(schema.as_strategy(generation_mode=mode), number)


def _drawn(strategy: st.SearchStrategy[Any], number: int) -> list[Any]:
    drawn: list[Any] = []

    @seed(number)
    @settings(
        max_examples=_BATCH,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def draw(case: Any) -> None:
        drawn.append(case)

    draw()
    return drawn


def _line(failure: Exception) -> str:
    return " ".join(str(failure).split())[:_SHOWN]
