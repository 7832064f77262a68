"""Each form of file: told from what it holds, read as documented, and refused in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.load.prompt_files.formats import FORMATS, read_prompts
from mixtral_contract.load.prompt_files.own_prompt import OwnPrompt, PromptFile, PromptFileError
from tests.load.prompt_files.samples import INPUTS, SAMPLES

DOCUMENTED = ("max_tokens", "tools", "temperature")
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}


def read(folder: Path, text: str, form: str | None = None, **how: Any) -> PromptFile:
    """What a file with this text holds."""
    path = folder / "prompts"
    path.write_text(text, encoding="utf-8", newline="")
    return read_prompts(path, form, documented=DOCUMENTED, **how)


def asked(prompt: OwnPrompt) -> list[Any]:
    """What each turn adds, in its order."""
    return [[each["content"] for each in turn.messages] for turn in (prompt, *prompt.follow_ups)]


def test_samples__are_of_every_form() -> None:
    """No reader is without one."""
    assert set(SAMPLES) == set(FORMATS)


@pytest.mark.parametrize("form", SAMPLES)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_form__is_told_from_what_the_file_holds(tmp_path: Path, form: str, newline: str) -> None:
    """And forcing it reads the same; with a byte order mark and with any ends of lines."""
    text = SAMPLES[form].replace("\n", newline)
    told = read(tmp_path, "\ufeff" + text)
    assert told.format == form
    assert told == read(tmp_path, text, form)


@pytest.mark.parametrize("form", ["inputs-json", "sharegpt"])
def test_json_in_one_line__is_told_too(tmp_path: Path, form: str) -> None:
    """As a program writes it."""
    assert read(tmp_path, json.dumps(json.loads(SAMPLES[form]))).format == form


def test_sharegpt_a_line_each__is_told_too(tmp_path: Path) -> None:
    """Some files are JSON lines."""
    lines = "\n".join(map(json.dumps, json.loads(SAMPLES["sharegpt"])))
    assert read(tmp_path, lines) == read(tmp_path, SAMPLES["sharegpt"])


def test_sharegpt__asks_the_first_question(tmp_path: Path) -> None:
    """With the recorded answer as the limit; who asks nothing is left out and counted."""
    found = read(tmp_path, SAMPLES["sharegpt"])
    assert [asked(each) for each in found.prompts] == [[["Name three rivers."]], [["Go on."]]]
    assert [each.answer for each in found.prompts] == ["Rhine, Elbe and Oder.", "No."]
    assert found.left_out == 1


@pytest.mark.parametrize(
    ("form", "turns", "questions"),
    [
        ("sharegpt", 3, [["Name three rivers."], ["Which is the longest?"]]),
        ("jsonl", 2, [["One."], ["Two."]]),
        ("jsonl", 1, [["One.", "1.", "Two."]]),
        ("inputs-json", 2, [["Hello."], ["Hello.", "Hi.", "Name a river."]]),
    ],
)
def test_conversation__is_cut_into_turns(tmp_path: Path, form: str, turns: int, questions: list[Any]) -> None:
    """The answers between are the target's own, but where each request is whole."""
    prompts = read(tmp_path, SAMPLES[form], turns=turns).prompts
    assert asked(prompts[-1 if form == "jsonl" else 0]) == questions


def test_rows__are_read_under_every_name(tmp_path: Path) -> None:
    """Of the text and of the limit."""
    prompts = read(tmp_path, SAMPLES["jsonl"]).prompts
    assert [each.messages[0]["content"] for each in prompts] == ["Name a river.", "Name a lake.", "Name a sea.", "One."]
    assert [each.max_tokens for each in prompts] == [None, 7, 8, None]


def test_tools_and_images__are_sent(tmp_path: Path) -> None:
    """An address as it is, a file as a data URI."""
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    row = {"prompt": "What is it?", "images": ["http://127.0.0.1/b.png", "a.png"], "tools": [TOOL]}
    (prompt,) = read(tmp_path, json.dumps(row)).prompts
    text, address, image = prompt.messages[0]["content"]
    assert (text["text"], address["image_url"]["url"]) == ("What is it?", "http://127.0.0.1/b.png")
    assert image == {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}}
    assert prompt.fields == {"tools": [TOOL]}


def test_whole_requests__say_what_the_run_sends_instead(tmp_path: Path) -> None:
    """The model and the stream are the run's; each limit is the request's."""
    batch, inputs = (read(tmp_path, SAMPLES[form]) for form in ("openai-batch", "inputs-json"))
    assert [each.max_tokens for each in batch.prompts] == [40, 41]
    assert [each.max_tokens for each in inputs.prompts] == [20, 30, None]
    assert (batch.replaced, inputs.replaced) == (("model",), ("model", "stream"))


def test_mooncake__keeps_lengths_blocks_and_times(tmp_path: Path) -> None:
    """The text is still to be made."""
    first = read(tmp_path, SAMPLES["mooncake"]).prompts[0]
    assert (first.prompt_tokens, first.max_tokens, first.block_ids, first.timestamp_ms) == (1100, 52, (0, 1, 2), 3000.0)


def test_csv__has_a_column_by_name(tmp_path: Path) -> None:
    """Who names it leaves the others out, and is told which."""
    plain = read(tmp_path, SAMPLES["csv"])
    assert [(asked(each), each.max_tokens) for each in plain.prompts] == [
        ([["Name a river, please."]], 9),
        ([["Name\na lake."]], None),
    ]
    named = read(tmp_path, "id,question\n1,Why?\n", column="question")
    assert ([asked(each) for each in named.prompts], named.unused) == ([[["Why?"]]], ("id",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"conversations": [\n{"from": "human"}]}]', ":1: conversations[0]: expected an object with from and value"),
        (
            '[\n{"id": 1, "conversations": []},\n{"conversations": [], "lang": "en"}]',
            ":3: expected only id, conversations, got 'lang', which would not be sent",
        ),
        ('[{"conversations": [{"from": "cat", "value": ""}]}]', ":1: conversations[0]: from: expected one of human"),
        ('[\n{"conversations": []}\n{}]', ":3: expected , or ] in the array, got"),
        ('[\n{"conversations": []},', ":2: expected JSON, got"),
        ('[{"conversations": []}]', ": expected at least one prompt, got none, 1 conversations without a question"),
        ('[{"conversations": []}] x', ":1: expected nothing behind the array, got"),
        ('{"custom_id": "a"}', ":1: expected an object with body"),
        ('{"custom_id": "a", "body": {}, "priority": 1}', ":1: expected only custom_id, method, url, body, got 'pri"),
        ('{"custom_id": "a", "url": "/v1/embeddings", "body": {}}', ":1: url: expected one that ends with /chat/"),
        ('{"custom_id": "a", "method": "GET", "body": {}}', ":1: method: expected POST, got 'GET'"),
        ('{"custom_id": "a", "body": {"input": "x"}}', ":1: body: expected a request with messages"),
        (
            '{"custom_id": "a", "body": {"messages": [{"role": "user"}], "user": "x"}}',
            ":1: body: expected messages or prompt and fields to send, got 'user', which the dialect does not",
        ),
        ('{"custom_id": "a", "body": {"messages": [{"role": "user"}], "n": 2}}', ":1: body: n: expected 1"),
        ('{"data": 1}', ':1: expected {"data": [...]}, got'),
        ('{"data": [{"session_id": "s", "payloads": []}]}', ":1: payloads: expected a list of requests, got []"),
        (json.dumps({**INPUTS, "version": 2}), ":1: expected only } behind the array, got"),
        ('{"input_length": 0}', ":1: input_length: expected a whole number of at least 1, got 0"),
        ('{"input_length": 600, "hash_ids": [1]}', ":1: hash_ids: expected 2 of 512 tokens for an input_length of 600"),
        ('{"input_length": 6, "hash_ids": ["a"]}', ":1: hash_ids: expected a list of whole numbers"),
        ('{"input_length": 6}\n{"input_length": 6, "timestamp": -1}', ":2: timestamp: expected milliseconds"),
        (
            '{"input_length": 6, "priority": 1}',
            ":1: expected only timestamp, input_length, output_length, hash_ids, got",
        ),
        ("a,b\n1,2\n", ":1: expected JSON or a header with one column of prompt, text, text_input"),
        ("prompt,id\na,1\n", ":1: expected the column 'prompt' and limits, got 'id', which would not be sent"),
        ("prompt,max_tokens\na\n", ":2: expected as many cells as the header has, 2, got 1"),
        ("prompt\na,b\n", ":2: expected as many cells as the header has, 1, got 2"),
        ("prompt,max_tokens\na,x\n", ":2: max_tokens: expected a whole number of at least 1, got 'x'"),
        ('prompt\n"a', ":2: expected CSV, got"),
        ('{"prompt": "a", "images": "b.png"}', ":1: images: expected a list of addresses or files"),
        ('{"prompt": "a", "images": ["no.png"]}', ":1: images: expected a file, got 'no.png': No such file"),
        ('{"prompt": "a", "images": ["/etc/hosts"]}', ":1: images: expected an address or an image's file"),
        ('{"prompt": "a", "max_tokens": 1, "output_tokens": 1}', ":1: expected one of max_tokens, output_tokens"),
        ('{"messages": [{"content": "a"}]}', ":1: messages[0]: expected an object with role"),
    ],
)
def test_wrong_file__is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    """Where, what was expected, and what was got."""
    with pytest.raises(PromptFileError) as told:
        read(tmp_path, text)
    assert str(told.value).startswith(f"{tmp_path / 'prompts'}{said}")
    assert "\n" not in str(told.value)


def test_bytes_that_are_no_text__are_refused(tmp_path: Path) -> None:
    """As a file that is not there."""
    (tmp_path / "prompts").write_bytes(b"\xff")
    with pytest.raises(PromptFileError, match="expected a file of prompts, got bytes that are no UTF-8"):
        read_prompts(tmp_path / "prompts")


@given(form=st.sampled_from([None, *FORMATS]), text=st.data())
def test_any_damage__is_one_line_or_prompts(
    tmp_path_factory: pytest.TempPathFactory, form: str | None, text: st.DataObject
) -> None:
    """A piece of a sample is lost, or another one stands in its place: never a traceback."""
    sample = SAMPLES[text.draw(st.sampled_from(sorted(SAMPLES)))]
    start = text.draw(st.integers(0, len(sample)))
    end = text.draw(st.integers(start, min(len(sample), start + 40)))
    instead = text.draw(
        st.sampled_from(["", "null", "[]", "{}", "1", '"a"', "\0", '"', "\r", "1e999", "NaN", "{", "["])
    )
    folder = tmp_path_factory.mktemp("damaged", numbered=True)
    try:
        found = read(folder, sample[:start] + instead + sample[end:], form)
    except PromptFileError as error:
        assert "\n" not in str(error)  # noqa: PT017 -- either outcome is right
    else:
        assert found.prompts
