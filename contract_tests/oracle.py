"""schemathesis as the oracle of schemas: whether an answer keeps what the contract says of its status and type."""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from typing import Any

import httpx
import schemathesis
from schemathesis.core.failures import Failure, FailureGroup

from contract_tests.exchange import Exchange
from spec.contract import Contract

_SHOWN = 300


class Oracle:
    """The contract as schemathesis reads it."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract

    @cached_property
    def _schema(self) -> Any:
        return schemathesis.openapi.from_dict(dict(self._contract.document))

    def departures(self, dialect: str, exchange: Exchange) -> list[str]:
        """What schemathesis has against the answer, a line each; empty when it keeps the schema."""
        operation = self._contract.operations[dialect]
        response = httpx.Response(
            exchange.status or 0,
            headers=[
                (name.encode("latin-1"), value.encode("latin-1"))
                for name, value in exchange.headers
                if name.lower() != "transfer-encoding"
            ],
            content=exchange.body,
            request=httpx.Request(exchange.request.method, exchange.request.url),
        )
        response.elapsed = dt.timedelta(microseconds=(exchange.end_ns - exchange.sent_ns) / 1000)
        try:
            self._schema[operation.path][operation.method].validate_response(response)
        except Failure as failure:
            return [_line(failure)]
        except FailureGroup as group:
            return [_line(failure) for failure in group.exceptions]
        return []


def _line(failure: Exception) -> str:
    return " ".join(str(failure).split())[:_SHOWN]
