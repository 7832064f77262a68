"""Breaks of streams: their framing, their events, and when these leave."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from mixtral_contract.mock.breaks.answers import completion, counted, one_more, with_page
from mixtral_contract.mock.breaks.broken_service import Break, Factory
from mixtral_contract.mock.completions.completion import DONE, Completion
from mixtral_contract.mock.messages.messages import Outgoing, Reply
from mixtral_contract.mock.service.call import Call

Frames = list[list[bytes]]
"""The events that leave with each token."""

_BOM = b"\xef\xbb\xbf"
_END = b"\n\n"
_DATA = b"data: "


def _reply(change: Callable[[Reply], None]) -> Factory:
    """Changes the reply that is a stream."""

    def changed(_call: Call, reply: Reply) -> None:
        if reply.frames is not None and reply.refusal is None:
            change(reply)

    return lambda: Break(reply=changed)


def _together_for_gzip(call: Call, reply: Reply) -> None:
    """Holds a stream back from a client that accepts gzip."""
    if reply.frames is not None and "gzip" in call.request.headers.get("accept-encoding", ""):
        reply.together = True


def _events(change: Callable[[Frames], None]) -> Factory:
    """Changes the events of a stream."""

    def changed(reply: Reply) -> None:
        frames = [[event + _END for event in frame.split(_END)[:-1]] for frame in reply.frames or ()]
        change(frames)
        reply.frames = [b"".join(events) for events in frames]

    return _reply(changed)


def _each(change: Callable[[bytes], bytes]) -> Factory:
    def changed(frames: Frames) -> None:
        for events in frames:
            events[:] = map(change, events)

    return _events(changed)


def chunks(change: Callable[[int, dict[str, Any]], None]) -> Factory:
    """Changes the chunks of a stream; each comes with its number, from 0."""

    def changed(frames: Frames) -> None:
        numbers = itertools.count()

        def rewritten(event: bytes) -> bytes:
            if event == DONE:
                return event
            chunk = orjson.loads(event.removeprefix(_DATA))
            change(next(numbers), chunk)
            return _DATA + orjson.dumps(chunk) + _END

        for events in frames:
            events[:] = map(rewritten, events)

    return _events(changed)


def _choices(change: Callable[[int, dict[str, Any]], None]) -> Factory:
    """Changes the choice of each chunk that has one."""

    def changed(number: int, chunk: dict[str, Any]) -> None:
        for choice in chunk["choices"]:
            change(number, choice)

    return chunks(changed)


def _streamed(change: Callable[[Completion], Completion]) -> Factory:
    """Changes a completion that is streamed."""
    return completion(lambda call, made: change(made) if call.completion_request.stream else made)


def _first(change: Callable[[bytes], bytes]) -> Factory:
    def changed(frames: Frames) -> None:
        frames[0][0] = change(frames[0][0])

    return _events(changed)


def _last(change: Callable[[bytes], bytes]) -> Factory:
    def changed(frames: Frames) -> None:
        frames[-1][-1] = change(frames[-1][-1])

    return _events(changed)


def _choiceless(change: Callable[[dict[str, Any]], None]) -> Factory:
    """Changes the chunk without choices, which carries the usage."""
    return chunks(lambda _number, chunk: None if chunk["choices"] else change(chunk))


def _one_more(chunk: dict[str, Any]) -> None:
    chunk["usage"]["total_tokens"] += 1


def _usage_everywhere(frames: Frames) -> None:
    chunks = [orjson.loads(event.removeprefix(_DATA)) for events in frames for event in events if event != DONE]
    counted_at_the_end = chunks[-1].get("usage")
    if counted_at_the_end is not None:
        usage = b'"usage":' + orjson.dumps(counted_at_the_end)
        for events in frames:
            events[:] = [event.replace(b'"usage":null', usage) for event in events]


def _running(frames: Frames) -> None:
    said = ""

    def rewritten(event: bytes) -> bytes:
        nonlocal said
        if event == DONE:
            return event
        chunk = orjson.loads(event.removeprefix(_DATA))
        for choice in chunk["choices"]:
            if choice["delta"].get("content"):
                said += choice["delta"]["content"]
                choice["delta"]["content"] = said
        return _DATA + orjson.dumps(chunk) + _END

    for events in frames:
        events[:] = map(rewritten, events)


def _failed(frames: Frames) -> None:
    chunk = orjson.loads(frames[-1][-2].removeprefix(_DATA))
    chunk["error"] = {"message": "the model failed"}
    frames[-1][-2] = _DATA + orjson.dumps(chunk) + _END


def _closed(made: Outgoing) -> Outgoing:
    return replace(made, close=True)


def _chunked_anyway(made: Outgoing) -> Outgoing:
    if made.chunked:
        return made
    head = made.head.removesuffix(b"\r\n") + b"transfer-encoding: chunked\r\n\r\n"
    return replace(made, head=head, chunked=True, end=b"0\r\n\r\n")


def _finish_twice(frames: Frames) -> None:
    ends = [index for index, event in enumerate(frames[-1]) if event != DONE and _finishes(event)]
    frames[-1].insert(ends[0], frames[-1][ends[0]])


def _finishes(event: bytes) -> bool:
    return any(choice["finish_reason"] for choice in orjson.loads(event.removeprefix(_DATA))["choices"])


def _no_finish_key(_number: int, choice: dict[str, Any]) -> None:
    if choice["finish_reason"] is None:
        del choice["finish_reason"]


def _number_for_text(number: int, choice: dict[str, Any]) -> None:
    if number == 1 and "content" in choice["delta"]:
        choice["delta"]["content"] = 7


def _cut_off(made: Outgoing) -> Outgoing:
    return replace(made, end=b"", close=True)


def _with_stop(made: Completion) -> Completion:
    return made if made.stopped_by is None else replace(made, pieces=(*made.pieces, made.stopped_by))


STREAMS: Mapping[str, Factory] = {
    "SSE-01": _reply(lambda reply: reply.headers.update({"content-type": "text/plain"})),
    "SSE-03": _first(lambda event: _BOM + event),
    "SSE-04": _each(lambda event: event.replace(b"\n", b"\r\n")),
    "SSE-05": _first(lambda event: b"event: message\n" + event),
    "SSE-06": _events(lambda frames: frames[0].insert(0, b"data: ping\n\n")),
    "SSE-07": _last(lambda event: event.removesuffix(b"\n")),
    "SSE-08": _last(lambda _event: b""),
    "SSE-09": _events(lambda frames: frames[-1].insert(0, b"data: \n\n")),
    "SSE-13": _reply(lambda reply: setattr(reply, "edits", (*reply.edits, _cut_off))),
    "SSE-14": _reply(lambda reply: setattr(reply, "together", True)),
    "SSE-16": _first(lambda event: event.replace(b',"object"', b',\ndata: "object"', 1)),
    "SSE-17": _each(lambda event: event.replace(_DATA, b"data:")),
    "SSE-18": _reply(lambda reply: reply.headers.update({"content-type": "text/event-stream; charset=iso-8859-1"})),
    "SSE-19": _first(lambda event: event.replace(b',"object"', b',"load":NaN,"object"', 1)),
    "SSE-23": lambda: Break(reply=_together_for_gzip),
    "SSE-22": _reply(lambda reply: setattr(reply, "edits", (*reply.edits, _closed))),
    "HTTP-20": _reply(lambda reply: setattr(reply, "edits", (*reply.edits, _chunked_anyway))),
    "ERR-15": _events(_failed),
    "STR-01": chunks(lambda _number, chunk: chunk.update(object="chat.completion")),
    "STR-02": chunks(lambda number, chunk: chunk.update(id=f"{chunk['id']}-{number}")),
    "STR-03": _choices(lambda _number, choice: choice["delta"].pop("role", None)),
    "STR-04": _streamed(lambda made: replace(made, pieces=made.pieces[:-1])),
    "STR-05": _events(_finish_twice),
    "STR-06": _choices(_no_finish_key),
    "STR-08": _streamed(lambda made: counted(made, prompt=1)),
    "STR-10": _streamed(lambda made: replace(made, finish_reason="stop")),
    "STR-11": _streamed(_with_stop),
    "STR-15": _choices(_number_for_text),
    "STR-16": chunks(lambda number, chunk: chunk.update(created=chunk["created"] + number)),
    "STR-17": _choices(lambda number, choice: choice.update(index=number)),
    "STR-18": _choices(lambda _number, choice: choice["delta"].update(role="assistant")),
    "STR-19": _streamed(lambda made: replace(made, id="chatcmpl-1")),
    "STR-20": chunks(lambda _number, chunk: chunk.update(model=f"other-{chunk['model']}")),
    "STR-21": _streamed(lambda made: replace(made, created=1)),
    "STR-22": _choiceless(_one_more),
    "STR-23": _events(_usage_everywhere),
    "STR-25": _events(_running),
    "STR-26": _streamed(lambda made: replace(made, pieces=("".join(made.pieces),))),
    "STR-27": _streamed(lambda made: counted(made, completion=1)),
    "STR-28": _streamed(with_page),
    "STR-29": _streamed(one_more),
    "STR-30": _streamed(lambda made: made if made.stopped_by is None else replace(made, pieces=())),
    "STR-31": _streamed(lambda made: made if made.stopped_by is None else replace(made, finish_reason="length")),
}
