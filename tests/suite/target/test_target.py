from __future__ import annotations

from typing import Any

import pytest

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.suite.target.target import TargetError, choose

CONTRACT = Contract.load()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "azure"}, "--target: expected one of mock, segmind"),
        ({"base_url": "http://127.0.0.1:1"}, "expected --dialect with it"),
        ({"base_url": "127.0.0.1:1", "dialect": "nvidia"}, "expected an http or https URL"),
        (
            {"base_url": "http://127.0.0.1:port", "dialect": "nvidia"},
            "expected an http or https URL, got one with an invalid host or port",
        ),
        ({"base_url": "http://127.0.0.1:1", "dialect": "azure"}, "--dialect: expected one of"),
        ({"name": "nvidia"}, "environment variable NVIDIA_API_KEY"),
        ({"name": "segmind"}, "environment variable SEGMIND_API_KEY"),
        ({"name": "nvidia", "api_key_env": "MY_KEY"}, "environment variable MY_KEY"),
        ({"base_url": "https://example.com", "dialect": "nvidia"}, "environment variable NVIDIA_API_KEY"),
    ],
)
def test_unusable_target__is_refused(monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], said: str) -> None:
    """In one line, before anything is sent."""
    for name in ("NVIDIA_API_KEY", "SEGMIND_API_KEY", "MY_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(TargetError, match=said) as caught:
        choose(CONTRACT, **options)
    assert "\n" not in str(caught.value)


def test_live_target__costs_money(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its address is the contract's, its key the environment's."""
    monkeypatch.setenv("NVIDIA_API_KEY", "k")
    target = choose(CONTRACT, name="nvidia")
    assert (target.base_url, target.keys, target.paid) == ("https://integrate.api.nvidia.com", {"valid": "k"}, True)
    assert target.dialects == ("nvidia",)


def test_mock__speaks_every_dialect() -> None:
    """And has a key for each role."""
    target = choose(CONTRACT)
    assert target.dialects == ("segmind", "segmind-openai", "nvidia")
    assert target.keys.keys() == {"valid", "exhausted", "forbidden", "limited"}
    assert not target.paid


def test_local_server__needs_no_key() -> None:
    """The mock's key is sent, which any local server may ignore."""
    target = choose(CONTRACT, base_url="http://localhost:1", dialect="nvidia", model="m")
    assert (target.keys, target.paid, target.model) == ({"valid": "mock-valid"}, False, "m")
