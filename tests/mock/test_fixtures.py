from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mock_server.checks import Call
from mock_server.engine import Overload
from mock_server.fixture_file import FixtureError, FixtureFile, read
from mock_server.message import Reply
from mock_server.mock import build
from spec.contract import Contract
from tests.mock.asking import NOW_NS, SECOND_NS, message_of, request

EXAMPLE = Path(__file__).parents[2] / "examples" / "fixtures.yaml"


class Asked:
    """A mock with a file of fixtures, the file, and what it told."""

    def __init__(self, folder: Path, contract: Contract, document: Any) -> None:
        self.path = folder / "fixtures.yaml"
        self.contract = contract
        self.told: list[str] = []
        self.now_ns = NOW_NS
        self.write(document)
        self.file = FixtureFile(self.path, contract, self.told.append)
        self.service = build(contract, fixtures=self.file).service

    def write(self, document: Any) -> None:
        """Another version of the file, with a time of its own."""
        self.path.write_text(document if isinstance(document, str) else yaml.safe_dump(document), encoding="utf-8")
        self.now_ns += SECOND_NS
        os.utime(self.path, ns=(self.now_ns, self.now_ns))

    def reply(self, *messages: tuple[str, Any], dialect: str = "nvidia", **fields: Any) -> Reply:
        """The reply to a conversation of (role, content)."""
        conversation = [{"role": role, "content": content} for role, content in messages]
        body = {"messages": conversation, **fields}
        return self.service.answer(request(self.contract.operations[dialect], body), self.now_ns)

    def text(self, *messages: tuple[str, Any], **options: Any) -> str:
        """The text of the answer."""
        reply = self.reply(*messages, **options)
        assert reply.status == 200, message_of(reply)
        return str(reply.content["choices"][0]["message"]["content"])


def fixture(name: str = "one", *, says: Any = "Yes.", **when: Any) -> dict[str, Any]:
    """One fixture of a file, of the nvidia dialect."""
    return {"name": name, "when": {"dialect": "nvidia", **when}, "says": says}


def document(*fixtures: Mapping[str, Any], **options: Any) -> dict[str, Any]:
    """A file of fixtures."""
    return {"fixtures": list(fixtures), **options}


HELLO: dict[str, Any] = {"messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
def asked(tmp_path: Path, contract: Contract) -> Asked:
    """One fixture: hello is answered with yes."""
    return Asked(tmp_path, contract, document(fixture(**HELLO)))


def test_fixture__speaks_when_the_whole_conversation_is_met(asked: Asked) -> None:
    """Text, tokens and end are those of a real answer."""
    reply = asked.reply(("user", "hello"))
    assert reply.content["choices"][0] == {
        "index": 0,
        "message": {"role": "assistant", "content": "Yes."},
        "finish_reason": "stop",
    }
    assert reply.content["usage"]["completion_tokens"] == 2


def test_fixture__is_cut_by_max_tokens(asked: Asked) -> None:
    """A scripted reply keeps the limits of the request."""
    reply = asked.reply(("user", "hello"), max_tokens=1)
    assert reply.content["choices"][0]["message"]["content"] == "Yes"
    assert reply.content["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(
    ("messages", "options", "reason"),
    [
        ([("user", "hallo")], {}, "messages.0.content: expected 'hello', got 'hallo'"),
        ([("user", "hello there")], {}, "messages.0.content: expected 'hello', got 'hello there'"),
        ([("system", "hello")], {}, "messages.0.role: expected user, got system"),
        ([("user", "hello"), ("user", "you")], {}, "messages: expected 1 of them, got 2"),
        ([("user", "hello")], {"dialect": "segmind"}, "dialect: expected nvidia, got segmind"),
        (
            [
                (
                    "user",
                    [
                        {"type": "text", "text": "hello"},
                        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
                    ],
                )
            ],
            {},
            "messages.0: expected 0 images, got 1",
        ),
    ],
)
def test_miss__is_refused_with_the_reason(
    asked: Asked, messages: Sequence[tuple[str, Any]], options: Mapping[str, Any], reason: str
) -> None:
    """One thing otherwise is enough, and is named."""
    reply = asked.reply(*messages, **options)
    assert reply.status == 404
    assert message_of(reply) == f"no fixture for this request; nearest is 'one': {reason}"


def test_miss__names_the_nearest_fixture(tmp_path: Path, contract: Contract) -> None:
    """The one whose text comes nearest, not the first of the file."""
    texts = ("How many cats are there?", "What is the weather in Rome?", "What is the price of bread?")
    fixtures = [fixture(text, messages=[{"role": "user", "content": text}]) for text in texts]
    missed = Asked(tmp_path, contract, document(*fixtures)).reply(("user", "What is the weather in Oslo?"))
    assert "nearest is 'What is the weather in Rome?'" in message_of(missed)


def test_miss__names_fields_and_model(tmp_path: Path, contract: Contract) -> None:
    """What is wished of the request's fields is wished of their values."""
    asked = Asked(tmp_path, contract, document(fixture(model="other", fields={"seed": 3, "stop": None})))
    message = message_of(asked.reply(("user", "hello"), stop="x"))
    assert "model: expected other, got mistralai/mixtral-8x22b-instruct-v0.1" in message
    assert "seed: expected 3, got None; stop: expected None, got 'x'" in message


def test_no_fixtures_at_all__is_said(tmp_path: Path, contract: Contract) -> None:
    """An empty file refuses everything."""
    assert "there is none at all" in message_of(Asked(tmp_path, contract, document()).reply(("user", "hello")))


def test_unmatched_answer__falls_back_to_the_mocks_own(tmp_path: Path, contract: Contract) -> None:
    """The same answer as without fixtures."""
    asked = Asked(tmp_path, contract, document(fixture(**HELLO), unmatched="answer"))
    own = build(contract).service.answer(
        request(contract.operations["nvidia"], {"messages": [{"role": "user", "content": "cats"}]}), NOW_NS
    )
    assert asked.text(("user", "cats")) == own.content["choices"][0]["message"]["content"]
    assert asked.text(("user", "hello")) == "Yes."


def test_lines__are_said_one_per_call_and_the_last_for_ever(tmp_path: Path, contract: Contract) -> None:
    """Refused once with a wait, then two answers."""
    says = [{"status": 429, "retry_after_s": 7, "message": "not now"}, "First.", "Second."]
    asked = Asked(tmp_path, contract, document(fixture(says=says)))
    refused = asked.reply(("user", "a"))
    assert (refused.status, refused.headers["retry-after"], message_of(refused)) == (429, "7", "not now")
    assert [asked.text(("user", text)) for text in "bcd"] == ["First.", "Second.", "Second."]
    asked.file.reset()
    assert asked.reply(("user", "e")).status == 429


def test_refusal__is_not_billed(tmp_path: Path, contract: Contract) -> None:
    """Only a 200 is."""
    says = ["Yes.", {"status": 500}, "Yes."]
    asked = Asked(tmp_path, contract, document({**fixture(says=says), "when": {"dialect": "segmind"}}))
    replies = [asked.reply(("user", "a"), dialect="segmind") for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 500, 200]
    first, last = (float(replies[index].headers["x-remaining-credits"]) for index in (0, 2))
    assert first - last == pytest.approx(0.0005)


def test_turns__follow_the_conversation(tmp_path: Path, contract: Contract) -> None:
    """Turn k says line k, to a conversation that holds the lines before, and to no other."""
    script = {**fixture(messages=[{"role": "user", "content": {"contains": "table"}}]), "turns": ["How many?", "When?"]}
    del script["says"]
    asked = Asked(tmp_path, contract, document(script))
    opening = ("user", "a table please")
    assert asked.text(opening) == "How many?"
    assert asked.text(opening, ("assistant", "How many?"), ("user", "two")) == "When?"
    other = asked.reply(opening, ("assistant", "Why?"), ("user", "two"))
    assert message_of(other).endswith("messages.1.content: expected 'How many?', got 'Why?'")
    further = [opening, ("assistant", "How many?"), ("user", "two"), ("assistant", "When?"), ("user", "at nine")]
    assert message_of(asked.reply(*further)).endswith("turn: expected at most 2, got 3")


@pytest.mark.parametrize(
    ("content", "met", "missed"),
    [
        ({"equals": "abc"}, "abc", "abcd"),
        ({"contains": "b"}, "abc", "acd"),
        ({"matches": "^a.c$"}, "abc", "abcd"),
        ({"matches": "b"}, "abc", "acd"),
        ({"any": True}, "whatever", None),
    ],
)
def test_content__is_compared_as_said(
    tmp_path: Path, contract: Contract, content: Mapping[str, Any], met: str, missed: str | None
) -> None:
    """Equal, containing, matched or anything."""
    asked = Asked(tmp_path, contract, document(fixture(last={"content": dict(content)})))
    assert asked.text(("system", "Be brief."), ("user", met)) == "Yes."
    if missed is not None:
        assert asked.reply(("user", missed)).status == 404


@given(text=st.text(min_size=1, max_size=200).filter(str.strip))
def test_text__comes_back_as_it_stands(text: str, contract: Contract, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever characters it has, whole and as the tokens of a stream."""
    asked = Asked(tmp_path_factory.mktemp("texts"), contract, document(fixture(says=text)))
    assert asked.text(("user", "hello")) == text


def test_changed_file__is_read_again(asked: Asked) -> None:
    """What did not change goes on where it was."""
    counted = fixture("counted", says=["One.", "Two.", "Three."], last={"content": "count"})
    asked.write(document(counted, fixture(**HELLO)))
    assert asked.text(("user", "count")) == "One."
    asked.write(document(fixture(says="No.", **HELLO), counted))
    assert asked.text(("user", "hello")) == "No."
    assert asked.text(("user", "count")) == "Two."
    assert asked.told == [f"{asked.path}: 2 fixtures read again"] * 2


@pytest.mark.parametrize("broken", ["fixtures: [", "fixtures: !!int x"])
def test_changed_file_that_is_none__leaves_the_fixtures_before(asked: Asked, broken: str) -> None:
    """A file that is being written does not stop the mock; it says what is wrong, once per version."""
    asked.write(broken)
    assert asked.text(("user", "hello")) == "Yes."
    asked.now_ns += SECOND_NS
    assert asked.text(("user", "hello")) == "Yes."
    assert len(asked.told) == 1
    assert asked.told[0].startswith(f"{asked.path}: expected YAML, got ")
    asked.path.unlink()
    asked.now_ns += SECOND_NS
    assert asked.text(("user", "hello")) == "Yes."


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ("- a", "body: "),
        (
            document({"name": "x", "when": {"dialect": "nvidia"}}),
            "fixtures.0: expected either says or turns, got neither",
        ),
        (document({**fixture(), "turns": ["x"]}), "fixtures.0: expected either says or turns, got both"),
        (document(fixture(dialect="nvida")), "fixtures.0.when.dialect: expected one of "),
        (document(fixture(), fixture()), "fixtures.1.name: expected each name once, got 'one' again"),
        (document(fixture(mesages=[])), "fixtures.0.when: "),
        (document(fixture(last={"content": {"matches": "("}})), "fixtures.0.when.last.content.matches: expected a "),
        (document(fixture(says={"status": 200})), "fixtures.0.says.status: "),
        (document(unmatched="maybe"), "unmatched: "),
        ("fixtures: 2020-13-45", "expected YAML, got a value that is none of its kind "),
        ("fixtures: &a [*a]", "expected YAML, got more than "),
        ("[" * 20_000, "expected YAML, got too many lists "),
        ("1: 2", "expected what JSON knows, got "),
        ("fixtures: !!set {a}", "expected what JSON knows, got "),
    ],
)
def test_wrong_file__is_told_in_one_line(tmp_path: Path, contract: Contract, wrong: Any, where: str) -> None:
    """Where in the file, and what was expected."""
    path = tmp_path / "wrong.yaml"
    path.write_text(wrong if isinstance(wrong, str) else yaml.safe_dump(wrong), encoding="utf-8")
    with pytest.raises(FixtureError) as told:
        read(path, contract)
    assert str(told.value).startswith(f"{path}: {where}")
    assert "\n" not in str(told.value)


def test_no_file__is_told_in_one_line(tmp_path: Path) -> None:
    """On stderr, with status 2."""
    command = [sys.executable, "-m", "mock_server", "--port", "0", "--fixtures", str(tmp_path / "none.yaml")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert "none.yaml: expected a file of fixtures, got No such file or directory" in line


def test_example__is_what_it_says(tmp_path: Path, contract: Contract) -> None:
    """The example of the repository, in all its dialects."""
    asked = Asked(tmp_path, contract, EXAMPLE.read_text(encoding="utf-8"))
    for dialect in contract.operations:
        assert "mouse" in asked.text(("user", "tell me a joke on cats"), dialect=dialect)
        assert asked.text(("user", "Book me a table"), dialect=dialect) == "For how many people?"
    assert [asked.reply(("user", "please try again")).status for _ in range(3)] == [429, 500, 200]


def test_line__is_left_to_the_next_call_by_one_that_gets_no_completion(asked: Asked) -> None:
    """Neither the credits nor the engine's want of room use up what nobody was told."""
    body = {"messages": [{"role": "user", "content": "hello"}]}
    operation = asked.contract.operations["segmind"]
    asked.write(document(fixture(says=["One.", "Two.", "Three."], dialect="any", **HELLO)))
    poor = asked.service.answer(request(operation, body, key="mock-exhausted"), asked.now_ns)
    assert poor.status == 406
    waiting = Call(request(operation, body), asked.now_ns)
    service = asked.service
    assert service.admit(waiting) is service.read(waiting) is service.prepare(waiting) is None
    assert asked.text(("user", "hello")) == "Two."
    service.overloaded(waiting, Overload(503, "expected room, got none"))
    service.abandon(waiting)
    assert [asked.text(("user", "hello")) for _ in range(3)] == ["One.", "Three.", "Three."]


def test_line__is_said_once_by_a_call_that_gets_its_completion(asked: Asked) -> None:
    """A client that leaves amid the answer gives nothing back."""
    asked.write(document(fixture(says=["One.", "Two."], **HELLO)))
    call = Call(request(asked.contract.operations["nvidia"], HELLO), asked.now_ns)
    service = asked.service
    assert service.admit(call) is service.read(call) is service.prepare(call) is None
    assert service.settle(call).status == 200
    service.abandon(call)
    assert asked.text(("user", "hello")) == "Two."
