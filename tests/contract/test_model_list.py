"""The models that a server names itself."""

from __future__ import annotations

import json
import socket

import pytest

from mixtral_contract.contract.model_list import ModelListError, ask, choose, find, names
from mixtral_contract.primitives.base_url import BaseUrl
from tests.support.scripted_server import serving

SERVER = BaseUrl.parse("http://127.0.0.1:8000/team/v1")
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
URL = "http://127.0.0.1:8000/team/v1/models"


def _list(*found: object) -> bytes:
    return json.dumps({"object": "list", "data": [{"id": name} for name in found]}).encode()


def test_names__are_each_once_in_their_order() -> None:
    """What is no name is left out."""
    assert names(URL, _list("b", "a", "b", None, 7, "")) == ["b", "a"]


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"data": {}}', b'{"data": []}', b'{"data": [1]}', b"null"]
)
def test_no_list__is_one_line(body: bytes) -> None:
    """With the address, and what helps."""
    with pytest.raises(ModelListError, match=r"expected a list of models at http\S+/models, got no "):
        names(URL, body)


def test_one_model__is_taken() -> None:
    """And said."""
    assert choose(SERVER, ["a"]) == ("a", f"model: a, the only one of {URL}")


def test_first_of_several__is_taken_and_named() -> None:
    """With the option that says another."""
    assert choose(SERVER, ["a", "b"]) == ("a", f"model: a, the first of 2 of {URL} (a, b); --model names another")


def test_many_models__have_to_be_chosen_from() -> None:
    """A gateway of hundreds means none of them."""
    with pytest.raises(
        ModelListError, match=r"expected one of the 300 models of \S+ \(m0, m1, m2, m3, m4, ...\), got none"
    ):
        choose(SERVER, [f"m{number}" for number in range(300)])


def test_no_server__is_one_line() -> None:
    """Nothing listens there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        server = BaseUrl.parse(f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(ModelListError, match=r"got no answer \(") as caught:
            ask(server, {})
    assert "\n" not in str(caught.value)


def test_server_without_a_list__is_asked_for_the_contracts_own_model() -> None:
    """Most stubs and many gateways have none; the line says why, and what names another."""
    answers = (
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
    )
    for answer in answers:
        with serving(answer) as script:
            name, note = find(BaseUrl.parse(script.url), {}, "mixtral")
        assert name == "mixtral"
        assert note.startswith(
            f"model: mixtral, the contract's own: expected a list of models at {script.url}/v1/models, got "
        )
        assert note.endswith("; --model names another")
