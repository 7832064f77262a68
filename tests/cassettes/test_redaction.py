from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mixtral_contract.cassettes.exchange import REDACTED, Answer, Headers, Piece, Request
from mixtral_contract.cassettes.redaction import redacted, redacted_request

KEY = "nv-0123456789-abcdef"


def _request(*headers: tuple[str, str], query: str = "", body: bytes = b"") -> Request:
    return Request("POST", "/v1/chat/completions", query, headers, body)


def _answer(*pieces: bytes, headers: Headers = ()) -> Answer:
    return Answer(401, headers, 1, tuple(Piece(index, piece) for index, piece in enumerate(pieces, 1)), 99)


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("Authorization", f"Bearer {KEY}", f"Bearer {REDACTED}"),
        ("authorization", KEY, REDACTED),
        ("x-api-key", KEY, REDACTED),
        ("api-key", KEY, REDACTED),
        ("Proxy-Authorization", f"Basic {KEY}", f"Basic {REDACTED}"),
        ("Cookie", f"session={KEY}; theme=dark", REDACTED),
        ("X-Goog-Api-Key", KEY, REDACTED),
        ("x-trace", f"key={KEY}", f"key={KEY}"),
        ("content-type", "application/json", "application/json"),
    ],
)
def test_header_with_a_key__keeps_its_name(name: str, value: str, kept: str) -> None:
    """And the scheme; other headers stay, for nothing says that they hold a key."""
    assert redacted_request(_request((name, value))).headers == ((name, kept),)


def test_key_in_the_query__is_gone() -> None:
    """By the name of the parameter; and where an answer repeats it, decoded."""
    request, answer = redacted(_request(query="a=1&api_key=s%2Fecret-0&key=k123456"), _answer(b"s/ecret-0 k123456"))
    assert request.query == f"a=1&api_key={REDACTED}&key={REDACTED}"
    assert answer.body == f"{REDACTED} {REDACTED}".encode()


@pytest.mark.parametrize("name", ["api_key", "apiKey", "nvidia-api-key", "authorization", "password"])
def test_key_in_a_field_of_the_body__is_gone(name: str) -> None:
    """By the name of the field, and where an answer repeats it; names that only sound like it are none."""
    body = f'{{"{name}": "t\\u00e9am-secret", "user": "team", "prompt_cache_key": "by-team-1"}}'.encode()
    request, answer = redacted(_request(body=body), _answer("no téam-secret".encode()))
    assert "am-secret" not in request.body.decode()
    assert (b'"user": "team"' in request.body, b'"by-team-1"' in request.body) == (True, True)
    assert answer.body == f"no {REDACTED}".encode()


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b"[1]", b'{"api_key": 7}', b"\xff"])
def test_body_that_says_no_key__stays(body: bytes) -> None:
    """Whatever it is."""
    assert redacted_request(_request(body=body)).body == body


def test_set_cookie__is_redacted_and_limits_of_tokens_are_not() -> None:
    """A header of an answer that has the word token in its name is no key."""
    headers = (("Set-Cookie", "id=1"), ("x-ratelimit-limit-tokens", "5000"))
    _, answer = redacted(_request(), _answer(headers=headers))
    assert answer.headers == (("Set-Cookie", REDACTED), headers[1])


@given(cuts=st.lists(st.integers(0, 70), max_size=8), key=st.text("abcXYZ019-_.~/+=", min_size=6, max_size=20))
@example(cuts=[12, 14, 20], key=KEY)
def test_key_that_is_repeated__is_gone_however_it_is_cut(cuts: list[int], key: str) -> None:
    """Over any number of pieces; what stands around it stays, and so do the pieces and their times."""
    body = f'{{"error": "{key} is bad", "again": "{key}{key}"}}'.encode()
    bounds = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    pieces = [body[start:end] for start, end in pairwise(bounds)]
    before = _answer(*pieces)
    _, answer = redacted(_request(("authorization", f"Bearer {key}")), before)
    assert key.encode() not in answer.body
    assert answer.body == body.replace(key.encode(), REDACTED.encode())
    assert [piece.at_ns for piece in answer.pieces] == [piece.at_ns for piece in before.pieces]


def test_content_length__counts_what_is_left() -> None:
    """Else a replay would announce more than it has."""
    body = f"wrong key {KEY}".encode()
    _, answer = redacted(_request(("api-key", KEY)), _answer(body, headers=(("Content-Length", str(len(body))),)))
    assert answer.headers == (("Content-Length", str(len(answer.body))),)


def test_key_in_headers_and_body_of_the_exchange__is_gone() -> None:
    """A key that is sent in a prompt, or echoed in a header."""
    request, answer = redacted(
        _request(("api-key", KEY), ("x-copy", KEY), body=KEY.encode()), _answer(headers=(("x-echo", f"<{KEY}>"),))
    )
    assert request.headers[1] == ("x-copy", REDACTED)
    assert request.body == REDACTED.encode()
    assert answer.headers == (("x-echo", f"<{REDACTED}>"),)


@pytest.mark.parametrize("word", ["none", "x", "EMPTY"])
def test_word_that_is_sent_as_a_key__stays_in_texts(word: str) -> None:
    """Local servers are asked with such; `"tool_choice": "none"` is no secret."""
    request, answer = redacted(_request(("authorization", f"Bearer {word}")), _answer(word.encode()))
    assert request.headers == (("authorization", f"Bearer {REDACTED}"),)
    assert answer.body == word.encode()


def test_what_looks_like_a_vendors_key__is_gone() -> None:
    """Also when it was not sent as one; words that only begin so are left alone."""
    request = redacted_request(_request(body=b"nvapi-0123456789 sk-0123456789abcdef0 risk-assessment-of-the-year sk-1"))
    assert request.body == b"[key] [key] risk-assessment-of-the-year sk-1"
