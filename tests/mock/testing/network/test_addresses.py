"""Which addresses a test reaches."""

from __future__ import annotations

import pytest

from mixtral_contract.mock.testing.network.addresses import AllowList, normal_form, proxy_at


@pytest.mark.parametrize(
    ("host", "text"),
    [
        (None, ""),
        (b"Example.COM", "example.com"),
        ("example.com.", "example.com"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("0:0:0:0:0:0:0:1", "::1"),
    ],
)
def test_normal_form__is_one_for_all_spellings(host: object, text: str) -> None:
    """In small letters, without the last dot, addresses in their shortest form."""
    assert normal_form(host) == text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "app.localhost", "127.0.0.1", "::1", "0.0.0.0", None, ""])  # noqa: S104
def test_this_machine__is_always_reached(host: object) -> None:
    """Under every name that it has everywhere."""
    assert host in AllowList([])


@pytest.mark.parametrize("host", ["127.0.0.2", "192.0.2.1", "example.invalid", "localhost.example", "2130706433"])
def test_others__are_not(host: str) -> None:
    """Neither is another address of the loopback network."""
    assert host not in AllowList([])


def test_named_host__is_reached_at_the_addresses_that_it_was_found_at() -> None:
    """And nobody else at them before."""
    allowed = AllowList(["DB.example.invalid"], "my-machine")
    assert "192.0.2.1" not in allowed
    allowed.learn("other.invalid", ["192.0.2.7"])
    allowed.learn("db.example.invalid", ["192.0.2.1"])
    assert "192.0.2.1" in allowed
    assert "192.0.2.7" not in allowed
    assert "my-machine" in allowed


@pytest.mark.parametrize(
    ("proxy", "host", "port", "found"),
    [
        ("http://127.0.0.1:3128", "127.0.0.1", 3128, "http://127.0.0.1:3128"),
        ("http://user:secret@127.0.0.1:3128/", "127.0.0.1", 3128, "http://127.0.0.1:3128"),
        ("localhost:3128", "localhost", 3128, "http://localhost:3128"),
        ("http://localhost", "localhost", 80, "http://localhost:80"),
        ("http://127.0.0.1:3128", "127.0.0.1", 3129, None),
        ("http://[", "127.0.0.1", 3128, None),
    ],
)
def test_proxy__is_known_by_host_and_port(proxy: str, host: str, port: int, found: str | None) -> None:
    """With or without its scheme; who logs in to it is not repeated."""
    assert proxy_at([proxy], host, port) == found
