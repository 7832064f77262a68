"""FMT: a text that has to keep a form."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from mixtral_contract.suite.target import feature_requests
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.target.feature_requests import PARAMETERS, user
from mixtral_contract.suite.verdicts.verdict import require

_TASK = "Where is it warmer, in Paris or in Rome? Answer in JSON with city and unit."
_SCHEMA = {"type": "json_schema", "json_schema": {"name": "place", "strict": True, "schema": PARAMETERS}}


def _formed(endpoint: Endpoint, form: Any) -> tuple[Any, Any]:
    body = feature_requests.repeatable_body(endpoint, messages=user(_TASK), response_format=form)
    exchange = feature_requests.ask_for_feature(endpoint, body)
    return exchange, feature_requests.parsed(feature_requests.complete_text(exchange))


@pytest.mark.clause("FMT-01")
def test_json_object__is_one(endpoint: Endpoint) -> None:
    """Nothing before it, nothing after it."""
    exchange, value = _formed(endpoint, {"type": "json_object"})
    good = isinstance(value, dict)
    require(good, expected="a JSON object as text", got=repr(feature_requests.text(exchange)), exchange=exchange)


@pytest.mark.clause("FMT-02")
def test_json_of_a_schema__keeps_it(endpoint: Endpoint) -> None:
    """Required properties, an enumeration, and nothing more."""
    exchange, value = _formed(endpoint, _SCHEMA)
    good = value is not None and jsonschema_rs.is_valid(dict(PARAMETERS), value)
    require(good, expected="a text of the schema", got=repr(feature_requests.text(exchange)), exchange=exchange)


@pytest.mark.clause("FMT-03")
def test_unknown_form__is_refused(endpoint: Endpoint) -> None:
    """Where JSON can be asked for at all."""
    feature_requests.ask_for_feature(
        endpoint,
        feature_requests.repeatable_body(endpoint, messages=user(_TASK), response_format={"type": "json_object"}),
    )
    endpoint.refuse(endpoint.body(response_format={"type": "sonnet"}))
