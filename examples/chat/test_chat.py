"""How to test an application without a key and without a network: `mixtral_api` answers at the vendors' own URLs.

It comes with pip install mixtral-contract; pytest finds it by itself.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from decimal import Decimal

import httpx
import pytest
from chat import ENDPOINTS, Chat, ChatError, main

from mixtral_contract.testing import MixtralApi


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    """The client that the application gets in production too."""
    with httpx.Client(timeout=5) as client:
        yield client


@pytest.fixture
def chat(http: httpx.Client, mixtral_api: MixtralApi) -> Chat:
    """A conversation with NVIDIA."""
    return Chat(ENDPOINTS["nvidia"], mixtral_api.key, http)


def test_answer__arrives_piece_by_piece(chat: Chat, mixtral_api: MixtralApi) -> None:
    """With the letters that the endpoint said, whatever their bytes."""
    mixtral_api.reply("Ein Kätzchen 🐈 geht in eine Bar.")
    pieces = list(chat.ask("tell me a joke on cats"))
    assert len(pieces) > 3
    assert "".join(pieces) == "Ein Kätzchen 🐈 geht in eine Bar."


def test_history__goes_with_every_question(chat: Chat, mixtral_api: MixtralApi) -> None:
    """As the endpoint remembers nothing."""
    mixtral_api.reply("here is a joke about cats...", "and one on dogs")
    list(chat.ask("tell me a joke on cats"))
    list(chat.ask("now a joke on dogs"))
    said = [(message["role"], message["content"]) for message in mixtral_api.requests[-1].messages]
    assert said == [
        ("user", "tell me a joke on cats"),
        ("assistant", "here is a joke about cats..."),
        ("user", "now a joke on dogs"),
    ]


def test_busy_endpoint__is_asked_again_when_it_says(chat: Chat, mixtral_api: MixtralApi) -> None:
    """429, then success, in one line."""
    mixtral_api.next("429", retry_after=1)
    assert "".join(chat.ask("tell me a joke on cats"))
    mixtral_api.assert_called(2)
    mixtral_api.assert_no_complaints()


def test_wait_that_is_too_long__is_an_error(chat: Chat, mixtral_api: MixtralApi) -> None:
    """Nobody stays at the terminal for an hour."""
    mixtral_api.next("429", retry_after=3600)
    with pytest.raises(ChatError, match="429"):
        list(chat.ask("hello"))
    mixtral_api.assert_called(1)


@pytest.mark.parametrize("incident", ["end", "cut", "error"])
def test_answer_that_breaks_off__is_an_error_and_no_memory(chat: Chat, mixtral_api: MixtralApi, incident: str) -> None:
    """A short answer and a lost one look the same to who does not look for the end."""
    mixtral_api.next(incident, after=3)
    with pytest.raises(ChatError):
        list(chat.ask("tell me a joke on cats"))
    assert chat.messages == []


@pytest.mark.mixtral(accounts=[{"key": "mine", "credits": "0.0010", "price_per_call": "0.0005"}])
def test_credits__are_kept(http: httpx.Client, mixtral_api: MixtralApi) -> None:
    """The header of each answer says how many are left; the next question is not asked below that."""
    chat = Chat(ENDPOINTS["segmind"], "mine", http, keep=Decimal("0.0005"))
    assert "".join(chat.ask("tell me a joke on cats"))
    assert chat.credits == Decimal("0.0005")
    with pytest.raises(ChatError, match="credits"):
        list(chat.ask("now a joke on dogs"))
    mixtral_api.assert_called(1)


@pytest.mark.mixtral(strict_keys=True)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_wrong_key__is_said(http: httpx.Client, mixtral_api: MixtralApi, endpoint: str) -> None:
    """In the endpoint's own words, after one attempt."""
    with pytest.raises(ChatError, match="401"):
        list(Chat(ENDPOINTS[endpoint], "wrong", http).ask("hello"))
    mixtral_api.assert_called(1)


def test_terminal__shows_answers_and_credits(
    mixtral_api: MixtralApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole program: the key is found in the environment, where the fixture has put one."""
    mixtral_api.reply("hello yourself")
    monkeypatch.setattr("sys.stdin", io.StringIO("hello\n"))
    assert main(["segmind"]) == 0
    assert capsys.readouterr().out == "> hello yourself\n[999999.9995 credits left]\n> \n"
