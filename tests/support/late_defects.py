"""Defects that the simplest request never shows: late in a stream, at a stop sequence, in an earlier turn.

Found by writing a server in yet another style and giving it the mistakes of a tired engineer, one at a time.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.support.defective_requests import any_role, bodied, failing, listed, no_system
from tests.support.defective_server import (
    HTML,
    Case,
    case,
    chunks,
    error,
    events,
    is_refusal,
    is_whole,
    on,
    put,
    refused,
    typed,
    usage,
    whole,
)
from tests.support.other_server import MODEL, Answer, Body, Defect, Request

_LATE = 50
_NEVER = itertools.count(1_000)


def stopped(change: Callable[[Request, Answer], Any], *, stream: bool = False) -> Defect:
    """Changes the answers to requests that name a stop sequence."""

    def changed(request: Request, answer: Answer) -> None:
        if request.asks("stop") and answer.status == 200 and (answer.events is not None) == stream:
            change(request, answer)

    return Defect(answer=changed)


def in_any_case(request: Request, answer: Answer) -> None:
    """A stop sequence is found in the other case too."""
    stop = request.asks("stop")
    message = answer.body["choices"][0]["message"]
    text = message["content"]
    found = [text.lower().find(each.lower()) for each in ([stop] if isinstance(stop, str) else stop)]
    message["content"] = text[: min((at for at in found if at >= 0), default=None)]


def begun(request: Request, answer: Answer) -> None:
    """The first letter of the stop sequence stays."""
    if answer.body["choices"][0]["finish_reason"] == "stop":
        answer.body["choices"][0]["message"]["content"] += request.asks("stop")[0]


def begun_in_stream(request: Request, answer: Answer) -> None:
    """The same, in the last delta."""
    last = [event for event in (answer.events or [])[:-1] if event["choices"]][-1]["choices"][0]
    if last["finish_reason"] == "stop":
        last["delta"]["content"] = last["delta"].get("content", "") + request.asks("stop")[0]


def without_list(body: Body) -> Body:
    """A stream has one stop sequence or none."""
    return {**body, "stop": None} if body.get("stream") is True and isinstance(body.get("stop"), list) else body


def last_of_list(body: Body) -> Body:
    """Only the last stop sequence of a list counts."""
    return {**body, "stop": listed(body["stop"])[-1:]} if isinstance(body.get("stop"), list) else body


def counting(change: Callable[[Answer], Body], applies: Callable[[Answer], bool] = lambda _answer: True) -> Defect:
    """Other counts in whole answers to which it applies."""

    def changed(answer: Answer) -> None:
        if applies(answer):
            answer.body["usage"] = change(answer)

    return on(is_whole, changed)


def _content(answer: Answer) -> str:
    return str(answer.body["choices"][0]["message"]["content"])


def earlier(change: Callable[[Any], Any]) -> Callable[[Body], Body]:
    """Every message but the last is read otherwise."""

    def changed(body: Body) -> Body:
        messages = listed(body.get("messages"))
        return {**body, "messages": [*map(change, messages[:-1]), messages[-1]]} if messages else body

    return changed


def _filled(message: Any) -> Any:
    return {"content": "", **message} if isinstance(message, dict) else message


def _of_the_user(message: Any) -> Any:
    return any_role({"messages": [message]})["messages"][0]


def last_of_the_user(body: Body) -> Body:
    """Of several messages the last one's role is not looked at."""
    messages = listed(body.get("messages"))
    return {**body, "messages": [*messages[:-1], _of_the_user(messages[-1])]} if len(messages) > 1 else body


def bots(body: Body) -> Body:
    """A bot is an assistant."""
    messages = [
        {**each, "role": "assistant"} if isinstance(each, dict) and each.get("role") == "bot" else each
        for each in listed(body.get("messages"))
    ]
    return {**body, "messages": messages} if messages else body


def of_the_vendor(body: Body) -> Body:
    """Any model of the vendor's is the one there is."""
    ours = isinstance(body.get("model"), str) and body["model"].startswith("mistralai/")
    return {**body, "model": MODEL} if ours else body


def reseeded(body: Body) -> Body:
    """A seed of 0 is none."""
    return {**body, "seed": next(_NEVER)} if body.get("seed") == 0 and "seed" in body else body


def no_limit(limit: int) -> Callable[[Body], Body]:
    """That limit is none."""
    return lambda body: {**body, "max_tokens": None} if body.get("max_tokens") == limit else body


def as_boolean(body: Body) -> Body:
    """0 and 1 are false and true."""
    number = isinstance(body.get("stream"), int)
    return {**body, "stream": bool(body["stream"])} if number and body["stream"] in (0, 1) else body


def late(change: Callable[[list[Any]], list[Any]]) -> Defect:
    """Changes streams of many events."""
    return events(lambda events: change(events) if len(events) > _LATE else events)


def one_less(events: list[Any]) -> list[Any]:
    """A delta is lost on the way."""
    del events[_LATE - 10]
    return events


def of_usage(change: Callable[[Body], Any]) -> Defect:
    """Changes the chunk that counts."""

    def changed(events: list[Any]) -> list[Any]:
        for event in events[:-1]:
            if event["choices"] == []:
                change(event)
        return events

    return events(changed)


def _ended_anew(_request: Request, answer: Answer) -> None:
    (answer.events or []).append("[DONE]")


def _unended(_request: Request, answer: Answer) -> None:
    (answer.events or []).pop()


def _bare(events: list[Any]) -> list[Any]:
    return [*events[:2], {**events[0], "choices": []}, *events[2:]]


def masked(request: Request, answer: Answer) -> Answer | None:
    """The refusal of a key shows it but for the last letters."""
    key = request.headers.get("authorization", "").partition(" ")[2]
    return replace(answer, body=error(f"no such key: {key[:-4]}****")) if answer.status == 401 and key else None


def _page(answer: Answer) -> Answer:
    return typed("text/html")(replace(answer, body=HTML))


LATE: dict[str, Case] = {
    # stop sequences
    "a stop sequence in any case": case(stopped(in_any_case), "RSP-35"),
    "the first letter of a stop sequence": case(stopped(begun), "RSP-30"),
    "the first letter of a stop sequence, streamed": case(stopped(begun_in_stream, stream=True), "STR-30"),
    "the last of several stop sequences": case(bodied(last_of_list), "RSP-27", "STR-11"),
    "no list of stop sequences in streams": case(bodied(without_list), "STR-11"),
    "400 for a list of one stop sequence": case(
        failing(lambda request: isinstance(stop := request.asks("stop"), list) and len(stop) == 1, 400), "REQ-11"
    ),
    "an error behind a 200 for a list of stop sequences": case(
        on(
            lambda request, answer: is_whole(request, answer) and isinstance(request.asks("stop"), list),
            put(body=error()),
        ),
        "REQ-11",
        "RSP-27",
    ),
    "a total off by one at a stop sequence": case(
        stopped(lambda _request, answer: answer.body["usage"].update(total_tokens=99)), "RSP-10"
    ),
    "what a stop sequence cut off is counted": case(
        stopped(lambda _request, answer: answer.body.update(usage=usage(9, 30))), "RSP-36"
    ),
    "[DONE] twice after a stop sequence": case(stopped(_ended_anew, stream=True), "SSE-08"),
    "no [DONE] after a stop sequence": case(stopped(_unended, stream=True), "SSE-08"),
    # late in a stream
    "another id after fifty chunks": case(
        chunks(lambda number, chunk: number >= _LATE and chunk.update(id="chatcmpl-next")), "STR-02"
    ),
    "created that moves on after fifty chunks": case(
        chunks(lambda number, chunk: number >= _LATE and chunk.update(created=chunk["created"] + 1)), "STR-16"
    ),
    "a worker lost after fifty chunks": case(
        late(lambda events: [*events[:_LATE], {**events[0], **error(), "choices": []}, *events[_LATE:]]),
        "ERR-15",
        "STR-24",
    ),
    "a delta lost in a long stream": case(late(one_less), "STR-04"),
    "a chunk without choices": case(events(_bare), "STR-24"),
    "the id of usage": case(of_usage(lambda chunk: chunk.update(id="chatcmpl-usage")), "STR-02"),
    "counts as text in a stream": case(
        of_usage(lambda chunk: chunk.update(usage={name: str(count) for name, count in chunk["usage"].items()})),
        "STR-15",
    ),
    "fractions of tokens in a stream": case(
        of_usage(lambda chunk: chunk.update(usage={name: float(count) for name, count in chunk["usage"].items()})),
        "RSP-31",
    ),
    # counts, seeds and characters
    "a limit of one token is none": case(bodied(no_limit(1)), "RSP-29"),
    "-1 is no limit": case(bodied(no_limit(-1)), "NEG-10"),
    "bytes counted beyond ASCII": case(
        counting(
            lambda answer: usage(9, len(_content(answer).encode())), lambda answer: not _content(answer).isascii()
        ),
        "RSP-29",
    ),
    "a system message that is not counted": case(
        on(
            lambda request, answer: is_whole(request, answer) and no_system(request.json),
            lambda answer: answer.body.update(usage=usage(9, 9)),
        ),
        "RSP-32",
        dialect="segmind",
    ),
    "a seed of 0 is none": case(bodied(reseeded), "RSP-33"),
    "one seed for all": case(
        bodied(lambda body: {**body, "seed": 7} if isinstance(body.get("seed"), int) else body), "RSP-34"
    ),
    "encoded twice": case(
        whole(
            lambda body: body["choices"][0]["message"].update(
                content=body["choices"][0]["message"]["content"].encode().decode("latin-1")
            )
        ),
        "RSP-24",
    ),
    # what is let in, and what is not
    "0 and 1 for a boolean": case(bodied(as_boolean), "NEG-11"),
    "a bot": case(bodied(bots), "NEG-05"),
    "an unknown role in an earlier turn": case(bodied(earlier(_of_the_user)), "NEG-05"),
    "an unknown role in the last turn": case(bodied(last_of_the_user), "NEG-05"),
    "no content in an earlier turn": case(bodied(earlier(_filled)), "NEG-04"),
    "any model of the vendor": case(bodied(of_the_vendor), "NEG-13"),
    "413 for a long text": case(failing(lambda request: len(request.body) > 10_000, 413), "REQ-23"),
    "500 for a character of private use": case(failing(lambda request: b"\xee\x80\x80" in request.body), "REQ-15"),
    # refusals
    "most of a key": case(Defect(answer=masked), "AUT-09"),
    "an HTML page for what is no JSON": case(
        on(
            lambda request, answer: (
                is_refusal(request, answer) and refused(400)(request, answer) and request.json is None
            ),
            _page,
        ),
        "ERR-01",
        "ERR-19",
    ),
}
