"""Base URLs."""

from __future__ import annotations

import pytest

from mixtral_contract.primitives.base_url import BaseUrl


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000", ""),
        ("http://localhost:80/", "localhost", ""),
        ("https://api.example.com/prefix/", "api.example.com", "/prefix"),
        ("https://api.example.com:80", "api.example.com:80", ""),
        ("http://[::1]:8000", "[::1]:8000", ""),
    ],
)
def test_address__names_host_and_path(url: str, authority: str, path: str) -> None:
    """The Host header leaves out the scheme's own port."""
    address = BaseUrl.parse(url)
    assert (address.authority, address.path) == (authority, path)


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8000", "ftp://x", "http://", "http://x:port", "http://x:99999", "http://[::1", "http://x y"]
)
def test_address__refuses_what_is_no_url(url: str) -> None:
    """One kind of error, whatever is wrong."""
    with pytest.raises(ValueError, match="expected"):
        BaseUrl.parse(url)


@pytest.mark.parametrize("url", ["http://user:sesame@x", "http://sesame@x", "http://x/?key=sesame", "http://x/#sesame"])
def test_refused_address__does_not_repeat_what_may_be_a_secret(url: str) -> None:
    """A key in a URL does not reach the terminal through us."""
    with pytest.raises(ValueError, match="expected a") as refusal:
        BaseUrl.parse(url)
    assert "sesame" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1", True),
        ("http://127.9.9.9", True),
        ("http://[::1]", True),
        ("http://localhost", True),
        ("http://localhost.example.com", False),
        ("http://10.0.0.1", False),
    ],
)
def test_loopback__is_this_machine(url: str, *, loopback: bool) -> None:
    """Only there the mock's key is sent without being asked for."""
    assert BaseUrl.parse(url).is_loopback is loopback


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("http://h:1", "http://h:1/v1/chat/completions"),
        ("http://h:1/", "http://h:1/v1/chat/completions"),
        ("http://h:1/v1", "http://h:1/v1/chat/completions"),
        ("http://h:1/v1/", "http://h:1/v1/chat/completions"),
        ("http://h:1/gateway", "http://h:1/gateway/v1/chat/completions"),
        ("http://h:1/gateway/v1", "http://h:1/gateway/v1/chat/completions"),
    ],
)
def test_endpoint__is_joined_as_sdks_do(base: str, url: str) -> None:
    """A base that ends in /v1 is not doubled."""
    assert BaseUrl.parse(base).endpoint("/v1/chat/completions") == url
