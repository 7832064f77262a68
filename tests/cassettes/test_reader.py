from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mixtral_contract.cassettes import writer
from mixtral_contract.cassettes.exchange import CUT, LEFT, Answer, Piece, Recorded, Request
from mixtral_contract.cassettes.reader import Cassette, CassetteError
from mixtral_contract.cassettes.writer import document, head

HEAD = head("https://upstream.example", "2026-11-23T08:00:00Z")
ASKED = Request("POST", "/v1/chat/completions", "", (("Content-Type", "application/json"),), b'{"messages":[],"n":1}')
SAID = Answer(200, (("Content-Type", "text/plain"),), 5_000_000, (Piece(6_000_000, b"hello"),), 7_000_000)
ONE = Recorded("2026-11-23T08:00:01.250Z", ASKED, SAID)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
AWKWARD = st.sampled_from(
    ["\r\n", "\x85", "\u2028", " \n", "\n\n", "---\n", "...\n", "\t", "\ufeff", "data: ", "é🐈", "\0"]
)
BYTES = st.binary(max_size=30) | st.lists(AWKWARD | st.text(max_size=8), max_size=6).map("".join).map(
    lambda text: text.encode("utf-8", "replace")
)


def _read(*recorded: Recorded) -> Cassette:
    return Cassette.parse(HEAD + b"".join(map(document, recorded)))


@given(pieces=st.lists(BYTES, max_size=6))
@example(pieces=["🐈".encode()[:2], "🐈".encode()[2:], b"data: x\n\n", b"", b" \n", b"---\n", "a\u2028b\n".encode()])
def test_pieces__come_back_byte_for_byte(pieces: list[bytes]) -> None:
    """However they are cut: amid a character, empty, or looking like a document's own marks."""
    said = replace(SAID, pieces=tuple(Piece(index * 1_000, piece) for index, piece in enumerate(pieces)))
    cassette = _read(replace(ONE, answer=said), ONE)
    assert [each.answer for each in cassette.exchanges] == [said, SAID]


@given(value=JSON)
def test_json_body__comes_back_as_its_value(value: object) -> None:
    """What YAML would take for a date, a number or a merge of mappings stays what it was."""
    body = json.dumps(value).encode()
    (read,) = _read(replace(ONE, request=replace(ASKED, body=body))).exchanges
    assert json.loads(read.request.body) == value


@pytest.mark.parametrize(
    "body", [b'{"a":1,"a":2}', b"[1e400]", b"[NaN]", b'"\\ud800"', b"not json\n", b"\xff\xfe", b"", b" {} "]
)
def test_body_that_yaml_would_change__comes_back_byte_for_byte(body: bytes) -> None:
    """A name twice, a number beyond all numbers, half a surrogate pair, no JSON, no text."""
    (read,) = _read(replace(ONE, request=replace(ASKED, body=body))).exchanges
    assert read.request.body.strip() == body.strip()


@given(cut=st.integers(min_value=len(HEAD), max_value=len(HEAD) + 3 * len(document(ONE))))
def test_torn_file__loses_the_last_exchange_at_most(cut: int) -> None:
    """Wherever a crash stops the writing, what was written before is read, and what is torn is said."""
    whole, rest = divmod(cut - len(HEAD), len(document(ONE)))
    cassette = Cassette.parse((HEAD + 3 * document(ONE))[:cut])
    # the line end of the last line is no loss
    is_whole = rest in (0, len(document(ONE)) - 1)
    assert cassette.exchanges == (ONE,) * (whole + (rest == len(document(ONE)) - 1))
    assert cassette.torn == (not is_whole)
    assert cassette.whole_bytes == (cut if is_whole else len(HEAD) + whole * len(document(ONE)))


@settings(derandomize=True, deadline=None, max_examples=300)
@given(
    edits=st.lists(
        st.tuples(st.integers(0, 2_000), st.integers(0, 12), st.binary(max_size=4) | AWKWARD.map(str.encode)),
        min_size=1,
        max_size=4,
    )
)
def test_mutilated_file__is_a_cassette_or_the_one_error(edits: list[tuple[int, int, bytes]]) -> None:
    """In one line, whichever bytes are others; what is still a cassette can be written again."""
    content = bytearray(HEAD + 2 * document(ONE))
    for at, length, other in edits:
        content[at : at + length] = other
    try:
        cassette = Cassette.parse(bytes(content))
    except CassetteError as error:
        assert "\n" not in str(error)  # noqa: PT017  either outcome is good
    else:
        assert _read(*cassette.exchanges).exchanges == cassette.exchanges


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "head: body: null is not of type"),
        (b"cassette: 2\nupstream: x\nrecorded: 2026-11-23T08:00:00Z\n", "head: cassette: 1 was expected"),
        (b"{", "head: expected YAML, got"),
        (b"cassette: !!bool maybe", "head: expected YAML, got a value that is none of its kind"),
        (b"\xff", "head: expected UTF-8, got something else at byte 0"),
        (HEAD + document(ONE).replace(b"200", b"99"), "exchange 1: answer.status: 99 is less than the minimum of 100"),
        (HEAD + b"---\nat: x\n" + document(ONE), "exchange 1: request: "),
        (HEAD + document(ONE).replace(b"text: hello", b"base64: abc"), "answer.pieces.0.base64: expected base64, got"),
        (
            HEAD + document(ONE).replace(b"  json:", b"  text: x\n  json:"),
            "expected one of json, text and base64",
        ),
        (HEAD + document(ONE).replace(b"text: hello", b"txt: hello"), "answer.pieces.0: Additional properties are not"),
        (HEAD + document(ONE).replace(b"text: hello", b"text: !!set {a}"), "exchange 1: expected what JSON knows, got"),
        (HEAD + document(ONE).replace(b"n: 1", b"n: .nan"), "exchange 1: request.json: expected a JSON value, got"),
    ],
)
def test_file_that_is_no_cassette__says_where_and_why(content: bytes, said: str) -> None:
    """The number of the exchange, the field, what is expected."""
    with pytest.raises(CassetteError) as caught:
        Cassette.parse(content, "tape.yaml")
    assert str(caught.value).startswith("tape.yaml: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file__says_so(tmp_path: Path) -> None:
    """One line, with the path."""
    with pytest.raises(CassetteError, match=r"nowhere\.yaml: expected a cassette, got No such file"):
        Cassette.load(tmp_path / "nowhere.yaml")


def test_date_without_quotes__is_read() -> None:
    """People write files too, and YAML would make it a date."""
    assert Cassette.parse(HEAD.replace(b"'", b"")).recorded == "2026-11-23T08:00:00Z"


def test_stream__is_readable_in_the_file() -> None:
    """Events stand there line by line, with their quotes as they are: a difference can be read."""
    event = 'data: {"choices":[{"delta":{"content":" chat é"}}]}\n\n'
    written = document(replace(ONE, answer=replace(SAID, pieces=(Piece(1, event.encode()),)))).decode()
    assert f"      {event}" in written


def test_find__meets_what_asks_the_same() -> None:
    """In any order of members, with any headers and any spelling of a number; true is not 1."""
    cassette = _read(ONE, replace(ONE, request=replace(ASKED, method="PUT")))

    def found(body: bytes) -> tuple[Recorded, ...]:
        return cassette.find(Request("POST", ASKED.path, "", (("X", "y"),), body))

    assert found(b'{ "n": 1.0, "messages": [] }') == (ONE,)
    assert found(b'{"n": true, "messages": []}') == ()
    assert found(b'{"n": 1}') == ()


def test_line_ends_that_only_yaml_knows__stand_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a block of text a reader would take them for the end of a line; libyaml sees to it, its stand-in not."""

    class StandIn(yaml.SafeDumper):
        yaml_representers = writer._Dumper.yaml_representers

    monkeypatch.setattr(writer, "_Dumper", StandIn)
    said = replace(SAID, pieces=(Piece(1, "a\x85b\u2028\nc".encode()),))
    assert b'text: "a\\Nb\\L\\nc"\n' in document(replace(ONE, answer=said))


def test_left_answer__is_whole_after_done() -> None:
    """A client that has its end may leave; what the upstream cut is cut."""
    endings = ((LEFT, b"[DONE]\n\n"), (LEFT, b"data: 1"), (CUT, b"[DONE]\n\n"))
    wholes = [replace(SAID, ending=ending, pieces=(Piece(1, last),)).is_whole for ending, last in endings]
    assert wholes == [True, False, False]
