"""The transports of httpx where respx is not installed."""

from __future__ import annotations

from importlib.util import find_spec

import httpx
import pytest

from mixtral_contract.mock.testing import patched_transports
from mixtral_contract.mock.testing.mocks import MixtralApi
from mixtral_contract.mock.testing.network.guard import UnmockedError
from tests.support.api_requests import ask

with_and_without_loop = pytest.mark.parametrize("on_loop", [False, True], ids=["sync", "async"])


@pytest.fixture
def without_respx(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where it is not installed."""
    monkeypatch.setattr(patched_transports, "find_spec", lambda name: None if name == "respx" else find_spec(name))


@pytest.mark.usefixtures("without_respx")
@with_and_without_loop
def test_without_respx__httpx_is_answered_all_the_same(*, on_loop: bool) -> None:
    """At its transports; other hosts are refused, and afterwards the network is given back."""
    before = httpx.HTTPTransport.handle_request, httpx.AsyncHTTPTransport.handle_async_request
    with MixtralApi(allow_unmatched=True) as api:
        assert ask(httpx, on_loop=on_loop).status_code == 200
        with pytest.raises(UnmockedError, match=r"POST https://example\.com/: expected a host that is mocked"):
            ask(httpx, "https://example.com/", on_loop=on_loop)
        api.assert_called(1)
    assert before == (httpx.HTTPTransport.handle_request, httpx.AsyncHTTPTransport.handle_async_request)


@pytest.mark.usefixtures("without_respx")
def test_without_respx__its_router_says_what_to_install() -> None:
    """In one line."""
    with MixtralApi() as api, pytest.raises(ModuleNotFoundError, match="expected respx, got none: pip install respx"):
        api.router.get("https://weather.example/")
