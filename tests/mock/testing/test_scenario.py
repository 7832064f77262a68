"""What a test can set up, and what it can ask; over httpx in process, where the edge makes no difference."""

from __future__ import annotations

import datetime as dt
import os
import re
from decimal import Decimal
from typing import Any

import httpx
import pytest

from mixtral_contract.mock.testing.mocks import MixtralApi
from tests.support.api_requests import BEARER, MODEL, NVIDIA, SEGMIND, ask, body
from tests.support.repository import ROOT

EXAMPLES = ROOT / "mock_server"


def _say(text: str, url: str = NVIDIA, **fields: Any) -> str:
    answer = ask(httpx, url, json={"messages": [{"role": "user", "content": text}], **fields})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["choices"][0]["message"]["content"])


def _statuses(number: int) -> list[int]:
    return [ask(httpx).status_code for _ in range(number)]


# replies


def test_reply__is_said() -> None:
    """One text after the other, the last one from then on."""
    with MixtralApi() as api:
        api.reply("One.", "Two.")
        assert [_say("a"), _say("b"), _say("c")] == ["One.", "Two.", "Two."]


def test_reply__goes_by_condition() -> None:
    """A particular one before a general one, a newer one before an older; patterns keep their flags."""
    with MixtralApi() as api:
        api.reply("Sunny.", when="weather")
        api.reply("I do not know.")
        api.reply("Four.", when=re.compile(r"TWO .* two", re.IGNORECASE))
        api.reply("By Segmind.", dialect="segmind")
        api.reply("Cold.", temperature=0)
        assert _say("the weather?") == "Sunny."
        assert _say("two and two") == "Four."
        assert _say("else") == "I do not know."
        assert _say("else", temperature=0) == "Cold."
        answer = ask(httpx, SEGMIND, headers={"x-api-key": "mock-valid"})
        assert answer.json()["choices"][0]["message"]["content"] == "By Segmind."


def test_reply__goes_on_where_it_was() -> None:
    """Another one beside it does not let it begin anew."""
    with MixtralApi(allow_unused=True) as api:
        api.reply("One.", "Two.", "Three.")
        assert _say("a") == "One."
        api.reply("Sunny.", when="weather")
        assert _say("b") == "Two."


def test_unmatched_question__is_refused_and_told_at_the_end() -> None:
    """With the reason why the nearest reply was missed."""
    api = MixtralApi()
    api.reply("Sunny.", when="weather")
    with pytest.raises(AssertionError, match=r"404 no-fixture .* expected a text that contains 'weather'"), api:
        ask(httpx)


def test_unmatched_question__hides_no_other_failure() -> None:
    """What the test itself says comes first."""
    api = MixtralApi()
    api.reply("Sunny.", when="weather")
    with pytest.raises(KeyError), api:
        ask(httpx).json()["choices"]


def test_fixtures__come_after_replies() -> None:
    """Those of a file; a reply in code takes their place."""
    with MixtralApi(fixtures=EXAMPLES / "fixtures.yaml") as api:
        assert "computer" in _say("tell me a joke on cats")
        api.reply("Mine.", when="joke")
        assert _say("tell me a joke on cats") == "Mine."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"texts": ()}, "expected at least one text"),
        (
            {"texts": ("a",), "dialect": "nvdia"},
            "expected one of segmind, segmind-openai, nvidia, openai, any, got 'nvdia'",
        ),
    ],
)
def test_bad_reply__is_told(arguments: dict[str, Any], message: str) -> None:
    """At once."""
    with MixtralApi() as api, pytest.raises(ValueError, match=message):
        api.reply(*arguments.pop("texts"), **arguments)


# accounts, pace, environment


def test_accounts__are_those_given() -> None:
    """In code with the fields of the file; the first one's key is what SDKs find."""
    accounts = [
        {"key": "rich", "credits": 5},
        {"key": "poor", "credits": Decimal("0.0001")},
        {"key": "late", "valid_until": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)},
        {"key": "banned", "forbidden": True},
    ]
    with MixtralApi(accounts=accounts) as api:
        assert os.environ["NVIDIA_API_KEY"] == api.key == "rich"
        keys = ("rich", "poor", "late", "banned", "mock-valid")
        statuses = [ask(httpx, headers={"Authorization": f"Bearer {key}"}).status_code for key in keys]
    assert statuses == [200, 406, 401, 403, 401]


def test_accounts__come_from_a_file() -> None:
    """By its path."""
    with MixtralApi(accounts=str(EXAMPLES / "accounts.yaml")) as api:
        assert ask(httpx, headers={"Authorization": f"Bearer {api.key}"}).status_code == 200


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"accounts": [{"kee": "x"}]}, r"accounts\[0\]: expected a known field, such as key, got 'kee'"),
        ({"accounts": "none.yaml"}, "none.yaml"),
        ({"engine": "mixtral-9x9b"}, "mixtral-9x9b"),
        ({"engine": "mixtral-8x7b", "itl_ms": 1}, "expected neither ttft_ms nor itl_ms"),
        ({"ttft_ms": -1}, "ttft_ms: expected milliseconds, not negative, got -1"),
        ({"fixtures": "none.yaml"}, "none.yaml"),
    ],
)
def test_bad_option__is_told(options: dict[str, Any], message: str) -> None:
    """In one line, before anything begins."""
    with pytest.raises(ValueError, match=message):
        MixtralApi(**options)


def test_as_observed__behaves_as_seen() -> None:
    """NVIDIA answers a wrong key with 403."""
    with MixtralApi(as_observed=True, strict_keys=True):
        assert ask(httpx, headers={"Authorization": "Bearer wrong"}).status_code == 403


def test_environment__is_set_and_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was there before is there again, what was not is not."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with MixtralApi() as api:
        assert os.environ["OPENAI_API_KEY"] == "mock-valid"
        assert os.environ["OPENAI_BASE_URL"] == "https://integrate.api.nvidia.com/v1" == api.base_url
        assert api.environment().items() <= os.environ.items()
    assert os.environ["OPENAI_API_KEY"] == "sk-mine"
    assert "OPENAI_BASE_URL" not in os.environ


# what was asked


def test_requests__are_typed() -> None:
    """What was sent and what became of it, for refused ones too."""
    with MixtralApi() as api:
        api.next("429")
        ask(httpx, json=body(model=MODEL, temperature=0))
        ask(httpx, json=body(stream=True))
        refused, streamed = api.requests
    assert (refused.status, refused.condition, refused.incident) == (429, "rate-limited", "429")
    assert (refused.model, refused.prompt, refused.stream) == (MODEL, "tell me a joke on cats", False)
    assert refused.body is not None
    assert refused.body["temperature"] == 0
    assert (streamed.status, streamed.stream, streamed.finish_reason) == (200, True, "length")
    assert (streamed.completion_tokens, streamed.end) == (8, "complete")


@pytest.mark.parametrize(
    "content", [b"", b"no JSON", b"[1]", b'{"messages": 3}', b'{"messages": [7, {"role": "user"}]}']
)
def test_strange_body__is_recorded(content: bytes) -> None:
    """A test can still look at it."""
    with MixtralApi() as api:
        ask(httpx, json=None, content=content, headers={**BEARER, "content-type": "application/json"})
        (request,) = api.requests
    assert request.status == 400
    assert len(request.messages) <= 1
    assert str(request)


def test_assertions__hold() -> None:
    """For a client that does what is expected."""
    with MixtralApi() as api:
        api.assert_not_called()
        ask(httpx, json=body(model=MODEL, temperature=0))
        api.assert_called()
        api.assert_called(1)
        api.assert_called_once_with_model(MODEL)
        api.assert_called_with(temperature=0)
        api.assert_called_once_with(model=MODEL, temperature=0)
        api.assert_no_retry_storm()
        api.assert_no_complaints()
        api.assert_no_key_leaked()


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("assert_not_called", {}, "expected no request, got 2"),
        ("assert_called", {"times": 3}, "expected 3 requests, got 2"),
        ("assert_called_once_with_model", {"model": MODEL}, "expected one request, for the model"),
        ("assert_called_with", {"temperature": 1}, "expected a request with temperature=1, got 2 requests without"),
        ("assert_called_once_with", {"temperature": 0}, "expected one request, with temperature=0, got 2 requests"),
    ],
)
def test_failed_assertion__lists_what_was_asked(name: str, arguments: dict[str, Any], message: str) -> None:
    """Each request with its prompt and its answer."""
    with MixtralApi() as api:
        ask(httpx, json=body(model=MODEL, temperature=0))
        api.next("503")
        ask(httpx, json=body(model=MODEL, temperature=0))
        with pytest.raises(AssertionError, match=message) as failed:
            getattr(api, name)(**arguments)
    text = str(failed.value)
    assert text.count("tell me a joke on cats") == 2
    assert "→ 200 length, 8 tokens" in text
    assert "→ 503 failed, incident 503" in text


def test_failed_assertion__tells_a_missing_field_from_null() -> None:
    """Both read as None in Python."""
    with MixtralApi() as api:
        ask(httpx, json=body(stop=None))
        with pytest.raises(AssertionError) as failed:
            api.assert_called_with(stop=None, seed=None)
    assert str(failed.value).splitlines()[2:] == ["       stop=None", "       no seed"]


def test_retry_storm__is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five attempts at once, by a clock that stands still, where one was told to wait."""
    with MixtralApi() as api:
        monkeypatch.setattr(api.mock, "clock", lambda: 10**18)
        api.next("429*5")
        _statuses(5)
        with pytest.raises(AssertionError, match=r"expected no retry storm, got retry-storm: 5 attempts"):
            api.assert_no_retry_storm()


def test_refused_for_good__is_a_storm_when_asked_again_and_again() -> None:
    """A wrong key does not get better."""
    with MixtralApi(strict_keys=True) as api:
        for _ in range(4):
            ask(httpx, headers={"Authorization": "Bearer wrong"})
        with pytest.raises(AssertionError, match="final-retried"):
            api.assert_no_retry_storm()
        with pytest.raises(AssertionError, match="final-retried"):
            api.assert_no_complaints()


@pytest.mark.parametrize(
    ("url", "headers", "content", "message"),
    [
        (NVIDIA, {}, "the key is mock-valid", "in the body of POST /v1/chat/completions"),
        (f"{NVIDIA}?api_key=mock-valid", BEARER, "hello", "in the URL of POST /v1/chat/completions"),
        (NVIDIA, {"x-api-key": "mock-valid"}, "hello", "a key in x-api-key"),
    ],
)
def test_leaked_key__is_noticed_and_not_repeated(url: str, headers: dict[str, str], content: str, message: str) -> None:
    """In a body, in a URL, in another vendor's header."""
    with MixtralApi() as api:
        ask(httpx, url, headers=headers, json={"messages": [{"role": "user", "content": content}]})
        with pytest.raises(AssertionError, match=message) as failed:
            api.assert_no_key_leaked()
        assert "mock-valid" not in repr(api.requests)
    assert "mock-valid" not in str(failed.value)
