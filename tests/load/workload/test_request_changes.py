"""What a user says about every request."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from mixtral_contract.load.workload.request_changes import Header, RequestChanges, parse_query, read_body

KEY = "sk-nobody-is-to-see-this"


@pytest.mark.parametrize(
    ("text", "sent", "shown"),
    [
        ("X-Org=acme", "acme", "X-Org=acme"),
        ("X-Org=a=b", "a=b", "X-Org=a=b"),
        ("X-Empty=", "", "X-Empty="),
        ("Authorization=env:MY_KEY", KEY, "Authorization=env:MY_KEY"),
    ],
)
def test_header__is_sent_and_shown(text: str, sent: str, shown: str) -> None:
    """A secret by the name of its variable."""
    header = Header.parse(text)
    assert header.text({"MY_KEY": f" {KEY}\n"}) == sent
    assert str(header) == shown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("X-Org", "expected NAME=VALUE or NAME=env:VARIABLE"),
        ("X Org=1", "expected NAME=VALUE"),
        ("Host=x", "does not write itself, got Host"),
        ("content-length=3", "does not write itself"),
        (f"Authorization=Bearer {KEY}", "Authorization: expected env:VARIABLE"),
        (f"x-api-key={KEY}", "expected env:VARIABLE"),
        (f"X-Org=env:{KEY}", "expected the NAME of a variable"),
        ("X-Org=caf\u00e9", "printable ASCII"),
        ("X-Org=a\r\nX-Other: b", "printable ASCII"),
    ],
)
def test_wrong_header__is_one_line_without_the_key(text: str, said: str) -> None:
    """Which may be what was typed."""
    with pytest.raises(argparse.ArgumentTypeError, match=said) as caught:
        Header.parse(text)
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("held", [{}, {"MY_KEY": ""}, {"MY_KEY": "\u20ac"}])
def test_variable_without_a_value__is_told(held: dict[str, str]) -> None:
    """By its name."""
    with pytest.raises(argparse.ArgumentTypeError, match="X-Org: expected a value in MY_KEY, got"):
        Header.parse("X-Org=env:MY_KEY").text(held)


def test_body__is_that_of_the_file_and_of_the_line(tmp_path: Path) -> None:
    """The line counts where both name a field, its last word where it names one twice; KEY= leaves a field out."""
    file = tmp_path / "body.json"
    file.write_text(json.dumps({"temperature": 1, "top_p": 0.5, "guided": {"a": [1]}}), encoding="utf-8")
    body, left_out = read_body(["temperature=0.2", "top_p=", "stop=", 'stop=["x"]', "stream_options="], str(file))
    assert body == {"temperature": 0.2, "guided": {"a": [1]}, "stop": ["x"]}
    assert left_out == {"top_p", "stream_options"}


@pytest.mark.parametrize(
    ("fields", "content", "said"),
    [
        (["temperature"], None, "expected KEY=JSON, got 'temperature'"),
        (["=1"], None, "expected KEY=JSON"),
        (["stop=x"], None, "stop: expected JSON, such as stop=\"x\", got 'x'"),
        (["messages=[]"], None, "does not say itself, got 'messages'"),
        (["stream="], None, "does not say itself, got 'stream'"),
        ([], "[1]", "expected a JSON object, got another value"),
        ([], "{", "expected a JSON object, got no JSON"),
        ([], "[" * 100_000, "expected a JSON object, got no JSON"),
    ],
)
def test_wrong_body__is_one_line(tmp_path: Path, fields: list[str], content: str | None, said: str) -> None:
    """With the place."""
    file = tmp_path / "body.json"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        read_body(fields, None if content is None else str(file))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file__is_one_line(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(argparse.ArgumentTypeError, match=r"none\.json: expected a readable file, got No such file"):
        read_body([], str(tmp_path / "none.json"))


def test_query__is_escaped() -> None:
    """Each parameter in its place, twice where it was said twice."""
    query = tuple(map(parse_query, ["api-version=2024", "a=x y&z", "a=\u00e9="]))
    assert RequestChanges(query=query).query_text() == "?api-version=2024&a=x+y%26z&a=%C3%A9%3D"
    assert RequestChanges().query_text() == ""
    with pytest.raises(argparse.ArgumentTypeError, match="expected NAME=VALUE, got 'x'"):
        parse_query("x")


def test_changes__are_applied_to_what_the_run_sends() -> None:
    """What the dialect does not document is sent when the user says it."""
    own = {"messages": [], "max_completion_tokens": 7, "stream": True}
    documented = {"messages", "stream"}
    assert RequestChanges().apply(own, documented) == {"messages": [], "stream": True}
    chosen = RequestChanges(limit="max_completion_tokens", is_limit_chosen=True, body={"ignore_eos": True})
    assert chosen.apply(own, documented) == {**own, "ignore_eos": True}


@pytest.mark.parametrize(
    ("changes", "limits"),
    [
        (RequestChanges(), True),
        (RequestChanges(limit="max_completion_tokens"), False),
        (RequestChanges(limit="max_completion_tokens", is_limit_chosen=True), True),
        (RequestChanges(left_out=frozenset({"max_tokens"})), False),
        (RequestChanges(body={"max_tokens": 9}), False),
    ],
)
def test_longest_answer__is_known_where_the_run_says_it(changes: RequestChanges, limits: bool) -> None:  # noqa: FBT001
    """A budget rests on it."""
    assert changes.limits_answers({"max_tokens"}) is limits


def test_document__tells_what_was_changed_and_no_secret() -> None:
    """Nothing for nothing."""
    assert RequestChanges().document() == {}
    header = Header.parse("X-Org=env:MY_KEY")
    changes = RequestChanges(headers=(header,), body={"n": 1}, usage="none", sends_key=False)
    assert changes.secrets({"MY_KEY": KEY}) == (KEY,)
    assert changes.document() == {"headers": ["X-Org=env:MY_KEY"], "body": {"n": 1}, "usage": "none", "key": False}
