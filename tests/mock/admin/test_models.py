from __future__ import annotations

import httpx
import pytest
from openai import OpenAI

from mixtral_contract.contract.openapi import Contract
from tests.mock.conftest import Start

KEY = {"Authorization": "Bearer mock-valid"}
HEALTH = ("/health", "/v1/health/live", "/v1/health/ready")


def test_models__are_the_contracts(server: str, contract: Contract) -> None:
    """Each once, in OpenAI's form; those of the operation that OpenAI's clients call come first."""
    listed = httpx.get(f"{server}/v1/models", headers=KEY).json()
    assert listed["object"] == "list"
    names = [model["id"] for model in listed["data"]]
    expected = {model.name for operation in contract.operations.values() for model in operation.models}
    assert sorted(names) == sorted(expected)
    assert names[0] == contract.operations["nvidia"].models[0].name
    for model in listed["data"]:
        assert model["object"] == "model"
        assert isinstance(model["created"], int)
        assert model["owned_by"] in ("mistralai", "segmind")


def test_one_model__is_found_by_its_name(server: str, contract: Contract) -> None:
    """Slash and all; another is not found, in the envelope of an OpenAI error."""
    for operation in contract.operations.values():
        name = operation.models[0].name
        assert httpx.get(f"{server}/v1/models/{name}", headers=KEY).json()["id"] == name
    missing = httpx.get(f"{server}/v1/models/gpt-9", headers=KEY)
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "model_not_found")


def test_models__want_a_key(server: str) -> None:
    """As OpenAI's do."""
    for headers, code in (({}, "missing_api_key"), ({"Authorization": "Bearer no"}, "invalid_api_key")):
        refused = httpx.get(f"{server}/v1/models", headers=headers)
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, code)
        assert "bearer" in refused.headers["www-authenticate"].lower()


def test_official_sdk__lists_the_models(server: str, contract: Contract) -> None:
    """And finds one."""
    with OpenAI(base_url=f"{server}/v1", api_key="mock-valid") as client:
        name = contract.operations["nvidia"].models[0].name
        assert client.models.list().data[0].id == name
        assert client.models.retrieve(name).id == name


@pytest.mark.parametrize("path", HEALTH)
def test_health__is_told_without_a_key(server: str, path: str) -> None:
    """As vLLM and a NIM container tell it."""
    answer = httpx.get(server + path)
    assert answer.status_code == 200
    assert answer.text == "" if path == "/health" else answer.json()["object"] == "health.response"
    assert httpx.head(server + path).status_code == 200


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/x", "/metrics", *HEALTH])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_other_methods__are_refused(server: str, path: str, method: str) -> None:
    """With those that are allowed."""
    refused = httpx.request(method, server + path, headers=KEY, json={})
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
    assert refused.json()["error"]


@pytest.mark.parametrize("path", ["/v1/modelsx", "/v1/health", "/metricsx", "/_mockery", "/v1/health/ready/"])
def test_paths_beside__are_unknown(server: str, path: str) -> None:
    """Only what is there is there; the refusal is the contract's."""
    refused = httpx.get(server + path, headers=KEY)
    assert refused.status_code == 404
    assert "expected one of /v1/" in refused.text


def test_what_is_beside_the_contract__is_neither_billed_nor_written_down(start: Start) -> None:
    """Probes and scrapes leave no trace among the requests."""
    address = start()
    for path in ("/v1/models", "/metrics", "/_mock/state", *HEALTH):
        assert httpx.get(address + path, headers=KEY).status_code == 200
    assert httpx.get(f"{address}/_mock/journal").json()["last_id"] == 0
