"""What a test set up and nothing met fails it: a condition that is never asked for is a test that tests nothing."""

from __future__ import annotations

import httpx
import httpx2
import pytest

from mixtral_contract.mock.testing.mocks import MixtralApi, MixtralServer
from tests.support.api_requests import NVIDIA, ask

on_each = pytest.mark.parametrize("kind", [MixtralApi, MixtralServer])


@on_each
def test_reply_that_is_never_said__fails_the_test(kind: type[MixtralApi | MixtralServer]) -> None:
    """With how it was written, and what was asked instead."""
    mock = kind()
    mock.reply("Sunny.", when="weather")
    mock.reply("Hello.")
    with pytest.raises(AssertionError, match=r"reply\('Sunny\.', when='weather'\)") as failed, mock:
        ask(httpx, mock.urls["nvidia"])
    text = str(failed.value)
    assert "Hello." not in text
    assert "tell me a joke on cats" in text


def test_reply_that_was_said_once__is_used() -> None:
    """Not every text of it has to be."""
    with MixtralApi() as api:
        api.reply("One.", "Two.")
        ask(httpx)
        assert api.unused == []
        api.assert_all_used()


def test_reply_of_a_refused_call__was_not_said() -> None:
    """It waits for the next."""
    with MixtralApi(accounts=[{"key": "mock-valid", "requests_per_minute": 1}], allow_unused=True) as api:
        ask(httpx)
        api.reply("One.")
        assert ask(httpx).status_code == 429
        assert api.unused == ["reply('One.')"]


@on_each
def test_incidents_that_nothing_met__fail_the_test(kind: type[MixtralApi | MixtralServer]) -> None:
    """Queued ones one by one; those of every call when there was none."""
    mock = kind()
    mock.next("429*2,ok")
    with pytest.raises(AssertionError) as failed, mock:
        ask(httpx, mock.urls["nvidia"])
    assert str(failed.value).splitlines()[1:3] == ["  next('429')", "  next('ok')"]
    with pytest.raises(AssertionError, match=r"always\('crlf'\)"), kind() as mock:
        mock.always("crlf")


def test_cleared_incidents__are_not_missed() -> None:
    """Nor those of a test that says so."""
    with MixtralApi() as api:
        api.next("429")
        api.always("crlf")
        api.clear_incidents()
    with MixtralApi(allow_unused=True) as api:
        api.next("429")
        api.reply("Hello.")


def test_routes_that_nothing_met__fail_the_test() -> None:
    """As respx's own do."""
    api = MixtralApi()
    api.router.get("https://weather.example/")
    api.router.get("https://news.example/").respond(text="none")
    with pytest.raises(AssertionError, match=r"router: .*weather\.example") as failed, api:
        httpx2.get("https://news.example/")
    assert "news.example" not in str(failed.value)


def test_unused_setup__hides_no_other_failure() -> None:
    """What the test itself says comes first, and what was unmatched says why."""
    for error, url in ((KeyError, NVIDIA), (AssertionError, "https://api.segmind.com/v1/else")):
        api = MixtralApi()
        api.reply("Sunny.", when="weather")
        with pytest.raises(error, match=r"choices|unknown-url"), api:
            _ = ask(httpx, url).json()["choices"] if error is KeyError else ask(httpx, url)
