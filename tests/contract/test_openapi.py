from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from mixtral_contract.contract.openapi import DOCUMENT, Contract, ContractError


@pytest.fixture
def document() -> dict[str, Any]:
    """A copy of the contract, to be changed."""
    loaded = yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))
    return copy.deepcopy(dict(loaded))


def test_contract__has_four_dialects() -> None:
    """One operation per documented API, and the one that they call compatible."""
    assert list(Contract.load().operations) == ["segmind", "segmind-openai", "nvidia", "openai"]


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/v1/chat/completions", "nvidia"),
        ("/openai/v1/chat/completions", "openai"),
        ("/any/prefix/v1/chat/completions", "openai"),
    ],
)
def test_path_of_two_dialects__is_the_first_ones_and_below_any_prefix_the_others(path: str, dialect: str) -> None:
    """A server of all dialects has each of them somewhere."""
    assert Contract.load().at(path)["POST"].dialect == dialect


def test_contract_of_one_dialect__has_it_at_its_own_path() -> None:
    """And nothing else anywhere."""
    contract = Contract.load().only("openai")
    assert contract.at("/v1/chat/completions")["POST"].dialect == "openai"
    assert not contract.at("/v1/mixtral-8x22b-instruct")
    with pytest.raises(ContractError, match="expected one of segmind, segmind-openai, nvidia, openai, got 'azure'"):
        Contract.load().only("azure")


def test_empty_security_requirement__leaves_the_key_to_the_server() -> None:
    """As OpenAPI says it."""
    assert {name for name, each in Contract.load().operations.items() if each.is_key_optional} == {"openai"}


def test_every_documented_status__is_in_the_contract() -> None:
    """Segmind's pages name eleven statuses."""
    contract = Contract.load()
    wanted = {200, 400, 401, 403, 404, 405, 406, 429, 500, 502, 504}
    assert set(contract.operations["segmind"].responses) == wanted
    assert set(contract.operations["segmind-openai"].responses) == wanted
    assert wanted - {406} <= set(contract.operations["nvidia"].responses)


def test_defaults__are_the_documented_ones() -> None:
    """NVIDIA's page prints eight defaults."""
    assert Contract.load().operations["nvidia"].defaults == {
        "model": "mistralai/mixtral-8x22b-instruct-v0.1",
        "max_tokens": 1024,
        "stream": False,
        "temperature": 0.5,
        "top_p": 1,
        "frequency_penalty": 0,
        "presence_penalty": 0,
        "seed": 0,
    }


def test_8x22b_url__takes_both_credentials() -> None:
    """The two pages disagree, the contract admits both."""
    credentials = Contract.load().operations["segmind"].credentials
    assert [(credential.header, credential.scheme) for credential in credentials] == [
        ("x-api-key", None),
        ("authorization", "bearer"),
    ]


@pytest.mark.parametrize(
    ("value", "key"),
    [("Bearer k", "k"), ("bearer k", "k"), ("BEARER   k ", "k"), ("Basic k", None), ("Bearer", None), ("k", None)],
)
def test_bearer_header__gives_its_key(value: str, key: str | None) -> None:
    """A scheme is matched in any case."""
    assert Contract.load().operations["nvidia"].credentials[0].key(value) == key


def test_minimal_request__has_each_required_field(document: dict[str, Any]) -> None:
    """A field that becomes required is in the shortest request at once."""
    schema = document["components"]["schemas"]["NvidiaRequest"]
    schema["required"] = ["messages", "seed", "tenant"]
    schema["properties"]["tenant"] = {"type": "string"}
    operation = Contract(document).operations["nvidia"]
    assert operation.minimal_request.keys() == {"messages", "seed", "tenant"}
    assert operation.request.is_valid(operation.minimal_request)


def test_dropped_status__answers_no_condition(document: dict[str, Any]) -> None:
    """Without a documented 406 there is no refusal for missing credits."""
    del document["paths"]["/v1/mixtral-8x22b-instruct"]["post"]["responses"]["406"]
    assert Contract(document).operations["segmind"].response_for("no-credits") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "expected YAML"),
        ("paths: 2020-13-45", "expected YAML"),
        ("[]", "expected an OpenAPI document"),
        ("paths: {/x: {post: {}}}", "no 'x-dialect'"),
    ],
)
def test_bad_document__is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    """The message names the file and what is wrong."""
    path = tmp_path / "openapi.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ContractError, match=said) as caught:
        Contract.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_schema__is_refused_when_loaded(tmp_path: Path, document: dict[str, Any]) -> None:
    """Not at the first request."""
    document["components"]["schemas"]["Messages"]["minItems"] = "many"
    path = tmp_path / "openapi.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(ContractError, match="valid schemas"):
        Contract.load(path)


def test_missing_file__is_refused_in_one_line(tmp_path: Path) -> None:
    """The message says that there is no such file."""
    with pytest.raises(ContractError, match="No such file"):
        Contract.load(tmp_path / "none.yaml")
