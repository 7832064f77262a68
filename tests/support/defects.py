"""What other people's servers do wrong: each defect with the clauses that fall through it.

Taken from public issues of gateways, of inference servers and of hosted endpoints, and from what proxies do to streams.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace

from tests.support.defective_requests import (
    bodied,
    contented,
    emptied,
    failing,
    reading,
)
from tests.support.defective_server import (
    HTML,
    Case,
    after_the_end,
    as_one,
    asking_usage,
    body,
    case,
    choices,
    chunked,
    chunks,
    counts,
    cut,
    error,
    events,
    gzipped,
    halved,
    head,
    headers,
    held_back,
    is_refusal,
    is_stream,
    is_whole,
    latin,
    lengthened,
    no_finish,
    on,
    put,
    refused,
    repeating,
    running,
    same_id,
    shown,
    spoken,
    streamed_refusal,
    text_in_choice,
    typed,
    unended,
    usage,
    whole,
    with_field,
)
from tests.support.other_server import Defect, Style
from tests.support.request_defects import REQUEST_DEFECTS

DEFECTS: dict[str, Case] = {
    # the end of a stream
    "stream ends without [DONE]": case(events(lambda events: events[:-1]), "SSE-08"),
    "[DONE] twice": case(events(lambda events: [*events, "[DONE]"]), "SSE-08"),
    "a chunk after [DONE]": case(events(lambda events: [*events, events[0]]), "SSE-08", "STR-18"),
    "[DONE] with a letter after it": case(
        events(lambda events: [*events[:-1], "[DONE]x"]), "SSE-06", "SSE-08", "STR-15"
    ),
    "[DONE] with two spaces before it": case(
        events(lambda events: [*events[:-1], " [DONE]"]), "SSE-06", "SSE-08", "STR-15"
    ),
    "[DONE] without data:": case(events(lambda events: [*events[:-1], b"[DONE]\n\n"]), "SSE-05", "SSE-08"),
    "[DONE] as a JSON string": case(events(lambda events: [*events[:-1], '"[DONE]"']), "SSE-06", "SSE-08", "STR-15"),
    "no blank line after [DONE]": case(events(lambda events: [*events[:-1], b"data: [DONE]\n"]), "SSE-07"),
    "nothing after the last letter": case(events(lambda events: [*events[:-1], b"data: [DONE]"]), "SSE-07"),
    "cut by a proxy": case(Defect(raw=cut), "SSE-08", "STR-05", "STR-04"),
    # framing
    "one line feed between events": case(
        events(lambda events: [b"data: " + shown(event) + b"\n" for event in events] + [b"\n"]),
        "SSE-06",
        "SSE-08",
        "SSE-16",
        "STR-05",
    ),
    "lines of JSON, no events": case(
        Defect(
            answer=lambda _request, answer: typed("application/x-ndjson")(answer) if answer.events else None,
            events=lambda events: [shown(event) + b"\n" for event in events[:-1]],
        ),
        "SSE-01",
        "SSE-08",
        "STR-05",
    ),
    "events named": case(
        events(lambda events: [b"event: chunk\ndata: " + shown(event) + b"\n\n" for event in events]), "SSE-05"
    ),
    "events with ids": case(
        events(lambda events: [b"id: 1\ndata: " + shown(event) + b"\n\n" for event in events]), "SSE-05"
    ),
    "a retry field": case(events(lambda events: [b"retry: 1000\n\n", *events]), "SSE-05"),
    "a ping event without data": case(events(lambda events: [b"event: ping\n\n", *events]), "SSE-05"),
    "a ping as data": case(events(lambda events: [events[0], "ping", *events[1:]]), "SSE-06", "STR-15"),
    "empty data": case(events(lambda events: [b"data:\n\n", *events]), "SSE-09", "SSE-17", "STR-15"),
    "a byte order mark": case(events(lambda events: [b"\xef\xbb\xbf", *events]), "SSE-03"),
    "a byte that is no UTF-8": case(
        events(lambda events: [latin(event) for event in events]), "SSE-03", "RSP-24", "STR-15"
    ),
    "a stream as text/plain": case(on(is_stream, typed("text/plain; charset=utf-8")), "SSE-01"),
    "a stream as JSON": case(on(is_stream, typed("application/json")), "SSE-01"),
    "a charset that it has not": case(on(is_stream, typed("text/event-stream; charset=latin1")), "SSE-18"),
    "a stream held back by a proxy": case(on(is_stream, held_back), "SSE-14"),
    "a stream that is one event": case(events(as_one), "STR-26"),
    "a whole answer instead of a stream": case(
        bodied(lambda body: {**body, "stream": False}), "SSE-01", "SSE-08", "STR-05", "STR-04", "STR-10"
    ),
    "a stream instead of a whole answer": case(
        bodied(lambda body: {**body, "stream": True}), "HTTP-05", "STR-09", "RSP-01"
    ),
    "no last chunk": case(
        Defect(raw=unended, answer=lambda _request, answer: replace(answer, close=True)), "SSE-13", "HTTP-14"
    ),
    "a length too long": case(
        Defect(
            raw=lambda _request, head, pieces: (lengthened(5)(head), pieces),
            answer=lambda _request, answer: replace(answer, close=True),
        ),
        "HTTP-14",
        "SSE-13",
        style=Style(framing="length"),
    ),
    "a length too short": case(
        head(lengthened(-3)),
        "HTTP-14",
        "HTTP-16",
        "ERR-19",
        "ERR-01",
        "RSP-01",
        "RSP-19",
        "SSE-06",
        "SSE-07",
        "SSE-08",
        "STR-15",
        style=Style(framing="length"),
    ),
    "a length beside chunks": case(head(with_field(b"Content-Length: 7")), "HTTP-17"),
    "two types": case(head(with_field(b"Content-Type: text/html")), "HTTP-18"),
    "a space before a colon": case(head(with_field(b"X-Note : 1")), "HTTP-19"),
    "compressed for nobody": case(Defect(raw=gzipped), "HTTP-15", style=Style(framing="length")),
    "no date": case(head(lambda head: re.sub(rb"Date: [^\r]*\r\n", b"", head)), "HTTP-10"),
    "a date of its own": case(head(lambda head: re.sub(rb"Date: [^\r]*", b"Date: 2026-01-01 12:00", head)), "HTTP-31"),
    "chunks for HTTP/1.0": case(Defect(raw=chunked), "HTTP-20"),
    "HEAD with a body": case(
        Defect(raw=lambda request, head, pieces: (head, pieces if request.method != "HEAD" else [b"{}"])), "HTTP-21"
    ),
    "closed without a word": case(
        Defect(
            answer=lambda _request, answer: replace(answer, close=True),
            raw=lambda _request, head, pieces: (
                head.replace(b"Connection: close\r\n", b"").replace(b"\r\nConnection: close", b""),
                pieces,
            ),
        ),
        "HTTP-22",
        "HTTP-23",
        "SSE-22",
    ),
    "chunked requests unread": case(reading(emptied), "HTTP-25"),
    "417 for every expectation": case(failing(lambda request: "expect" in request.headers, 417), "HTTP-24"),
    # what a stream says
    "another id in each chunk": case(chunks(lambda number, chunk: chunk.update(id=f"x{number}")), "STR-02"),
    "one id for all": case(Defect(answer=same_id), "RSP-13", "STR-19"),
    "object of a whole answer": case(
        chunks(lambda _number, chunk: chunk.update(object="chat.completion")), "STR-01", "STR-15"
    ),
    "text instead of delta": case(choices(text_in_choice), "STR-03", "STR-15", "STR-04"),
    "message instead of delta": case(
        choices(lambda _number, choice: choice.update(message=choice.pop("delta"))), "STR-03", "STR-15", "STR-04"
    ),
    "the text so far": case(events(running), "STR-25", "STR-04"),
    "half characters": case(events(halved), "RSP-24"),
    "the role in each chunk": case(choices(lambda _number, choice: choice["delta"].update(role="assistant")), "STR-18"),
    "no role": case(choices(lambda _number, choice: choice["delta"].pop("role", None)), "STR-03"),
    "the chunk's number as index": case(choices(lambda number, choice: choice.update(index=number)), "STR-17"),
    "no finish_reason": case(events(no_finish), "STR-05", "STR-10"),
    "empty finish_reasons": case(
        choices(lambda _number, choice: choice.update(finish_reason=choice["finish_reason"] or "")),
        "STR-05",
        "STR-15",
        "STR-10",
    ),
    "finish_reason eos_token": case(
        choices(lambda _number, choice: choice["finish_reason"] and choice.update(finish_reason="eos_token")),
        "STR-15",
        "STR-10",
    ),
    "content after the end": case(events(after_the_end), "STR-05", "STR-04"),
    "an error in the stream": case(
        events(lambda events: [*events[:-1], error(), "[DONE]"]),
        "ERR-15",
        "STR-02",
        "STR-15",
        "STR-01",
        "STR-16",
        "STR-20",
    ),
    "NaN in a chunk": case(chunks(lambda _number, chunk: chunk.update(load=float("nan"))), "SSE-19"),
    "created in milliseconds": case(
        chunks(lambda _number, chunk: chunk.update(created=chunk["created"] * 1000)), "STR-21"
    ),
    "created as text": case(chunks(lambda _number, chunk: chunk.update(created="now")), "STR-21", "STR-15"),
    "usage that grows in each chunk": case(
        chunks(lambda number, chunk: "usage" in chunk and chunk.update(usage=counts(number))), "STR-23"
    ),
    "usage nobody asked for": case(Defect(request=asking_usage), "STR-24"),
    "the template's last token": case(
        Defect(
            answer=lambda _request, answer: spoken(answer, "</s>"),
        ),
        "RSP-28",
    ),
    # what a whole answer says
    "calls that are not there": case(
        whole(lambda body: body["choices"][0].update(finish_reason="tool_calls")), "RSP-07", "RSP-08", "RSP-26"
    ),
    "choices empty": case(whole(lambda body: body.update(choices=[])), "RSP-04", "RSP-19"),
    "content as parts": case(
        whole(lambda body: body["choices"][0]["message"].update(content=[{"type": "text", "text": "hello"}])),
        "RSP-06",
        "RSP-19",
    ),
    "usage null": case(whole(lambda body: body.update(usage=None)), "RSP-19"),
    "counts as text": case(
        whole(lambda body: body.update(usage={name: str(count) for name, count in body["usage"].items()})), "RSP-19"
    ),
    "a total that is none": case(whole(lambda body: body["usage"].update(total_tokens=0)), "RSP-10"),
    "prompt not counted": case(
        whole(lambda body: body.update(usage=usage(0, body["usage"]["completion_tokens"]))), "RSP-20"
    ),
    "an error beside the answer": case(whole(lambda body: body.update(error())), "ERR-12"),
    "an error with 200": case(
        on(is_whole, lambda answer: replace(answer, body=error())),
        "ERR-12",
        "REQ-02",
        "RSP-01",
        "RSP-02",
        "RSP-04",
        "RSP-12",
        "RSP-13",
        "RSP-19",
    ),
    "201 for a completion": case(on(is_whole, put(status=201)), "REQ-02", "ERR-08"),
    "JSON as text/html": case(on(is_whole, typed("text/html")), "HTTP-05"),
    "JSON with a mark": case(body(lambda body: b"\xef\xbb\xbf" + body), "RSP-21", style=Style(framing="length")),
    "NaN": case(whole(lambda body: body.update(load=float("inf"))), "RSP-22"),
    "two JSON objects": case(
        body(lambda body: body * 2, lambda head: b"200 OK" in head and b"event-stream" not in head),
        "RSP-01",
        "RSP-19",
        style=Style(framing="length"),
    ),
    "an HTML page": case(
        on(is_refusal, lambda answer: typed("text/html")(replace(answer, body=HTML))), "ERR-19", "ERR-01"
    ),
    "no body": case(on(is_refusal, put(body=b"")), "ERR-19", "ERR-01"),
    "refusals as text/plain": case(on(is_refusal, typed("text/plain")), "ERR-16"),
    "data: before a refusal": case(
        on(refused(400), lambda answer: replace(answer, body=b"data:" + json.dumps(answer.body).encode())),
        "ERR-19",
        "ERR-01",
        "SSE-02",
    ),
    "401 with 200": case(on(refused(401), put(status=200)), "AUT-01", "AUT-02"),
    "a key's refusal in the stream": case(
        Defect(answer=lambda request, answer: streamed_refusal(request, answer, 401)), "AUT-11"
    ),
    "a bad request's refusal in the stream": case(
        Defect(answer=lambda request, answer: streamed_refusal(request, answer, 400)), "SSE-02"
    ),
    "a stack trace": case(on(refused(400), put(body=error("at Chat.run (/srv/app/dist/chat.js:12:7)"))), "ERR-04"),
    "an address inside": case(on(refused(400), put(body=error("upstream 10.0.3.17:8000 said no"))), "ERR-04"),
    "another status inside": case(on(refused(400), put(body={**error(), "status": 500})), "ERR-03"),
    "405 without Allow": case(
        on(refused(405), headers(lambda headers: {name: headers[name] for name in headers if name != "Allow"})),
        "HTTP-03",
    ),
    "422 with a list": case(
        on(
            refused(400),
            lambda answer: replace(answer, status=422, body={"detail": [{"msg": "bad", "loc": ["body"]}]}),
        ),
        "ERR-19",
        "ERR-02",
        "ERR-08",
    ),
    "422 where messages without content are taken": case(
        replace(
            bodied(contented),
            answer=lambda _request, answer: replace(answer, status=422) if answer.status == 400 else None,
        ),
        "ERR-08",
    ),
    "the key repeated": case(Defect(answer=repeating), "AUT-09"),
    "a wait in words": case(on(refused(429), headers(lambda headers: {**headers, "Retry-After": "1s"})), "ERR-17"),
    "a wait too short": case(on(refused(429), headers(lambda headers: {**headers, "Retry-After": "0"})), "ERR-18"),
    **REQUEST_DEFECTS,
}
