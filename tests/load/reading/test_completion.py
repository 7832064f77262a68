"""What an exchange says as a completion."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from mixtral_contract.load.client.exchange import Exchange
from mixtral_contract.load.reading.completion import Completion, error_text, read_completion
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.reading.record import make_record
from tests.support.load_records import MS, exchange
from tests.support.scripted_stream_server import DONE, event, usage

ROLE = event({"role": "assistant", "content": ""})
STOP = event(finish="stop")


def streamed(*received: bytes, **changes: Any) -> Completion:
    """The completion in a stream whose n-th recv (from 0) came after n + 1 ms."""
    return read_completion(exchange(*received, **changes), streamed=True)


def whole(body: Any, **changes: Any) -> Completion:
    """The completion in an answer in one piece."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_completion(exchange(text, content_type="application/json", **changes), streamed=False)


def test_stream__is_read_by_arrival() -> None:
    """Role, empty, finishing and usage events are no content; events of one recv share its stamp."""
    found = streamed(
        ROLE,
        event({"content": "a"}),
        event({"content": "b"}) + event({"content": ""}) + event({"content": "c"}),
        STOP + event(usage=usage(5)) + DONE,
    )
    assert found == Completion(
        outcome=Outcome.OK,
        content=[(2 * MS, 1), (3 * MS, 2)],
        id="c1",
        finish_reason="stop",
        prompt_tokens=7,
        completion_tokens=5,
    )


def test_stream__may_cut_events_anywhere() -> None:
    """An event belongs to the recv that completed it, even when a character was cut in two."""
    first, second = event({"content": "é"}), event({"content": "日本"})
    cut = first.index("é".encode()) + 1
    found = streamed(first[:cut], first[cut:] + second[:-1], second[-1:] + STOP + DONE)
    assert found.outcome is Outcome.OK
    assert found.content == [(2 * MS, 1), (3 * MS, 1)]


def test_redirect__names_where_it_leads() -> None:
    """Nobody goes there with a key; whoever reads the report may."""
    moved = exchange(b"{}", status=307)
    moved.headers["location"] = "https://elsewhere.example/v1/chat/completions"
    found = read_completion(moved, streamed=True)
    assert (found.outcome, found.detail) == (
        Outcome.HTTP_ERROR,
        "redirects to https://elsewhere.example/v1/chat/completions, which is not followed",
    )


def test_error_in_the_wrong_form__keeps_its_words() -> None:
    """As JSON where a stream was asked for, with its media type or with that of a stream."""
    body = b'{"error": {"message": "engine is out of memory"}}'
    found = read_completion(exchange(body, content_type="application/json"), streamed=True)
    assert found.outcome is Outcome.WRONG_CONTENT_TYPE
    assert found.detail == "expected text/event-stream, got application/json: engine is out of memory"
    assert streamed(body).detail == "ended without data: [DONE]: engine is out of memory"
    assert streamed(ROLE).detail == "ended without a finish_reason"


def test_stream__may_use_crlf_and_comments() -> None:
    """What the standard of event streams allows is no failure."""
    wire = b": ping\r\n\r\n" + (event({"content": "a"}) + STOP + DONE).replace(b"\n", b"\r\n")
    assert streamed(wire) == Completion(content=[(MS, 1)], id="c1", finish_reason="stop")


def test_stream__without_usage_has_no_token_counts() -> None:
    """They are None, to be estimated by whoever says so."""
    found = streamed(event({"content": "a"}) + STOP + DONE)
    assert (found.prompt_tokens, found.completion_tokens) == (None, None)


@pytest.mark.parametrize(
    ("received", "changes", "outcome"),
    [
        (event({"content": "a"}) + STOP, {}, Outcome.TRUNCATED),
        (event({"content": "a"}) + DONE, {}, Outcome.TRUNCATED),
        (event({"content": "a"}), {"complete": False, "failure": "reset"}, Outcome.TRUNCATED),
        (event({"content": "a"}) + STOP + DONE, {"complete": False, "failure": "reset"}, Outcome.TRUNCATED),
        (event({"content": "a"}), {"complete": False, "timed_out": True}, Outcome.TIMEOUT),
        (b'data: {"error": {"message": "overloaded"}}\n\n' + DONE, {}, Outcome.ERROR_EVENT),
        (b'data: {"error": "overloaded"}\n\n', {"complete": False, "failure": "reset"}, Outcome.ERROR_EVENT),
        (b'event: error\ndata: {"message": "overloaded"}\n\n', {}, Outcome.ERROR_EVENT),
        (b"event: error\ndata: upstream gone\n\n", {}, Outcome.ERROR_EVENT),
        (b"data: {nonsense\n\n" + STOP + DONE, {}, Outcome.MALFORMED),
        (b"data: [1]\n\n", {}, Outcome.MALFORMED),
        (b'data: {"type": "about:blank", "status": 500}\n\n', {}, Outcome.MALFORMED),
        (b'data: {"choices": [7]}\n\n', {}, Outcome.MALFORMED),
        (b'data: {"choices": [{"delta": "a"}]}\n\n', {}, Outcome.MALFORMED),
        (b'data: {"choices": [{"delta": {}, "finish_reason": 1}]}\n\n', {}, Outcome.MALFORMED),
        (b'data: {"choices": [], "usage": {"completion_tokens": "5"}}\n\n', {}, Outcome.MALFORMED),
        (b"<html>", {"content_type": "text/html"}, Outcome.WRONG_CONTENT_TYPE),
        (b"{}", {"content_type": "application/json"}, Outcome.WRONG_CONTENT_TYPE),
        (b'{"error": {"message": "no"}}', {"status": 503}, Outcome.HTTP_ERROR),
        (b"", {"status": 202}, Outcome.HTTP_ERROR),
        (b"", {"status": 429}, Outcome.RATE_LIMITED),
        (b"", {"status": None, "complete": False, "failure": "refused"}, Outcome.CONNECTION_ERROR),
        (b"", {"status": None, "complete": False, "timed_out": True}, Outcome.TIMEOUT),
    ],
)
def test_stream__ends_as(received: bytes, changes: dict[str, Any], outcome: Outcome) -> None:
    """Each way to fail has its name, and only one."""
    found = streamed(received, **changes)
    assert found.outcome is outcome
    assert found.detail is not None


USAGE = event(usage=usage(1))
A = event({"content": "a"})


@pytest.mark.parametrize(
    ("received", "changes", "broken"),
    [
        (A + STOP + USAGE, {}, {"SSE-08"}),
        (A + event(finish="stop", usage=usage(1)), {}, {"SSE-08"}),
        (A + STOP + USAGE + b": bye\n", {}, {"SSE-08"}),
        (A + STOP + USAGE + b"data: [DONE]", {}, {"SSE-07", "SSE-08"}),
        (A + STOP + USAGE + b"data: [DONE]\n", {}, {"SSE-07", "SSE-08"}),
        (A + STOP + USAGE + b"data: [DONE]\r", {}, {"SSE-07", "SSE-08"}),
        (A + STOP + USAGE + b"data: [DONE]\r\n", {}, {"SSE-07", "SSE-08"}),
        (A + STOP + USAGE + b"data:[DONE]", {}, {"SSE-07", "SSE-08"}),
        (A + STOP + USAGE + b"data: [DONE] \n\n", {}, {"SSE-08"}),
        (A + STOP + b"data: [DONE]", {}, {"SSE-07", "SSE-08", "STR-07"}),
        (A + STOP + USAGE + DONE, {"failure": "ConnectionResetError: reset"}, set()),
    ],
)
def test_whole_stream__with_a_wrong_end_is_ok_and_broke_a_clause(
    received: bytes, changes: dict[str, Any], broken: set[str]
) -> None:
    """All that the model wrote is there: the server is measured, and told what its stream lacks."""
    found = streamed(ROLE + received, **changes)
    assert (found.outcome, found.detail) == (Outcome.OK, None)
    assert found.broken == broken


@pytest.mark.parametrize(
    ("received", "changes", "detail"),
    [
        (A, {}, "ended without a finish_reason"),
        (A + USAGE, {}, "ended without a finish_reason"),
        (A + USAGE + DONE, {}, "ended without a finish_reason"),
        (A + b"data: [DONE]", {}, "ended without a finish_reason"),
        (A + STOP, {}, "ended without data: [DONE] and usage"),
        (A + STOP[:-1], {}, "ended without a finish_reason"),
        (A + STOP + USAGE[:-1], {}, "ended within an event"),
        (A + STOP + USAGE + b"data: [DO", {}, "ended within an event"),
        (A + STOP + USAGE + b"data: [DONE", {}, "ended within an event"),
        (A + STOP + USAGE + b"data: {}\ndata: [DONE]", {}, "ended within an event"),
        (A + STOP + USAGE, {"failure": "ConnectionResetError: reset"}, "ConnectionResetError: reset"),
        (A + STOP + USAGE, {"complete": False, "failure": "reset"}, "reset"),
        (A + STOP + USAGE + b"data: [DONE]", {"complete": False, "failure": "reset"}, "reset"),
        (A + STOP + USAGE + DONE, {"complete": False, "failure": "reset"}, "reset"),
        (b"", {}, "ended without a finish_reason"),
    ],
)
def test_cut_stream__stays_truncated(received: bytes, changes: dict[str, Any], detail: str) -> None:
    """Where something may be missing, the answer is not called whole."""
    found = streamed(ROLE + received, **changes)
    assert (found.outcome, found.detail) == (Outcome.TRUNCATED, detail)


def test_failed_stream__keeps_what_came_before() -> None:
    """A cut stream still says when its content came."""
    found = streamed(event({"content": "a"}), event({"content": "b"}), complete=False, failure="reset")
    assert found.content == [(MS, 1), (2 * MS, 1)]


def test_compressed_answer__is_called_so() -> None:
    """It was not asked for, and no part of it can be read."""
    found = Exchange(started_ns=0, status=200, complete=True, received=[(MS, gzip.compress(STOP + DONE))])
    found.headers = {"content-type": "text/event-stream", "content-encoding": "gzip"}
    completion = read_completion(found, streamed=True)
    assert completion.outcome is Outcome.MALFORMED
    assert completion.detail == "content-encoding: expected identity, as was asked for, got gzip"


def test_content_type__may_have_parameters() -> None:
    """A charset makes no other type of it."""
    wire = event({"content": "a"}) + STOP + DONE
    assert streamed(wire, content_type="Text/Event-Stream; charset=utf-8").outcome is Outcome.OK


ANSWER = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}],
    "usage": usage(3),
}


def test_answer_in_one_piece__is_read() -> None:
    """Its content counts as one event at its end."""
    found = whole(ANSWER)
    assert found == Completion(content=[(2 * MS, 1)], finish_reason="stop", prompt_tokens=7, completion_tokens=3)


@pytest.mark.parametrize(
    ("body", "changes", "outcome"),
    [
        ({"error": {"message": "no"}}, {}, Outcome.ERROR_EVENT),
        (b"{", {}, Outcome.MALFORMED),
        (b"{", {"complete": False, "failure": "reset"}, Outcome.TRUNCATED),
        ({"choices": [{"message": {"content": "Hi."}}]}, {}, Outcome.TRUNCATED),
        ({"choices": [{"message": None}]}, {}, Outcome.MALFORMED),
        ({"choices": None}, {}, Outcome.MALFORMED),
    ],
)
def test_answer_in_one_piece__ends_as(body: Any, changes: dict[str, Any], outcome: Outcome) -> None:
    """The same names for the same ends."""
    assert whole(body, **changes).outcome is outcome


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"error": {"message": "slow\\n down", "type": "x"}}', "slow down"),
        (b'{"error": "Insufficient credits"}', "Insufficient credits"),
        (b'{"status": 429, "title": "Too Many Requests"}', "Too Many Requests"),
        (b'{"detail": [{"loc": ["body"]}]}', "[{'loc': ['body']}]"),
        (b"404 page not found\n", "404 page not found"),
        (b'{"status": 500}', "{'status': 500}"),
        (b"", ""),
        (b"\xff", "�"),
    ],
)
def test_error__is_quoted_in_one_line(body: bytes, text: str) -> None:
    """The message where there is one, in all the shapes that servers are known for."""
    assert error_text(body) == text


def test_detail__is_short() -> None:
    """An HTML page of an error does not fill the report."""
    found = read_completion(exchange(b"x" * 10_000, status=500), streamed=True)
    assert found.detail is not None
    assert len(found.detail) < 200


def test_exchange_that_was_never_sent__says_why() -> None:
    """The reason of the operating system is the detail."""
    refused = Exchange(started_ns=0, failure="ConnectionRefusedError: [Errno 111] Connection refused")
    found = read_completion(refused, streamed=True)
    assert (found.outcome, found.detail) == (Outcome.CONNECTION_ERROR, refused.failure)


def with_usage(text: str, tokens: int | None) -> bytes:
    """An event with content that says how many tokens there are so far."""
    return event({"content": text}, usage=None if tokens is None else usage(tokens))


@pytest.mark.parametrize(
    ("received", "totals"),
    [
        ([with_usage("a", 3), with_usage("b", 5)], (3, 5)),
        ([with_usage("a", 1) + with_usage("b", 2), with_usage("c", 3)], (2, 3)),
        ([with_usage("a", 1), with_usage("b", None), with_usage("c", 3)], ()),
        ([with_usage("a", None), with_usage("b", 3)], ()),
        ([with_usage("a", None), with_usage("b", 3) + with_usage("c", 4)], ()),
        ([with_usage("a", 3), with_usage("b", 2)], ()),
        ([with_usage("a", 0), with_usage("b", 2)], ()),
        ([with_usage("a", None), with_usage("b", None)], ()),
    ],
)
def test_running_usage__counts_the_tokens_of_each_event(received: list[bytes], totals: tuple[int, ...]) -> None:
    """Only where every event with content has it, and it can be true."""
    answer = exchange(ROLE, *received, STOP + event(usage=usage(5)) + DONE)
    completion = read_completion(answer, streamed=True)
    made = make_record(answer, completion, run_start_ns=0, worker=0, number=1, streamed=True)
    assert made.totals == totals


@pytest.mark.parametrize("finish", ["stop", "length"])
def test_answer_that_says_nothing__is_empty(finish: str) -> None:
    """A whole stream or answer without content is an outcome of its own, whatever usage claims."""
    found = streamed(ROLE, event(finish=finish), event(usage=usage(20)) + DONE)
    assert (found.outcome, found.content) == (Outcome.EMPTY, [])
    assert found.detail == f"nothing was said, finish_reason {finish}, usage claims 20 tokens"
    message = {"role": "assistant", "content": ""}
    answer = whole({"choices": [{"message": message, "finish_reason": finish}], "usage": usage(0)})
    assert answer.outcome is Outcome.EMPTY
    assert Outcome.EMPTY.failed
    assert Outcome.EMPTY.is_answer


CALL = {"function": {"name": "weather", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("delta", "text", "calls"),
    [
        ({"content": "Hü"}, "Hü", 0),
        ({"refusal": "No."}, "No.", 0),
        ({"reasoning_content": "Hm"}, "Hm", 0),
        ({"reasoning": "Hm"}, "Hm", 0),
        ({"tool_calls": [{"index": 0, **CALL}]}, "weather{}", 1),
        ({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}, "{}", 0),
        ({"function_call": CALL["function"]}, "weather{}", 1),
    ],
)
def test_what_a_model_writes__is_content(delta: dict[str, Any], text: str, calls: int) -> None:
    """Content, a refusal, reasoning, a call: not empty, and its text is what tokens are counted in."""
    found = streamed(ROLE, event(delta), STOP + DONE)
    assert (found.outcome, found.content) == (Outcome.OK, [(2 * MS, 1)])
    assert (b"".join(found.texts).decode(), found.calls) == (text, calls)
    answer = whole({"choices": [{"message": delta, "finish_reason": "stop"}]})
    assert (answer.outcome, b"".join(answer.texts).decode()) == (Outcome.OK, text)


def test_texts__are_those_of_the_events() -> None:
    """Also of events that are not parsed, because they look like one that was."""
    words = ["a", "ü", " b c", 'q"', "d", "\n", "e"]
    found = streamed(ROLE, *(event({"content": word}) for word in words), STOP + DONE)
    assert [text.decode() for text in found.texts] == words


def test_reasoning_tokens__are_read_from_usage() -> None:
    """Where it has such details, and they are a number."""
    for details, expected in (
        ({"reasoning_tokens": 7}, 7),
        ({}, None),
        (None, None),
        ({"reasoning_tokens": "7"}, None),
    ):
        told = {**usage(20), "completion_tokens_details": details}
        assert streamed(event({"content": "a"}), STOP + event(usage=told) + DONE).reasoning_tokens == expected
