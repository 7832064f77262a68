"""What requests say."""

from __future__ import annotations

import base64
import json
import random
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from mixtral_contract.load.prompt_files.formats import read_prompts
from mixtral_contract.load.prompt_files.own_prompt import PromptFileError
from mixtral_contract.load.requests.encoder import fields
from mixtral_contract.load.requests.generator import RequestGenerator
from mixtral_contract.load.units.usage_error import UsageError
from mixtral_contract.load.workload.arrivals import Arrival, Share
from mixtral_contract.load.workload.images import png_data_uri
from mixtral_contract.primitives.tokenizer import tokenizer
from tests.load.settings.test_settings import settings


def _tokens(content: str) -> int:
    return tokenizer("v3").count(content)


def test_lengths__are_those_of_the_distributions(tmp_path: Path) -> None:
    """Of each request its own, the text exactly as long."""
    workload = RequestGenerator(
        settings(tmp_path, prompt_tokens="uniform(20,24)", output_tokens="uniform(5,9)"), Share()
    )
    asks = [workload.next() for _ in range(200)]
    assert {_tokens(ask.messages[0]["content"]) for ask in asks} == set(range(20, 25))
    assert {ask.max_tokens for ask in asks} == set(range(5, 10))


def test_arrival__of_a_trace_says_how_long(tmp_path: Path) -> None:
    """Its lengths instead of the distributions'."""
    ask = RequestGenerator(settings(tmp_path), Share()).next(Arrival(0, 33, 44))
    assert (_tokens(ask.messages[0]["content"]), ask.max_tokens) == (33, 44)


def test_same_seed__same_requests(tmp_path: Path) -> None:
    """Of the same worker; another worker asks something else."""
    chosen = settings(tmp_path, prompt_tokens="uniform(20,90)", seed=5)
    first, again, other = (RequestGenerator(chosen, Share(worker, 2)) for worker in (0, 0, 1))
    asks = [first.next() for _ in range(10)]
    assert asks == [again.next() for _ in range(10)]
    assert asks[0] != other.next()


def test_history__comes_before_the_next_question(tmp_path: Path) -> None:
    """As it was."""
    said = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    messages = RequestGenerator(settings(tmp_path), Share()).next(history=said).messages
    assert messages[:2] == said
    assert (len(messages), messages[2]["role"]) == (3, "user")


def test_images__are_parts_of_the_message(tmp_path: Path) -> None:
    """Each another one; the contract admits them."""
    chosen = settings(tmp_path, images=2, dialect="segmind")
    workload = RequestGenerator(chosen, Share())
    messages: Any = workload.next().messages
    text, *images = messages[0]["content"]
    assert _tokens(text["text"]) == 64
    assert len({image["image_url"]["url"] for image in images}) == 2
    assert chosen.operation.request.is_valid({"messages": messages})


def test_image__is_a_png_of_its_size() -> None:
    """Signature, parts with their checksums, and as many bytes of pixels as the size wants."""
    uri = png_data_uri(random.Random(1), side=5)  # noqa: S311 -- repeatable on purpose
    png = base64.b64decode(uri.removeprefix("data:image/png;base64,"), validate=True)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    parts, rest = {}, png[8:]
    while rest:
        (length,) = struct.unpack(">I", rest[:4])
        name, data = rest[4:8], rest[8 : 8 + length]
        assert struct.unpack(">I", rest[8 + length : 12 + length])[0] == zlib.crc32(name + data)
        parts[name], rest = data, rest[12 + length :]
    assert struct.unpack(">IIBBBBB", parts[b"IHDR"]) == (5, 5, 8, 2, 0, 0, 0)
    assert len(zlib.decompress(parts[b"IDAT"])) == 5 * (1 + 3 * 5)
    assert list(parts)[-1] == b"IEND"


def test_own_prompts__are_dealt_out_over_and_over(tmp_path: Path) -> None:
    """To two workers in turn, with the limits they have."""
    path = tmp_path / "prompts.jsonl"
    lines: list[Any] = [{"prompt": f"p{index}"} for index in range(3)]
    lines[1]["max_tokens"] = 3
    path.write_text("\n".join(map(json.dumps, lines)) + "\n\n", encoding="utf-8")
    chosen = settings(tmp_path, prompts=str(path), output_tokens="7")
    workers = [RequestGenerator(chosen, Share(worker, 2)) for worker in range(2)]
    said = [[workers[worker].next() for _ in range(3)] for worker in range(2)]
    assert [[ask.messages[0]["content"] for ask in asks] for asks in said] == [["p0", "p2", "p1"], ["p1", "p0", "p2"]]
    assert [ask.max_tokens for ask in said[1]] == [3, 7, 7]


def test_own_conversation__is_sent_as_it_is(tmp_path: Path) -> None:
    """With whatever roles it has."""
    path = tmp_path / "prompts.jsonl"
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "a"}]
    path.write_text(json.dumps({"messages": messages}), encoding="utf-8")
    assert RequestGenerator(settings(tmp_path, prompts=str(path)), Share()).next().messages == messages


def test_fields_of_a_line__are_sent(tmp_path: Path) -> None:
    """Those that the dialect documents, beside what the run says."""
    path = tmp_path / "prompts.jsonl"
    line = {"prompt": "a", "max_tokens": 9, "temperature": 0.5, "seed": 7, "stop": ["x"]}
    path.write_text(json.dumps(line), encoding="utf-8")
    chosen = settings(tmp_path, prompts=str(path))
    body = fields(chosen, RequestGenerator(chosen, Share()).next())
    assert {name: body[name] for name in ("max_tokens", "temperature", "seed", "stop")} == {
        name: line[name] for name in ("max_tokens", "temperature", "seed", "stop")
    }
    assert (body["messages"], body["stream"]) == ([{"role": "user", "content": "a"}], True)


@pytest.mark.parametrize("name", ["id", "system", "model", "n", "stream", "stream_options"])
def test_field_that_would_not_be_sent__is_refused(tmp_path: Path, name: str) -> None:
    """By its name, and its line."""
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"prompt": "a"}\n' + json.dumps({"prompt": "a", name: 1}), encoding="utf-8")
    with pytest.raises(UsageError, match=f"^--prompts: {path}:2: .*, got '{name}', which "):
        settings(tmp_path, prompts=str(path))


def test_limit_of_a_dialect_without_one__is_refused(tmp_path: Path) -> None:
    """It was dropped in silence."""
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"prompt": "a", "max_tokens": 3}', encoding="utf-8")
    with pytest.raises(UsageError, match="got 'max_tokens', which the dialect does not document"):
        settings(tmp_path, prompts=str(path), dialect="segmind")


@pytest.mark.parametrize(("name", "value"), [("images", 1), ("prefix_share", 0.5)])
def test_prompts_of_ones_own__are_sent_as_they_are(tmp_path: Path, name: str, value: Any) -> None:
    """So nothing can be asked to be added to them."""
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"prompt": "a"}', encoding="utf-8")
    with pytest.raises(UsageError, match="expected 0 with --prompts"):
        settings(tmp_path, prompts=str(path), **{name: value})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ": expected at least one prompt, got none"),
        ("{", ":1: expected JSON, got "),
        ("\n{}\n[]", ":2: expected an object with either messages or prompt, text or text_input, got {}"),
        ('{"prompt": "a", "messages": []}', ":1: expected an object with either messages or prompt"),
        (r'{"prompt": "\ud800"}', ":1: expected JSON, got "),
        ('{"prompt": 1}', ":1: prompt: expected a text, got 1"),
        ('{"messages": []}', ":1: messages: expected a list of messages, got []"),
        ('{"prompt": "a", "id": 7}', ":1: expected messages or prompt and fields to send, got 'id', which the dialect"),
        ('{"prompt": "a", "temperature": 1}', ":1: expected messages or prompt and fields to send, got 'temperature'"),
        (
            '{"prompt": "a", "stream": false}',
            ":1: expected messages or prompt and fields to send, got 'stream', which the",
        ),
        ('{"prompt": "a", "max_tokens": 0}', ":1: max_tokens: expected a whole number of at least 1, got 0"),
    ],
)
def test_wrong_prompts__are_told_with_their_line(tmp_path: Path, text: str, said: str) -> None:
    """Where, and what was expected."""
    path = tmp_path / "prompts.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PromptFileError) as told:
        read_prompts(path)
    assert str(told.value).startswith(f"{path}{said}")
