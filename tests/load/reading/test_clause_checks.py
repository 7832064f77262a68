"""Fast but wrong: what answers with status 200 break."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mixtral_contract.contract import clauses
from mixtral_contract.contract.openapi import Contract
from mixtral_contract.load.reading.clause_checks import applying
from mixtral_contract.load.reading.completion import read_completion
from mixtral_contract.load.reading.outcome import Outcome
from tests.support.load_records import exchange
from tests.support.scripted_stream_server import DONE, event, usage

ROLE = event({"role": "assistant", "content": ""})
STOP = event(finish="stop")
USAGE = event(usage=usage(1))


def a(text: str = "a") -> bytes:
    """An event with content."""
    return event({"content": text})


def chunk(**changes: Any) -> bytes:
    """A chunk with content, changed; a field that is None is left out."""
    body = {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}],
    }
    fields = {name: value for name, value in {**body, **changes}.items() if value is not None}
    return b"data: " + json.dumps(fields).encode() + b"\n\n"


def choice(**fields: Any) -> list[dict[str, Any]]:
    """The choices of a chunk."""
    return [{"index": 0, "delta": {"content": "a"}, "finish_reason": None, **fields}]


GOOD = (ROLE, a(), STOP, USAGE, DONE)


@pytest.mark.parametrize(
    ("received", "broken"),
    [
        (GOOD, set()),
        ((ROLE, a(), STOP, USAGE), {"SSE-08"}),
        ((*GOOD, DONE), {"SSE-08"}),
        ((*GOOD, a()), {"SSE-08"}),
        ((ROLE, b"event: token\n" + a(), STOP, USAGE, DONE), {"SSE-05"}),
        ((ROLE, b"data:\n\n", STOP, USAGE, DONE), {"SSE-09", "SSE-06"}),
        ((ROLE, b"data: {\n\n", STOP, USAGE, DONE), {"SSE-06"}),
        ((ROLE, b"data: [1]\n\n", STOP, USAGE, DONE), {"SSE-06"}),
        ((*GOOD, b"data: rest"), {"SSE-07"}),
        ((ROLE, chunk(object="completion"), STOP, USAGE, DONE), {"STR-01"}),
        ((ROLE, chunk(id="c2"), STOP, USAGE, DONE), {"STR-02"}),
        ((ROLE, chunk(model="n"), STOP, USAGE, DONE), {"STR-02"}),
        ((ROLE, chunk(created=2), STOP, USAGE, DONE), {"STR-16"}),
        ((ROLE, chunk(created=None), STOP, USAGE, DONE), {"STR-15", "STR-16"}),
        ((ROLE, chunk(choices=choice(index=1)), STOP, USAGE, DONE), {"STR-17"}),
        ((ROLE, chunk(choices=[{"index": 0, "delta": {"content": "a"}}]), STOP, USAGE, DONE), {"STR-06"}),
        ((a(), STOP, USAGE, DONE), {"STR-03"}),
        ((ROLE, ROLE, a(), STOP, USAGE, DONE), {"STR-18"}),
        ((ROLE, event({"role": None, "content": "a"}), STOP, USAGE, DONE), set()),
        ((ROLE, a(), USAGE, DONE), {"STR-05"}),
        ((ROLE, a(), STOP, STOP, USAGE, DONE), {"STR-05"}),
        ((ROLE, STOP, a(), USAGE, DONE), {"STR-05"}),
        ((ROLE, a(), STOP, DONE), {"STR-07"}),
        ((ROLE, a(), STOP, event(usage={**usage(1), "total_tokens": 99}), DONE), {"STR-22"}),
        ((ROLE, USAGE, a(), STOP, USAGE, DONE), {"STR-23"}),
        ((ROLE, b'data: {"error": {"message": "x"}}\n\n'), {"ERR-15"}),
    ],
)
def test_stream__breaks(received: tuple[bytes, ...], broken: set[str]) -> None:
    """Each clause by what breaks it and nothing else; a good stream breaks none."""
    assert read_completion(exchange(*received), streamed=True).broken == broken


def test_stream_of_a_wrong_type__breaks_its_clause() -> None:
    """Before a byte of it is looked at."""
    assert read_completion(exchange(*GOOD, content_type="text/plain"), streamed=True).broken == {"SSE-01"}


def test_cut_stream__is_not_blamed_for_what_never_came() -> None:
    """It lacks an end, and is judged by that alone; one that we cut off ourselves by nothing."""
    cut = read_completion(exchange(ROLE, a(), complete=False, failure="reset"), streamed=True)
    assert (cut.outcome, cut.broken) == (Outcome.TRUNCATED, {"SSE-13"})
    late = read_completion(exchange(ROLE, a(), complete=False, timed_out=True, failure="late"), streamed=True)
    assert (late.outcome, late.broken) == (Outcome.TIMEOUT, set())


@pytest.mark.parametrize(
    "delta", [{"content": "a"}, {"reasoning_content": "a"}, {"reasoning": "a"}, {"tool_calls": [{"index": 0}]}]
)
def test_token__is_whatever_a_model_wrote(delta: dict[str, Any]) -> None:
    """Reasoning and the parts of a tool call take time like content."""
    assert len(read_completion(exchange(ROLE, event(delta), STOP, DONE), streamed=True).content) == 1


ANSWER: dict[str, Any] = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}],
    "usage": usage(3),
}
MESSAGE = ANSWER["choices"][0]


@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        ({}, set()),
        ({"object": "completion"}, {"RSP-02"}),
        ({"choices": [{**MESSAGE, "index": 1}]}, {"RSP-04"}),
        ({"choices": [MESSAGE, MESSAGE]}, {"RSP-04"}),
        ({"choices": [{**MESSAGE, "message": {"role": "user", "content": "Hi."}}]}, {"RSP-05"}),
        ({"usage": {**usage(3), "total_tokens": 9}}, {"RSP-10"}),
        ({"error": {"message": "x"}}, {"ERR-12"}),
    ],
)
def test_answer_in_one_piece__breaks(changes: dict[str, Any], broken: set[str]) -> None:
    """The same for dialects without a stream."""
    body = json.dumps({**ANSWER, **changes}).encode()
    assert read_completion(exchange(body, content_type="application/json"), streamed=False).broken == broken


@pytest.mark.parametrize("name", ["id", "created", "model", "usage"])
def test_answer_in_one_piece__has_every_key(name: str) -> None:
    """One that is missing is noticed."""
    body = json.dumps({key: value for key, value in ANSWER.items() if key != name}).encode()
    found = read_completion(exchange(body, content_type="application/json"), streamed=False)
    assert "RSP-01" in found.broken


def test_clauses__are_those_of_the_contract() -> None:
    """Every id that a judge names exists, and applies to some operation."""
    known = set().union(*(applying(operation) for operation in Contract.load().operations.values()))
    named = {
        "SSE-01",
        "SSE-05",
        "SSE-06",
        "SSE-07",
        "SSE-08",
        "SSE-09",
        "SSE-13",
        "STR-01",
        "STR-02",
        "STR-03",
        "STR-05",
    }
    named |= {"STR-06", "STR-07", "STR-15", "STR-16", "STR-17", "STR-18", "STR-22", "STR-23", "ERR-12", "ERR-15"}
    named |= {"HTTP-05", "HTTP-14", "RSP-01", "RSP-02", "RSP-04", "RSP-05", "RSP-10", "RSP-19"}
    assert named <= known <= set(clauses.load())
