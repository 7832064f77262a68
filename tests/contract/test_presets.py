"""Known targets, and what costs money."""

from __future__ import annotations

import dataclasses

import pytest

from mixtral_contract.contract.openapi import DOCUMENT, Contract
from mixtral_contract.contract.presets import is_paid, preset_at, presets, spoken_at
from mixtral_contract.primitives.base_url import BaseUrl

CONTRACT = Contract.load(DOCUMENT)
KNOWN = presets(CONTRACT)


@pytest.mark.parametrize("name", ["segmind", "segmind-openai", "nvidia", "openrouter"])
def test_vendors_host__is_paid(name: str) -> None:
    """Whatever the port or the path: the host decides."""
    url = KNOWN[name].base_url
    assert is_paid(BaseUrl.parse(url), KNOWN)
    assert is_paid(BaseUrl.parse(f"http://{BaseUrl.parse(url).host}:8080/proxy"), KNOWN)


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "127.0.0.1", "127.9.9.9", "[::1]", "10.1.2.3", "172.16.0.1", "192.168.1.7", "169.254.1.1"),
        *("100.64.0.1", "[fd00::1]", "[::ffff:10.0.0.1]", "mock", "gpu-7", "a.localhost", "printer.local"),
        "api.svc.cluster.local",
    ],
)
def test_private_address__is_free(host: str) -> None:
    """Our machine, private networks, and names that only exist in one."""
    assert not is_paid(BaseUrl.parse(f"http://{host}:8000"), KNOWN)


@pytest.mark.parametrize(
    "host",
    [
        *("api.example.com", "8.8.8.8", "[2606:4700::1111]", "[::ffff:8.8.8.8]", "134744072", "0x08080808"),
        *("localhost.example.com", "10.1.2.3.example.com", "172.32.0.1", "xlocal.com"),
    ],
)
def test_any_other_address__is_taken_for_paid(host: str) -> None:
    """Also what only looks like a private one."""
    assert is_paid(BaseUrl.parse(f"http://{host}"), KNOWN)


def test_preset_that_is_free__is_believed() -> None:
    """The file decides about the hosts that it knows."""
    free = {name: dataclasses.replace(preset, paid=False) for name, preset in KNOWN.items()}
    assert not is_paid(BaseUrl.parse(KNOWN["nvidia"].base_url), free)


def test_preset_at__tells_dialects_of_one_host_apart() -> None:
    """Segmind's host has two, of which one has a price."""
    target = BaseUrl.parse(KNOWN["segmind-openai"].base_url)
    assert preset_at(target, KNOWN, "segmind-openai") == KNOWN["segmind-openai"]
    assert preset_at(target, KNOWN, "segmind") == KNOWN["segmind"]
    assert preset_at(BaseUrl.parse("http://127.0.0.1"), KNOWN) is None


@pytest.mark.parametrize(("port", "name"), [(8000, "vllm"), (30000, "sglang"), (8080, "llama.cpp"), (4000, "litellm")])
def test_preset_at__tells_servers_of_one_machine_by_their_port(port: int, name: str) -> None:
    """A gateway there may cost money, the others do not."""
    found = preset_at(BaseUrl.parse(f"http://127.0.0.1:{port}"), KNOWN)
    assert found == KNOWN[name]
    assert is_paid(BaseUrl.parse(f"http://127.0.0.1:{port}"), KNOWN) == (name == "litellm")


@pytest.mark.parametrize(
    ("url", "dialect"),
    [
        ("https://integrate.api.nvidia.com", "nvidia"),
        ("https://api.segmind.com/v1", "segmind"),
        ("https://openrouter.ai/api/v1", "openai"),
        ("http://127.0.0.1:8000", "openai"),
        ("https://gateway.example.com/team/a", "openai"),
    ],
)
def test_spoken_at__is_the_vendors_dialect_or_that_of_any_server(url: str, dialect: str) -> None:
    """And a line says which and why."""
    operation, note = spoken_at(BaseUrl.parse(url), CONTRACT, KNOWN) or pytest.fail("nothing tells")
    assert operation.dialect == dialect
    assert note.startswith(f"dialect: {dialect}, ")


def test_spoken_at__tells_nothing_without_an_operation_for_any_server() -> None:
    """Then somebody has to say it."""
    vendors = CONTRACT.only("nvidia")
    assert spoken_at(BaseUrl.parse("http://127.0.0.1:1"), vendors, presets(vendors)) is None
