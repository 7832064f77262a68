from __future__ import annotations

from typing import Any

import pytest

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.suite.target.target import TargetError, choose, is_mock, running
from tests.support.scripted_server import serving

CONTRACT = Contract.load()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "azure"}, "--target: expected one of mock, segmind"),
        ({"base_url": "http://127.0.0.1:1", "no_key": True, "api_key_env": "X"}, "--no-key: expected no --api-key-env"),
        ({"no_key": True}, "--no-key: expected the address of another server"),
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
    assert target.dialects == ("segmind", "segmind-openai", "nvidia", "openai")
    assert target.keys.keys() == {"valid", "exhausted", "forbidden", "limited"}
    assert not target.paid


def test_local_server__needs_no_key() -> None:
    """The mock's key is sent, which any local server may ignore."""
    target = choose(CONTRACT, base_url="http://localhost:1", dialect="nvidia", model="m")
    assert (target.keys, target.model) == ({"valid": "mock-valid"}, "m")


def test_address_of_no_vendor__speaks_openai_without_a_key() -> None:
    """A gateway may ask for none; what was taken is said."""
    target = choose(CONTRACT, base_url="https://gateway.example.com/team/v1")
    assert (target.dialects, target.keys, target.paid) == (("openai",), {}, True)
    assert [note.partition(":")[0] for note in target.notes] == ["dialect", "key"]


def test_address_without_a_dialect__is_refused_where_nothing_tells() -> None:
    """A contract of vendors alone has nothing for any other server."""
    with pytest.raises(TargetError, match="expected --dialect with it"):
        choose(CONTRACT.only("nvidia"), base_url="http://127.0.0.1:1")


def test_no_key__sends_none_to_this_machine_either() -> None:
    """The mock's own key is sent only where nobody said not to."""
    assert choose(CONTRACT, base_url="http://127.0.0.1:1", no_key=True).keys == {}
    assert choose(CONTRACT, name="openrouter", no_key=True).keys == {}


def test_preset_of_a_server__has_its_usual_address() -> None:
    """It is free where the file says so, and asks for no key."""
    target = choose(CONTRACT, name="vllm")
    assert (target.base_url, target.keys, target.paid) == ("http://127.0.0.1:8000", {}, False)


@pytest.mark.parametrize(("name", "dialect"), [("nvidia", None), (None, "nvidia")])
def test_server_on_this_machine__may_bill_unless_it_is_free(
    monkeypatch: pytest.MonkeyPatch, name: str | None, dialect: str | None
) -> None:
    """A gateway may have a paid vendor behind it; the mock has none."""
    monkeypatch.setenv("NVIDIA_API_KEY", "k")
    for free in (False, True):
        assert choose(CONTRACT, base_url="http://127.0.0.1:1", name=name, dialect=dialect, free=free).paid is not free
    assert not choose(CONTRACT, base_url="http://127.0.0.1:1", name="mock").paid


def test_mock__is_known_by_its_control_api() -> None:
    """And no other server, whatever it answers there."""
    with running(choose(CONTRACT)) as mock:
        assert is_mock(mock.base_url or "")
    for answer in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 404 N\r\nContent-Length: 0\r\n\r\n",
        b"",
    ):
        with serving(answer) as script:
            assert not is_mock(script.url)
    assert not is_mock("http://127.0.0.1:1")
