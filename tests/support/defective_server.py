"""What other people's servers do wrong: each defect with the clauses that must fall, and no other of those judged.

Taken from public issues of gateways, of inference servers and of hosted endpoints, and from what proxies do to streams.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.support.other_server import CHAT, Answer, Body, Defect, Request, Style

HTML = b"<!DOCTYPE html><html><head><title>502</title></head><body><h1>Bad gateway</h1></body></html>"
_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Case:
    """A defect, which clauses fall through it, and where it is looked for."""

    defect: Defect
    falls: frozenset[str]
    dialect: str = "nvidia"
    style: Style = field(default_factory=Style)


def case(defect: Defect, *falls: str, **options: Any) -> Case:
    """A defect that these clauses fall through, and no other of those judged."""
    return Case(defect, frozenset(falls), **options)


# ---- how a defect changes what is answered


def on(applies: Callable[[Request, Answer], bool], change: Callable[[Answer], Answer | None]) -> Defect:
    """Changes the answers to which it applies."""
    return Defect(answer=lambda request, answer: change(answer) if applies(request, answer) else None)


def whole(change: Callable[[Body], Any]) -> Defect:
    """Changes the body of whole completions."""

    def changed(answer: Answer) -> None:
        change(answer.body)

    return on(is_whole, changed)


def is_whole(_request: Request, answer: Answer) -> bool:
    """Whether it is a whole completion."""
    return answer.status == 200 and answer.events is None


def is_stream(_request: Request, answer: Answer) -> bool:
    """Whether it is a stream."""
    return answer.events is not None


def is_refusal(_request: Request, answer: Answer) -> bool:
    """Whether it is a refusal."""
    return answer.status >= 400


def refused(status: int) -> Callable[[Request, Answer], bool]:
    """Whether it has that status."""
    return lambda _request, answer: answer.status == status


def put(**fields: Any) -> Callable[[Answer], Answer]:
    """Sets fields of an answer."""
    return lambda answer: replace(answer, **fields)


def headers(change: Callable[[Mapping[str, str]], Mapping[str, str]]) -> Callable[[Answer], Answer]:
    """Changes the header fields of an answer."""
    return lambda answer: replace(answer, headers=list(change(dict(answer.headers)).items()))


def typed(media_type: str) -> Callable[[Answer], Answer]:
    """Says another media type."""
    return headers(lambda headers: {**headers, "Content-Type": media_type})


def error(message: Any = "the model failed") -> Body:
    """The envelope of an error."""
    return {"error": {"message": message, "type": "server_error", "param": None, "code": None}}


# ---- how it changes events


def events(change: Callable[[list[Any]], list[Any]]) -> Defect:
    """Changes the events of a stream."""
    return Defect(events=change)


def chunks(change: Callable[[int, Body], Any]) -> Defect:
    """Changes each chunk in place."""

    def changed(events: list[Any]) -> list[Any]:
        for number, event in enumerate(events[:-1]):
            change(number, event)
        return events

    return events(changed)


def choices(change: Callable[[int, Body], Any]) -> Defect:
    """Changes each choice of each chunk in place."""
    return chunks(lambda number, chunk: [change(number, choice) for choice in chunk["choices"]])


def text_in_choice(_number: int, choice: Body) -> None:
    """As the older completions API has it."""
    choice["text"] = choice.pop("delta").get("content", "")


def running(events: list[Any]) -> list[Any]:
    """Each delta holds the text so far."""
    said = ""
    for event in events[:-1]:
        for choice in event["choices"]:
            if choice["delta"].get("content"):
                said += choice["delta"]["content"]
                choice["delta"]["content"] = said
    return events


def as_one(events: list[Any]) -> list[Any]:
    """One delta holds the whole text."""
    text = "".join(choice["delta"].get("content") or "" for event in events[:-1] for choice in event["choices"])
    first, *_, last = (event for event in events[:-1] if event["choices"])
    middle = json.loads(json.dumps(first))
    middle["choices"][0]["delta"] = {"content": text}
    return [first, middle, last, *(event for event in events[:-1] if not event["choices"]), "[DONE]"]


def halved(events: list[Any]) -> list[Any]:
    """Each accented letter and dash as two events of half characters, as byte tokens decoded one by one are."""
    for event in events[:-1]:
        for choice in event["choices"]:
            content = choice["delta"].get("content") or ""
            if not content.isascii():
                choice["delta"]["content"] = re.sub(r"[^\x00-\x7f]", "\ufffd\ufffd", content)
    return events


def no_finish(events: list[Any]) -> list[Any]:
    """The chunks that end something are left out."""
    return [event for event in events if event == "[DONE]" or not _finishes(event)]


def _finishes(event: Body) -> bool:
    return any(choice["finish_reason"] for choice in event["choices"])


def after_the_end(events: list[Any]) -> list[Any]:
    """A delta follows the finish_reason."""
    last = next(index for index, event in enumerate(events) if _finishes(event))
    late = json.loads(json.dumps(events[last]))
    late["choices"][0] |= {"delta": {"content": " and more"}, "finish_reason": None}
    return [*events[: last + 1], late, *events[last + 1 :]]


def shown(event: Any) -> bytes:
    """An event's data as bytes."""
    return (event if isinstance(event, str) else json.dumps(event)).encode()


# ---- how it changes bytes

Raw = Callable[[Request, bytes, list[bytes]], tuple[bytes, list[bytes]]]


def head(change: Callable[[bytes], bytes]) -> Defect:
    """Changes the bytes of every head."""
    return Defect(raw=lambda _request, head, pieces: (change(head), pieces))


def body(
    change: Callable[[bytes], bytes], applies: Callable[[bytes], bool] = lambda head: b"event-stream" not in head
) -> Defect:
    """Changes a body that has a length; the length follows."""

    def changed(_request: Request, head: bytes, pieces: list[bytes]) -> tuple[bytes, list[bytes]]:
        if b"Content-Length" not in head or not applies(head) or not b"".join(pieces):
            return head, pieces
        body = change(b"".join(pieces))
        return re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(body), head), [body]

    return Defect(raw=changed)


def with_field(line: bytes) -> Callable[[bytes], bytes]:
    """Adds a line to a head."""
    return lambda head: head.removesuffix(_END) + b"\r\n" + line + _END


def lengthened(by: int) -> Callable[[bytes], bytes]:
    """Says another length."""
    return lambda head: re.sub(
        rb"Content-Length: (\d+)", lambda found: b"Content-Length: %d" % (int(found[1]) + by), head
    )


def unended(_request: Request, head: bytes, pieces: list[bytes]) -> tuple[bytes, list[bytes]]:
    """Leaves the last chunk out."""
    return head, pieces[:-1] if b"chunked" in head else pieces


def cut(_request: Request, head: bytes, pieces: list[bytes]) -> tuple[bytes, list[bytes]]:
    """A proxy's time-out: half of a stream, properly ended."""
    return (head, [*pieces[: len(pieces) // 2], pieces[-1]]) if b"event-stream" in head else (head, pieces)


def held_back(answer: Answer) -> Answer:
    """Everything leaves when the last is due, as a buffering proxy does it."""
    return replace(answer, pace_s=0.0, wait_s=answer.pace_s * len(answer.events or ()) * 12)


def gzipped(_request: Request, head: bytes, pieces: list[bytes]) -> tuple[bytes, list[bytes]]:
    """Compresses whole completions."""
    if b"Content-Length" not in head or b"200 OK" not in head or b"event-stream" in head:
        return head, pieces
    body = gzip.compress(b"".join(pieces))
    head = re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(body), head)
    return with_field(b"Content-Encoding: gzip")(head), [body]


# ---- how it misreads requests


def latin(event: Any) -> Any:
    """An event in another encoding than UTF-8."""
    if event == "[DONE]":
        return event
    return b"data: " + json.dumps(event, ensure_ascii=False).encode("latin-1", "replace") + b"\n\n"


def chunked(request: Request, head: bytes, pieces: list[bytes]) -> tuple[bytes, list[bytes]]:
    """Chunks for a client that speaks HTTP/1.0."""
    if request.version != "HTTP/1.0" or b"event-stream" not in head:
        return head, pieces
    chunks = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]
    return with_field(b"Transfer-Encoding: chunked")(head), [*chunks, b"0\r\n\r\n"]


def same_id(_request: Request, answer: Answer) -> Answer:
    """Every answer has one id."""
    for said in [answer.body] if answer.events is None else answer.events[:-1]:
        if isinstance(said, dict) and "id" in said:
            said["id"] = "chatcmpl-1"
    return answer


def usage(prompt: int, completion: int) -> Body:
    """Counts that add up."""
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def counts(number: int) -> Body:
    """Counts that grow."""
    return usage(9, number)


def asking_usage(request: Request) -> Request:
    """As if usage had been asked for."""
    body = request.json
    if not isinstance(body, dict) or body.get("stream") is not True or request.path != CHAT:
        return request
    return replace(request, body=json.dumps({**body, "stream_options": {"include_usage": True}}).encode())


def spoken(answer: Answer, word: str) -> Answer:
    """Adds a word to every text."""
    if is_stream(_NOBODY, answer):
        last = [event for event in answer.events or () if event != "[DONE]" and event["choices"]][-2]
        last["choices"][0]["delta"]["content"] += word
    elif is_whole(_NOBODY, answer):
        answer.body["choices"][0]["message"]["content"] += word
    return answer


_NOBODY = Request("POST", CHAT, "HTTP/1.1", {}, b"")


def streamed_refusal(request: Request, answer: Answer, status: int) -> Answer | None:
    """Refuses inside the stream that was asked for."""
    if answer.status != status or request.asks("stream") is not True:
        return None
    return Answer(200, [("Content-Type", "text/event-stream")], events=[answer.body, "[DONE]"])


def repeating(request: Request, answer: Answer) -> Answer | None:
    """The refusal of a key repeats it."""
    return (
        replace(answer, body=error(f"no such key: {request.headers.get('authorization')}"))
        if answer.status == 401
        else None
    )


def hang_up(request: Request, _answer: Answer) -> Answer | None:
    """Closes the connection instead of refusing what is no JSON."""
    if request.method == "POST" and request.json is None and request.body:
        raise ConnectionAbortedError
    return None
