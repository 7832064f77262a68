"""The incidents that a test queues for the next calls, or sets for all of them."""

from __future__ import annotations

import re

import httpx
import pytest

from mixtral_contract.mock.testing.incident_queue import written
from mixtral_contract.mock.testing.mocks import MixtralApi
from tests.support.api_requests import ask


def _statuses(number: int) -> list[int]:
    return [ask(httpx).status_code for _ in range(number)]


def test_next__befalls_the_next_call_only() -> None:
    """Whatever it asks."""
    with MixtralApi() as api:
        api.next("503", retry_after=7)
        refused = ask(httpx)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "7")
        assert _statuses(2) == [200, 200]


def test_next__queues() -> None:
    """Sequences and single ones, in the order in which they were queued."""
    with MixtralApi() as api:
        api.next("429*2,ok")
        api.next("500")
        assert list(api.queued) == ["429", "429", "ok", "500"]
        assert _statuses(5) == [429, 429, 200, 500, 200]
        assert list(api.queued) == []


def test_next__comes_before_always() -> None:
    """A queued `ok` spares one call what befalls all others; `clear_incidents` ends it."""
    with MixtralApi() as api:
        api.always("503")
        api.next("ok")
        assert _statuses(3) == [200, 503, 503]
        api.next("429")
        api.clear_incidents()
        assert _statuses(1) == [200]


def test_always__takes_several() -> None:
    """Together, each with its arguments."""
    with MixtralApi() as api:
        api.always("content-type", value="text/html")
        api.always("content-length", off=-2)
        answer = ask(httpx)
        assert answer.headers["content-type"] == "text/html"
        assert not answer.content.endswith(b"}}")


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("stal", {}, "expected stall, got 'stal'"),
        ("stall", {"aftr": 3}, "stall: expected after= or ms= once, got 'aftr=3'"),
        ("429*2,ok", {"retry_after": 1}, "expected the name of one incident beside retry_after="),
        ("cut;rate=0.5", {}, "without rate and per"),
    ],
)
def test_unknown_incident__is_told(text: str, arguments: dict[str, object], message: str) -> None:
    """At once, in the line of the test, with nothing queued."""
    with MixtralApi() as api:
        with pytest.raises(ValueError, match=re.escape(message)):
            api.next(text, **arguments)
        assert list(api.queued) == []


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "stall"),
        ({"after": 3}, "stall(after=3)"),
        ({"ms": 2.5, "after": 0}, "stall(ms=2.5,after=0)"),
        ({"ms": 100.0}, "stall(ms=100)"),
    ],
)
def test_written__is_the_grammar(arguments: dict[str, object], text: str) -> None:
    """Numbers as people write them."""
    assert written("stall", arguments) == text
